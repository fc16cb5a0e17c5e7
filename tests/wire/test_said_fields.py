"""What an application says as fields is checked alike in HTTP/1 and HTTP/2 (RFC 9110 §5, §6.5.1, §8.6)."""

from collections.abc import Callable
from typing import Any

import pytest

from veche.wire.h1 import FieldLines, ResponseRefused, ResponseWriter
from veche.wire.h1.head import HeadParser
from veche.wire.h1.said_fields import REMEMBERED_FIELDS
from veche.wire.h2 import ResponseEncoder

REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\n\r\n"

Start = Callable[[Any, list[Any]], object]


def in_http_1() -> tuple[Start, Callable[[list[Any]], object], dict[Any, bytes]]:
    """How a head is made, how trailers are, and what is remembered."""
    lines = FieldLines()

    def start(status: Any, fields: list[Any]) -> object:
        writer = ResponseWriter(None, lines, keep_alive=False)
        writer.start(status, fields)
        return writer

    def end(fields: list[Any]) -> object:
        writer = ResponseWriter(HeadParser(limit_fields=10).parse(REQUEST), lines, keep_alive=True)
        writer.start_with_trailers(200, [], wanted=True)
        return writer.trailers(fields, date_line=b"")

    return start, end, lines.known


def in_http_2() -> tuple[Start, Callable[[list[Any]], object], dict[Any, bytes]]:
    encoder = ResponseEncoder()
    return encoder.head, encoder.trailers, encoder.known


both = pytest.mark.parametrize("make", [in_http_1, in_http_2])


@both
@pytest.mark.parametrize(
    ("field", "why"),
    [
        (("x", b"y"), "not two bytes objects"),
        ((b"x", "y"), "not two bytes objects"),
        ((b"x", None), "not two bytes objects"),
        ((bytearray(b"x"), b"y"), "not two bytes objects"),
        ((b"x", bytearray(b"y")), "not two bytes objects"),
        (None, "not two bytes objects"),
        ((b"", b"y"), "not a token"),
        ((b"x y", b"y"), "not a token"),
        ((b":status", b"200"), "not a token"),
        ((b"x\r\nset-cookie", b"y"), "not a token"),
        ((b"x", b"y\r\nset-cookie: a=b"), "control character"),
        ((b"x", b"y\x00"), "control character"),
        ((b"content-length", b"+5"), "not one decimal number"),
        ((b"content-length", b"5, 5"), "not one decimal number"),
        ((b"Content-Length", b"9" * 19), "not one decimal number"),
    ],
)
def test_a_field_that_cannot_be_sent_is_refused(make: Any, field: Any, why: str) -> None:  # §5.1, §5.5, §8.6
    start, _, _ = make()
    start(200, [(b"content-length", b"5"), (b"x", b"\xe4 y\t")])
    with pytest.raises(ResponseRefused, match=why):
        start(200, [field])


@both
def test_two_lengths_that_differ_are_refused_and_equal_ones_are_one(make: Any) -> None:  # §8.6
    start, _, _ = make()
    start(200, [(b"content-length", b"5"), (b"Content-Length", b"5")])
    with pytest.raises(ResponseRefused, match="differ"):
        start(200, [(b"content-length", b"5"), (b"Content-Length", b"6")])


@both
@pytest.mark.parametrize("status", [101, 199, 600, 99, None, "200"])
def test_a_status_that_is_not_final_is_refused(make: Any, status: Any) -> None:  # §15
    start, _, _ = make()
    with pytest.raises(ResponseRefused, match="not a final status code"):
        start(status, [])


@both
@pytest.mark.parametrize("name", [b"content-length", b"Transfer-Encoding", b"set-cookie", b"host"])
def test_what_means_nothing_after_the_body_is_refused_as_a_trailer(make: Any, name: bytes) -> None:  # §6.5.1
    _, end, _ = make()
    end([(b"x-sum", b"1")])
    with pytest.raises(ResponseRefused, match="trailer field"):
        end([(name, b"1")])


@both
def test_what_is_remembered_of_fields_is_bounded_in_number_and_length(make: Any) -> None:
    start, _, known = make()
    for number in range(REMEMBERED_FIELDS + 10):
        start(200, [(b"x", b"%d" % number), (b"content-length", b"%d" % number)])
        assert len(known) <= REMEMBERED_FIELDS
    known.clear()
    start(200, [(b"x", b"y" * 2000), (b"x", b"y")])
    assert list(known) == [(b"x", b"y")]
