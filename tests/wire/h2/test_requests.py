"""Which field lists are requests (RFC 9113 §8), in its order. What is malformed resets its stream."""

import pytest

from fixtures.http2 import (
    DATA,
    END_HEADERS,
    GET,
    HEADERS,
    POST,
    RST_STREAM,
    Conversation,
    block,
    data,
    error_of,
    frame,
    headers,
)
from veche.wire.h2 import ErrorCode

MALFORMED = ("stream", ErrorCode.PROTOCOL_ERROR)


def ask(fields: list[tuple[str, str]]) -> Conversation:
    talk = Conversation().opened()
    talk.receive(headers(1, fields))
    return talk


def replaced(name: str, value: str) -> list[tuple[str, str]]:
    return [(n, value if n == name else v) for n, v in GET]


def without(name: str) -> list[tuple[str, str]]:
    return [(n, v) for n, v in GET if n != name]


def test_a_request_is_what_bridges_know_from_http_1() -> None:  # §8.3.1
    [head] = ask([*replaced(":path", "/a%20b?c=d"), ("accept", "*/*")]).heads
    line = head.line
    assert (line.method, line.version, line.raw_path, line.path_text, line.query) == (
        *("GET", "2", b"/a%20b", "/a b", b"c=d"),
    )
    assert head.fields == [(b"host", b"example.org"), (b"accept", b"*/*")]
    assert (head.content_length, head.chunked, head.upgrade) == (0, False, b"")


# §8.1.


def test_trailers_end_a_request() -> None:
    talk = Conversation().opened()
    talk.receive(headers(1, POST, ended=False), data(1, b"x"))
    assert talk.receive(headers(1, [("x-sum", "1")])) == []
    assert talk.events[-1] == ("end", 1)


@pytest.mark.parametrize(
    ("trailers", "ended"), [([("x", "y")], False), ([(":path", "/")], True), ([("connection", "x")], True)]
)
def test_trailers_that_are_none_reset_the_stream(trailers: list[tuple[str, str]], ended: bool) -> None:
    talk = Conversation().opened()
    talk.receive(headers(1, POST, ended=False))
    assert error_of(talk, talk.receive(headers(1, trailers, ended=ended))) == MALFORMED


@pytest.mark.parametrize(
    ("length", "octets"),
    [("3", b"ab"), ("3", b"abcd"), ("0", b"a"), ("+3", b"abc"), ("3, 3", b"abc"), ("", b""), ("1_0", b"a" * 10)],
)
def test_content_length_is_the_sum_of_data(length: str, octets: bytes) -> None:  # §8.1.1
    talk = Conversation().opened()
    answer = talk.receive(headers(1, [*POST, ("content-length", length)], ended=False))
    answer += talk.receive(data(1, octets, ended=True)) if not answer else []
    assert error_of(talk, answer) == MALFORMED


def test_content_length_is_the_sum_of_data_before_trailers_too() -> None:  # §8.1.1
    for octets, answer in ((b"ab", MALFORMED), (b"abc", None)):
        talk = Conversation().opened()
        talk.receive(headers(1, [*POST, ("content-length", "3")], ended=False), data(1, octets))
        frames = talk.receive(headers(1, [("x-sum", "1")]))
        assert (error_of(talk, frames) if frames else None) == answer
        assert (("end", 1) in talk.events) == (answer is None)


def test_two_content_lengths_reset_the_stream() -> None:
    talk = Conversation().opened()
    fields = [*POST, ("content-length", "1"), ("content-length", "1")]
    assert error_of(talk, talk.receive(headers(1, fields, ended=False))) == MALFORMED


def test_end_stream_with_a_content_length_resets_the_stream() -> None:
    talk = Conversation().opened()
    assert error_of(talk, talk.receive(headers(1, [*POST, ("content-length", "5")]))) == MALFORMED
    assert talk.receive(headers(3, [*POST, ("content-length", "0")])) == []


def test_a_body_without_a_length_may_be_empty() -> None:
    talk = Conversation().opened()
    assert talk.receive(headers(1, POST, ended=False), data(1, b"", ended=True)) == []
    assert talk.heads[0].chunked
    assert talk.events[-1] == ("end", 1)


# §8.2.


@pytest.mark.parametrize(
    "field",
    [
        ("Accept", "x"),  # §8.2: lower case
        ("", "x"),
        ("a b", "x"),
        ("a:b", "x"),
        ("a\x00", "x"),
        ("ä", "x"),
        ("x", "a\nb"),  # §8.2.1
        ("x", "a\rb"),
        ("x", "a\x00b"),
        ("x", "\x7f"),
        ("x", " a"),
        ("x", "a\t"),
        ("connection", "keep-alive"),  # §8.2.2
        ("keep-alive", "5"),
        ("proxy-connection", "x"),
        ("transfer-encoding", "chunked"),
        ("upgrade", "h2c"),
        ("te", "gzip"),
        ("te", "trailers, deflate"),
        ("transfer_encoding", "chunked"),  # look-alikes, as in HTTP/1
        ("content_length", "1"),
    ],
)
def test_a_malformed_field_resets_the_stream_CVE_2025_57804_GHSA_x3gh_xhj4_3vq8(field: tuple[str, str]) -> None:
    talk = Conversation().opened()
    assert error_of(talk, talk.receive(headers(1, [*GET, field]))) == MALFORMED
    assert talk.heads == []


def test_a_malformed_field_in_the_table_costs_only_the_requests_that_use_it() -> None:
    talk = Conversation().opened()
    first = talk.receive(frame(HEADERS, END_HEADERS | 1, 1, block(GET) + b"\x40\x01X\x01y"))
    again = talk.receive(frame(HEADERS, END_HEADERS | 1, 3, block(GET) + b"\xbe"))
    assert [f.kind for f in first + again] == [RST_STREAM, RST_STREAM]
    assert talk.receive(headers(5)) == []
    assert len(talk.heads) == 1


def test_te_trailers_and_cookie_crumbs_are_allowed() -> None:  # §8.2.2, §8.2.3
    [head] = ask([*GET, ("cookie", "a=1"), ("te", "trailers"), ("cookie", "b=2")]).heads
    assert (b"te", b"trailers") in head.fields
    assert [value for name, value in head.fields if name == b"cookie"] == [b"a=1; b=2"]


def test_a_field_with_an_underscore_is_dropped() -> None:  # as in HTTP/1
    [head] = ask([*GET, ("x_forwarded_for", "1.2.3.4")]).heads
    assert head.fields == [(b"host", b"example.org")]


# §8.3.


@pytest.mark.parametrize(
    "fields",
    [
        [*GET, (":method", "GET")],  # each once
        [*GET, (":path", "/")],
        [*GET, (":scheme", "http")],
        [*GET, (":authority", "example.org")],
        [*GET, (":status", "200")],
        [*GET, (":unknown", "x")],
        [*GET, (":protocol", "websocket")],
        [*GET[:3], ("accept", "x"), GET[3]],  # before all others
        [*GET[:3], ("host", "example.org"), GET[3]],
        without(":method"),
        without(":scheme"),
        without(":path"),
        replaced(":path", ""),
        replaced(":path", "relative"),
        replaced(":path", "*"),
        replaced(":path", "http://example.org/"),
        replaced(":method", "GE T"),
        replaced(":method", ""),
        replaced(":scheme", "ftp"),  # CVE-2026-32688: an open set of names
        replaced(":scheme", "HTTP"),
        [(":method", "CONNECT"), (":authority", "a:1"), (":path", "/")],  # §8.5: a plain one has neither
        [(":method", "CONNECT"), (":authority", "a:1"), (":scheme", "http")],
        [(":method", "CONNECT")],
        [*GET, ("host", "other.org")],  # §8.3.1
        [*without(":authority"), ("host", "a"), ("host", "a")],
    ],
)
def test_pseudo_header_fields_are_exactly_what_they_must_be_CVE_2026_32688(fields: list[tuple[str, str]]) -> None:
    talk = Conversation().opened()
    assert error_of(talk, talk.receive(headers(1, fields))) == MALFORMED


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        (without(":authority"), 400),
        (replaced(":authority", "user@host"), 400),
        (replaced(":authority", "a,b"), 400),
        (replaced(":authority", ""), 400),
        (replaced(":path", "/a b"), 400),
        (replaced(":path", "/a#b"), 400),
        (replaced(":path", "/ä"), 400),
        (replaced(":path", "/a%00"), 400),
        (replaced(":path", "/" + "a" * 1000), 414),
        ([*GET, ("expect", "a miracle")], 417),
        ([(":method", "CONNECT"), (":authority", "a:1")], 501),
        ([*GET, *[("a", "b")] * 17], 431),
        ([*GET, ("content-length", "100001")], 413),
    ],
)
def test_what_http_refuses_is_answered_with_its_status(fields: list[tuple[str, str]], status: int) -> None:
    talk = Conversation(list_octets=4096).opened()
    answer = talk.receive(headers(1, fields, ended=False))
    assert (":status", str(status)) in talk.fields(answer[0])
    assert (answer[1].kind, answer[1].code) == (RST_STREAM, ErrorCode.NO_ERROR)
    assert talk.heads == []
    assert talk.receive(data(1, b"late"), headers(3)) == []  # §5.1: what was on its way is thrown away
    assert len(talk.heads) == 1


def test_host_stands_for_authority_and_must_agree_with_it() -> None:  # §8.3.1
    assert ask([*without(":authority"), ("host", "a.org")]).heads[0].fields == [(b"host", b"a.org")]
    assert ask([*GET, ("host", "EXAMPLE.org")]).heads[0].fields == [(b"host", b"example.org")]


def test_options_of_the_server() -> None:
    [head] = ask([(":method", "OPTIONS"), *replaced(":path", "*")[1:]]).heads
    assert head.line.target == b"*"


def test_the_decoded_list_has_a_limit_GHSA_9q5m_g6v3_6772() -> None:  # §10.5.1: small on the wire, large in memory
    talk = Conversation(list_octets=4096).opened()
    large = b"\x40\x01a\x7f\xa9\x06" + b"x" * 936
    talk.receive(frame(HEADERS, END_HEADERS | 1, 1, block(GET) + large))
    assert len(talk.heads) == 1
    answer = talk.receive(frame(HEADERS, END_HEADERS | 1, 3, block(GET) + b"\xbe" * 5))
    assert (":status", "431") in talk.fields(answer[0])
    assert len(talk.heads) == 1


def test_a_body_over_the_limit_is_refused_while_it_comes() -> None:
    talk = Conversation(body_octets=100, stream_window_octets=1000).opened()
    talk.receive(headers(1, POST, ended=False), data(1, b"x" * 100))
    assert ("refused", 413) not in talk.events
    talk.receive(data(1, b"x"))
    assert talk.events[-1] == ("refused", 413)


def test_what_a_parser_remembers_is_bounded() -> None:
    talk = Conversation(requests=10_000, streams=10_000).opened()
    for number in range(3000):
        talk.receive(headers(2 * number + 1, [*replaced(":path", f"/{number}"), (f"x-{number}", "a")]))
    assert len(talk.engine.parser._lines) <= 2048


# RFC 8441 §4.


def test_extended_connect_is_a_request_for_a_protocol() -> None:
    talk = Conversation().opened()
    fields = [(":method", "CONNECT"), (":protocol", "websocket"), *GET[1:]]
    talk.receive(headers(1, fields, ended=False))
    assert (talk.heads[0].upgrade, talk.heads[0].line.method) == (b"websocket", "CONNECT")
    assert not [f for f in talk.sent() if f.kind == DATA]


@pytest.mark.parametrize("missing", [":scheme", ":path", ":authority"])
def test_extended_connect_has_all_of_a_target(missing: str) -> None:
    talk = Conversation().opened()
    fields = [(":method", "CONNECT"), (":protocol", "websocket"), *[f for f in GET[1:] if f[0] != missing]]
    assert error_of(talk, talk.receive(headers(1, fields, ended=False))) == MALFORMED
