"""One connection's octets become requests, one at a time, however the octets arrive."""

from itertools import pairwise

import httptools
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fixtures.requests import Recorder, get, post, read_by_octet, read_whole
from veche.wire.h1 import HeadParser, ReadState, RequestRefused

FRAGMENTS = st.sampled_from(
    [
        get(),
        get(b"Connection: close"),
        get(b"A: b", line=b"PUT /x?y HTTP/1.0"),
        post(b"hello", b"Content-Length: 5"),
        post(b"3;a=b\r\nabc\r\n0\r\nT: u\r\n\r\n", b"Transfer-Encoding: chunked"),
        post(b"80\r\n" + b"a" * 128, b"Transfer-Encoding: chunked"),
        b"\r\n",
        b"\n",
        b"GET",
        b" ",
        b"HTTP/1.1",
        b"Host: b\r\n",
        b"a" * 90,
        b"X: y\r\n" * 8,
    ]
)
STREAMS = st.one_of(st.lists(FRAGMENTS, max_size=6).map(b"".join), st.binary(max_size=60))


@given(octets=STREAMS)
@example(octets=b"GET " + b"/" * 193 + b" HTTP/1.1\n")
@example(octets=b"X: y\r\n" * 12 + b"\n\r\n" + get())
@example(octets=b"GET / HTTP/1.1\r\n" + b"a" * 983 + b"\n")
@settings(max_examples=400, deadline=None)
def test_octet_by_octet_is_the_same_as_at_once(octets: bytes) -> None:
    assert read_by_octet(octets) == read_whole(octets)


@given(octets=STREAMS, cuts=st.lists(st.integers(0, 600), max_size=6))
@settings(max_examples=200, deadline=None)
def test_any_cut_is_the_same_as_at_once(octets: bytes, cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(octets)]
    assert Recorder().feed(octets[a:b] for a, b in pairwise(edges)) == read_whole(octets)


class Oracle:
    """httptools' reading of one head, to hold ours against."""

    def __init__(self) -> None:
        self.target = b""
        self.fields: list[tuple[bytes, bytes]] = []
        self.complete = False

    def on_url(self, target: bytes) -> None:
        self.target += target

    def on_header(self, name: bytes, value: bytes) -> None:
        self.fields.append((name.lower(), value.rstrip(b" \t")))  # llhttp leaves trailing white space

    def on_headers_complete(self) -> None:
        self.complete = True


TOKENS = st.text("abcXYZ-019!", min_size=1, max_size=8).map(str.encode)
VALUES = st.binary(max_size=12)
HEADS = st.builds(
    lambda target, fields: get(*[name + b":" + value for name, value in fields], line=b"GET /" + target + b" HTTP/1.1"),
    st.binary(max_size=10),
    st.lists(st.tuples(TOKENS, VALUES), max_size=5),
)


@given(octets=HEADS)
@settings(max_examples=500, deadline=None)
def test_what_we_accept_the_c_parser_accepts_and_reads_alike(octets: bytes) -> None:
    try:
        ours = HeadParser(limit_fields=10).parse(octets)
    except RequestRefused:
        return
    oracle = Oracle()
    httptools.HttpRequestParser(oracle).feed_data(octets)
    assert oracle.complete
    assert (oracle.target, oracle.fields) == (ours.line.target, ours.fields)


def test_the_next_request_waits_for_its_turn() -> None:
    recorder = Recorder()
    recorder.reader.receive(get() + get(line=b"GET /2 HTTP/1.1"))
    assert len(recorder.events) == 1
    assert recorder.reader.state is ReadState.COMPLETE
    recorder.reader.receive(get(line=b"GET /3 HTTP/1.1"))
    assert len(recorder.events) == 1
    recorder.reader.next_request()
    recorder.reader.next_request()
    assert [value[1] for _, value in recorder.events] == [b"/", b"/2", b"/3"]  # type: ignore[index]  # heads are tuples


def test_rule_16_nothing_is_read_after_a_refusal() -> None:  # RFC 9112 §9.6
    recorder = Recorder()
    assert recorder.feed([b"BAD\r\n\r\n" + get(), get()]) == [("refused", 400)]
    assert recorder.reader.state is ReadState.REFUSED


def test_the_rest_is_handed_over_at_an_upgrade() -> None:
    recorder = Recorder()
    recorder.reader.receive(get(b"Connection: upgrade", b"Upgrade: websocket") + b"\x81\x80")
    assert recorder.reader.hand_over() == b"\x81\x80"


@pytest.mark.parametrize(
    ("octets", "refused"),
    [
        (b"", False),
        (get(), False),
        (get()[:-1], True),
        (post(b"abc", b"Content-Length: 5"), True),
        (post(b"abcde", b"Content-Length: 5"), False),
        (post(b"5\r\nabc", b"Transfer-Encoding: chunked"), True),
        (post(b"3\r\nabc\r\n0\r\n", b"Transfer-Encoding: chunked"), True),
        (post(b"3\r\nabc\r\n0\r\n\r\n", b"Transfer-Encoding: chunked"), False),
    ],
)
def test_rule_15_the_end_of_input_never_ends_a_request(octets: bytes, refused: bool) -> None:  # RFC 9112 §8
    recorder = Recorder()
    recorder.feed([octets])
    recorder.reader.end_of_input()
    assert (("refused", 400) in recorder.events) is refused
