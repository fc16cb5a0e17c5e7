"""Published faults of other servers' HTTP/1: each is tried on ours, under its number.

The order is that of the table in docs/server/advisories.md. What needs a connection stands in
tests/server/connections/test_advisories.py; HTTP/2, WebSocket and PROXY have theirs beside their own tests.
"""

import time
from typing import Any

import pytest

from fixtures.requests import Recorder, get, post, read_whole, refusal_of
from veche.wire.h1 import FieldLines, HeadParser, ReadLimits, ResponseRefused, ResponseWriter

CHUNKED = b"Transfer-Encoding: chunked"
WIDE = ReadLimits(request_line_octets=8192, head_octets=32768, head_fields=100, body_octets=10**9)


def refuses_response(fields: list[tuple[Any, Any]]) -> None:
    writer = ResponseWriter(HeadParser(limit_fields=10).parse(get()), FieldLines(), keep_alive=True)
    with pytest.raises(ResponseRefused):
        writer.start(200, fields)
    writer.start(500, [])
    assert writer.body(b"", more=False, date_line=b"").count(b"\r\n\r\n") == 1


# Responses


@pytest.mark.parametrize("value", [b"/\r\nSet-Cookie: a=b", b"/\r\n\r\n<html>", b"/\nX: y", b"/\rX: y"])
def test_cve_2018_1000164_gunicorn_a_header_value_splits_the_response(value: bytes) -> None:
    refuses_response([(b"location", value)])


@pytest.mark.parametrize("field", [(b"X\r\nY: z", b"a"), (b"x", b"a\r\nY: z"), (b"x: y", b"a")])
def test_cve_2020_7695_uvicorn_names_and_values_split_the_response(field: tuple[bytes, bytes]) -> None:
    refuses_response([field])


@pytest.mark.parametrize("field", [("x", "y"), (b"x", 1), (b"x", None), (b"\xff", b"a"), (b"x", b"\x00"), (b"", b"")])
def test_cve_2026_42545_granian_a_bad_response_header_kills_the_worker(field: tuple[Any, Any]) -> None:
    refuses_response([field])


@pytest.mark.parametrize("value", [b"a\rb", b"a\nb", b"a\r\n\r\nb"])
def test_cve_2020_5247_puma_a_header_value_splits_the_response(value: bytes) -> None:
    refuses_response([(b"x", value)])


@pytest.mark.parametrize("link", [b"</a>\r\nset-cookie: b", b"</a>\n", b"</a>\r"])
def test_cve_2020_5249_puma_an_early_hint_splits_the_response(link: bytes) -> None:
    writer = ResponseWriter(HeadParser(limit_fields=10).parse(get()), FieldLines(), keep_alive=True)
    with pytest.raises(ResponseRefused):
        writer.informational(103, [(b"link", link)])


# Smuggling


@pytest.mark.parametrize("first", [b"chunked", b"identity", b"gzip"])
@pytest.mark.parametrize("second", [b"chunked", b"identity", b"x"])
def test_cve_2024_1135_gunicorn_one_of_several_transfer_encodings_decides(first: bytes, second: bytes) -> None:
    lines = (b"Transfer-Encoding: " + first, b"Transfer-Encoding: " + second)
    assert refusal_of(post(b"0\r\n\r\n", *lines)) in {400, 501}


@pytest.mark.parametrize("coding", [b"xchunked", b"chunked2", b"cow", b"identity", b"chunked\x0b"])
def test_cve_2024_6827_gunicorn_an_unknown_coding_falls_back_to_content_length(coding: bytes) -> None:
    assert refusal_of(post(b"hello", b"Transfer-Encoding: " + coding, b"Content-Length: 5")) in {400, 501}
    assert refusal_of(post(b"hello", b"Content-Length: 5", b"Transfer-Encoding: " + coding)) in {400, 501}


@pytest.mark.parametrize("end", [b"XX", b"\n\n", b"\rX", b"  ", b"0\r", b"\r\r"])
def test_cve_2025_43859_h11_the_end_of_a_chunk_is_not_looked_at(end: bytes) -> None:
    assert refusal_of(post(b"5\r\nhello" + end + b"0\r\n\r\n", CHUNKED)) == 400


def test_gunicorn_3382_the_end_of_input_passes_as_the_end_of_a_chunked_body() -> None:
    assert ("end", None) not in read_whole(post(b"5\r\nhello\r\n", CHUNKED))


@pytest.mark.parametrize("second", [b"5", b"0", b"6"])
def test_cve_2026_39805_bandit_the_first_of_two_content_lengths_decides(second: bytes) -> None:
    assert refusal_of(post(b"hello", b"Content-Length: 5", b"Content-Length: " + second)) == 400


def test_cve_2026_39803_bandit_a_chunked_body_is_not_limited() -> None:
    assert refusal_of(post(b"32\r\n" + b"a" * 50 + b"\r\n32\r\n" + b"a" * 50 + b"\r\n1\r\na\r\n", CHUNKED)) == 413


@pytest.mark.parametrize("trailer", [b"X: y", b"Content-Length: 1", b"Transfer-Encoding: chunked", b"Host: b"])
def test_cve_2026_39806_bandit_a_trailer_makes_the_reader_go_round_for_ever(trailer: bytes) -> None:
    events = read_whole(post(b"0\r\n" + trailer + b"\r\n\r\n", CHUNKED) + get())
    assert [kind for kind, _ in events] == ["head", "end", "head"]


@pytest.mark.parametrize("scheme", [b"https", b"HTTPS"])
def test_cve_2026_39807_bandit_the_scheme_of_the_target_is_believed(scheme: bytes) -> None:
    line = HeadParser(limit_fields=10).parse(get(line=b"GET " + scheme + b"://a.example/ HTTP/1.1")).line
    assert not hasattr(line, "scheme")  # nothing hands it on: the connection alone says what the scheme is


@pytest.mark.parametrize("scheme", [b"file", b"javascript", b"ws", b"gopher", b"x" * 60])
def test_cve_2026_32688_plug_cowboy_any_scheme_is_taken_verbatim(scheme: bytes) -> None:
    assert refusal_of(get(line=b"GET " + scheme + b"://a.example/ HTTP/1.1")) == 400


@pytest.mark.parametrize("octet", [b"\x0b", b"\x0c", b"\x1c", b"\x1d", b"\x1e", b"\x85"])
def test_cve_2026_44546_daphne_a_value_is_split_where_python_sees_a_line_end(octet: bytes) -> None:
    octets = get(b"X: a" + octet + b"Y: b")
    if octet == b"\x85":  # obs-text: opaque, and no line end
        assert read_whole(octets)[0][1][3][1:] == ((b"x", b"a\x85Y: b"),)  # type: ignore[index]  # a head is a tuple
    else:
        assert refusal_of(octets) == 400


@pytest.mark.parametrize("host", [b"a/b?c=", b"a#", b"a@b", b"a b", b"a,b", b"[a", b"a\\b", b'a"b'])
def test_cve_2026_48710_starlette_a_host_rewrites_the_url(host: bytes) -> None:
    assert refusal_of(get(host=b"Host: " + host)) == 400


@pytest.mark.parametrize("coding", [b"\x0bchunked", b"chunked\x0c", b"chunked,", b" ,chunked", b"chunked, identity"])
def test_cve_2020_11076_puma_an_invalid_transfer_encoding_hides_a_request(coding: bytes) -> None:
    assert refusal_of(post(b"0\r\n\r\n", b"Transfer-Encoding: " + coding, b"Content-Length: 5")) == 400


def test_cve_2020_11077_puma_a_request_hidden_in_a_body_is_answered_to_somebody_else() -> None:
    hidden = get(line=b"GET /hidden HTTP/1.1")
    events = read_whole(post(hidden, b"Content-Length: %d" % len(hidden)) + get())
    assert [kind for kind, _ in events] == ["head", "body", "end", "head"]
    assert refusal_of(post(hidden, b"Content-Length: 0", CHUNKED)) == 400


def test_cve_2021_41136_puma_a_line_feed_hides_a_field() -> None:
    assert refusal_of(get(b"X: a\nTransfer-Encoding: chunked")) == 400


@pytest.mark.parametrize("value", [b"0x5", b"5_0", b"+5", b"5,5", b"", b"5 5", b"\xd9\xa5", b"-0"])
def test_cve_2022_24790_puma_what_looks_like_a_length_is_one(value: bytes) -> None:
    assert refusal_of(post(b"hello", b"Content-Length: " + value)) == 400


@pytest.mark.parametrize(
    "octets",
    [
        post(b"", b"Content-Length:"),
        post(b"0\r\n\r\nGET / HTTP/1.1\r\n", b"Content-Length:", CHUNKED),
        post(b"1\r\na\r\n0\r\nX\r\n\r\n", CHUNKED),
    ],
)
def test_cve_2023_40175_puma_an_empty_length_and_a_bad_trailer_pass(octets: bytes) -> None:
    assert refusal_of(octets) == 400


@pytest.mark.parametrize("name", [b"X_Forwarded_For", b"Transfer_Encoding", b"Content_Length", b"x_forwarded-for"])
def test_cve_2024_45614_puma_an_underscore_overrides_a_proxy_s_field(name: bytes) -> None:
    octets = get(name + b": 1", b"X-Forwarded-For: 127.0.0.1")
    if refusal_of(octets) is None:
        fields = read_whole(octets)[0][1][3]  # type: ignore[index]  # a head is a tuple
        assert fields == ((b"host", b"example.org"), (b"x-forwarded-for", b"127.0.0.1"))


# What a peer can make grow


def test_cve_2024_21647_puma_chunk_extensions_are_read_without_end() -> None:
    assert refusal_of(post(b"1;" + b"a" * 4097, CHUNKED), WIDE) == 400  # before the line has ended


def test_cve_2023_39326_go_each_octet_of_a_body_brings_an_extension() -> None:
    assert refusal_of(post((b"1;" + b"a" * 100 + b"\r\nx\r\n") * 200, CHUNKED), WIDE) == 400


@pytest.mark.parametrize("size", [b"1" * 17, b"0" * 17, b"0" * 4000 + b"1"])
def test_cve_2026_7790_cowlib_a_chunk_size_is_read_without_end(size: bytes) -> None:
    assert refusal_of(post(size + b"\r\n", CHUNKED), WIDE) == 400


def test_cve_2026_65624_cowboy_only_different_names_are_counted() -> None:
    assert refusal_of(get(*[b"A: b"] * 11)) == 431
    assert refusal_of(get(*[b"a: b", b"A: c"] * 6)) == 431


@pytest.mark.parametrize("part", [b"a", b"a: b\r\n", b"1\r\nx\r\n"])
def test_what_comes_in_small_pieces_takes_linear_time(part: bytes) -> None:  # as in CVE-2026-65623, of bandit
    def seconds(count: int) -> float:
        octets = post(b"1\r\nx\r\n" * count + b"0\r\n\r\n", CHUNKED) if part[0] == 0x31 else get(part * (count // 6))
        began = time.thread_time()  # of this thread alone: the machine may be busy with others
        limits = ReadLimits(request_line_octets=8192, head_octets=10**7, head_fields=10**6, body_octets=10**9)
        Recorder(limits).feed(octets[at : at + 16] for at in range(0, len(octets), 16))
        return time.thread_time() - began

    few = min(seconds(3000) for _ in range(3))
    many = min(seconds(12000) for _ in range(3))
    assert many < few * 10  # 4, and a cold cache; 16 would be the square
