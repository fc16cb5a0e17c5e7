"""Responses are checked and framed (RFC 9112 §4, §6, §7, §9.3; RFC 9110 §6.4, §8.6)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.requests import get
from veche.wire.h1 import BodyMismatch, FieldLines, HeadParser, ResponseRefused, ResponseWriter

DATE = b"date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
PLAIN = [(b"content-type", b"text/plain")]


def writer_for(line: bytes = b"GET / HTTP/1.1", *lines: bytes, keep_alive: bool = True) -> ResponseWriter:
    head = HeadParser(limit_fields=10).parse(get(*lines, line=line))
    return ResponseWriter(head, FieldLines(), keep_alive=keep_alive)


def test_head_and_first_body_are_one_piece() -> None:
    writer = writer_for()
    writer.start(200, [*PLAIN, (b"Content-Length", b"5")])
    assert writer.body(b"hello", more=False, date_line=DATE) == (
        b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n" + DATE + b"content-length: 5\r\n\r\nhello"
    )
    assert writer.ended
    assert writer.keep_alive


def test_a_body_that_is_whole_gets_its_length() -> None:
    writer = writer_for()
    writer.start(200, PLAIN)
    assert writer.body(b"hello", more=False, date_line=DATE).endswith(b"content-length: 5\r\n\r\nhello")


def test_a_body_without_length_is_chunked_for_1_1() -> None:  # RFC 9112 §7.1
    writer = writer_for()
    writer.start(200, PLAIN)
    first = writer.body(b"a" * 17, more=True, date_line=DATE)
    assert first.endswith(b"transfer-encoding: chunked\r\n\r\n11\r\n" + b"a" * 17 + b"\r\n")
    assert writer.body(b"", more=True, date_line=DATE) == b""  # an empty chunk would end the body
    assert writer.body(b"z", more=False, date_line=DATE) == b"1\r\nz\r\n0\r\n\r\n"


def test_a_body_without_length_ends_with_the_connection_for_1_0() -> None:  # RFC 9112 §6.3
    writer = writer_for(b"GET / HTTP/1.0", b"Connection: keep-alive")
    writer.start(200, PLAIN)
    first = writer.body(b"a", more=True, date_line=DATE)
    assert b"transfer-encoding" not in first
    assert first.endswith(b"connection: close\r\n\r\na")
    assert writer.body(b"b", more=False, date_line=DATE) == b"b"
    assert not writer.keep_alive


@pytest.mark.parametrize(
    ("line", "lines", "connection"),
    [
        (b"GET / HTTP/1.1", (), b""),
        (b"GET / HTTP/1.1", (b"Connection: close",), b"close"),
        (b"GET / HTTP/1.0", (), b"close"),
        (b"GET / HTTP/1.0", (b"Connection: keep-alive",), b"keep-alive"),
    ],
)
def test_the_connection_field_says_what_will_happen(line: bytes, lines: tuple[bytes, ...], connection: bytes) -> None:
    writer = writer_for(line, *lines)
    writer.start(200, PLAIN)
    octets = writer.body(b"a", more=False, date_line=DATE)
    assert (b"connection: " + connection + b"\r\n" in octets) if connection else (b"connection:" not in octets)
    assert writer.keep_alive is (connection != b"close")


def test_the_application_may_close() -> None:
    writer = writer_for()
    writer.start(200, [(b"Connection", b"close")])
    assert writer.body(b"", more=False, date_line=DATE).count(b"onnection: close") == 1
    assert not writer.keep_alive


def test_framing_fields_of_the_application_are_ours_to_say() -> None:
    writer = writer_for()
    writer.start(200, [(b"Transfer-Encoding", b"chunked"), (b"Keep-Alive", b"timeout=5"), (b"Connection", b"x")])
    octets = writer.body(b"a", more=False, date_line=DATE).lower()
    assert octets.endswith(b"content-length: 1\r\n\r\na")
    assert b"chunked" not in octets
    assert b"keep-alive" not in octets


def test_a_date_of_the_application_stays() -> None:
    writer = writer_for()
    writer.start(200, [(b"Date", b"then")])
    octets = writer.body(b"", more=False, date_line=DATE)
    assert b"date: then\r\n" in octets
    assert DATE not in octets


@pytest.mark.parametrize(("line", "status"), [(b"HEAD / HTTP/1.1", 200), (b"GET / HTTP/1.1", 304)])
def test_rule_20_head_and_304_have_length_but_no_body(line: bytes, status: int) -> None:  # RFC 9110 §8.6
    writer = writer_for(line)
    writer.start(status, [(b"content-length", b"5")])
    assert writer.body(b"hello", more=False, date_line=DATE).endswith(b"content-length: 5\r\n\r\n")
    assert writer.keep_alive


def test_rule_20_a_head_response_without_length_says_none() -> None:
    writer = writer_for(b"HEAD / HTTP/1.1")
    writer.start(200, PLAIN)
    octets = writer.body(b"", more=True, date_line=DATE)
    assert b"content-length" not in octets
    assert octets.endswith(b"\r\n\r\n")
    assert writer.body(b"more", more=False, date_line=DATE) == b""


def test_rule_20_204_has_neither_body_nor_length() -> None:  # RFC 9110 §8.6
    writer = writer_for()
    writer.start(204, [(b"content-length", b"5")])
    octets = writer.body(b"hello", more=False, date_line=DATE)
    assert octets.endswith(DATE + b"\r\n")
    assert b"content-length" not in octets


@pytest.mark.parametrize(
    "field",
    [
        (b"x", b"a\r\nevil: 1"),
        (b"x", b"a\nb"),
        (b"x", b"a\rb"),
        (b"x", b"a\x00b"),
        (b"x\r\nevil", b"a"),
        (b"x:", b"a"),
        (b"", b"a"),
        (b"x y", b"a"),
        ("x", b"a"),
        (b"x", "a"),
        (b"content-length", b"+1"),
        (b"content-length", b"1\r\n"),
        (b"content-length", b""),
        (b"content-length", b"9" * 19),
        (b"connection", b"close\r\nevil: 1"),
        (b"date", b"now\r\nevil: 1"),
    ],
)
def test_rule_20_a_field_that_would_split_the_response_is_refused(field: tuple[bytes, bytes]) -> None:  # RFC 9110 §5.5
    writer = writer_for()
    for _ in range(2):  # the second time through what is remembered
        with pytest.raises(ResponseRefused):
            writer.start(200, [field])
    assert not writer.started


def test_rule_20_after_a_refused_start_another_may_follow() -> None:
    writer = writer_for()
    with pytest.raises(ResponseRefused):
        writer.start(200, [(b"content-length", b"9"), (b"x", b"\n")])
    writer.start(500, PLAIN)
    assert writer.body(b"oops", more=False, date_line=DATE).endswith(b"content-length: 4\r\n\r\noops")


@pytest.mark.parametrize("status", [99, 100, 101, 103, 600, "200", None])
def test_rule_20_a_status_is_a_final_one(status: int) -> None:
    with pytest.raises(ResponseRefused):
        writer_for().start(status, [])


def test_rule_20_two_lengths_that_differ_are_refused() -> None:
    with pytest.raises(ResponseRefused):
        writer_for().start(200, [(b"content-length", b"1"), (b"content-length", b"2")])
    writer_for().start(200, [(b"content-length", b"1"), (b"Content-Length", b"1")])


@pytest.mark.parametrize(("body", "more"), [(b"toolong", True), (b"toolong", False), (b"abc", False)])
def test_rule_20_a_body_that_is_not_as_long_as_it_says_is_refused_before_anything_is_sent(
    body: bytes, more: bool
) -> None:
    writer = writer_for()
    writer.start(200, [(b"content-length", b"5")])
    with pytest.raises(BodyMismatch):
        writer.body(body, more=more, date_line=DATE)
    assert writer.head_is_due
    assert not writer.keep_alive


def test_fields_may_be_any_pairs() -> None:
    writer = writer_for()
    writer.start(200, [[b"a", b"b"]])  # ASGI allows any iterable of two
    assert b"a: b\r\n" in writer.body(b"", more=False, date_line=DATE)


@given(name=st.binary(max_size=6), value=st.binary(max_size=6))
def test_rule_20_no_field_ever_adds_a_line(name: bytes, value: bytes) -> None:
    writer = writer_for()
    try:
        writer.start(200, [(name, value)])
    except ResponseRefused:
        return
    octets = writer.body(b"", more=False, date_line=DATE)
    assert octets.count(b"\n") == octets.count(b"\r\n") <= 5
    assert octets.count(b"\r\n\r\n") == 1
