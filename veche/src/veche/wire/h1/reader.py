"""Requests out of one connection's octets, one at a time (RFC 9112 §2, §6, §9.3).

One job: find where each head and each body starts and ends, and call out what was found.
Must not know: sockets, clocks, responses, applications.

    HEAD ──▶ LENGTH ──▶ COMPLETE ──▶ HEAD …     next_request() is the only way out of COMPLETE, so that what a peer
      └────▶ CHUNKED ─────▲                      pipelines waits until the response before it has been written
    any ──▶ REFUSED                              after a refusal nothing more is read as HTTP
    COMPLETE ──▶ HANDED_OVER                     the connection now speaks something else (RFC 9110 §7.8)
"""

from enum import IntEnum
from typing import Final, Protocol

from msgspec import Struct

from veche.wire.h1.chunked import ChunkedDecoder, ChunkState
from veche.wire.h1.errors import RequestRefused
from veche.wire.h1.head import HeadParser, RequestHead


class ReadState(IntEnum):
    """What the next octet belongs to."""

    HEAD = 0
    LENGTH = 1  # a body of Content-Length
    CHUNKED = 2
    COMPLETE = 3  # to the next request, which is not looked at yet
    REFUSED = 4
    HANDED_OVER = 5


HEAD: Final = ReadState.HEAD
LENGTH: Final = ReadState.LENGTH
CHUNKED: Final = ReadState.CHUNKED
COMPLETE: Final = ReadState.COMPLETE
REFUSED: Final = ReadState.REFUSED

HTTP2_PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\n"  # RFC 9113 §3.4: made so that it looks like a request here
PREFACE_METHOD: Final = b"PRI "
END_OF_HEAD: Final = b"\r\n\r\n"
BARE_LF: Final = "a line ends without CR"
LONE_CR: Final = "a CR is not followed by LF"


class RequestSink(Protocol):
    """Who is told. Calls come in the order of the octets; none comes after request_refused."""

    def request_received(self, head: RequestHead) -> None: ...

    def body_received(self, octets: bytes) -> None: ...

    def request_ended(self) -> None: ...

    def request_refused(self, refusal: RequestRefused) -> None: ...

    def preface_received(self) -> bool:
        """Return whether the beginning of HTTP/2's preface is welcome here; then `hand_over` is called next."""


class ReadLimits(Struct, frozen=True):
    """How much of a request is read before it is refused."""

    request_line_octets: int
    head_octets: int
    head_fields: int
    body_octets: int


class RequestReader:
    """Read the requests of one connection.

    rest_is_here: while a request is called out, whether the whole of its body has come with its head.
    """

    def __init__(self, sink: RequestSink, parser: HeadParser, limits: ReadLimits) -> None:
        self.sink = sink
        self.parser = parser
        self.limits = limits
        self._small_head_octets = min(limits.request_line_octets, limits.head_octets)  # below it no limit can be broken
        self.rest_is_here = False
        self.state = HEAD
        self.buffer = bytearray()  # what was received and belongs to nothing called out yet
        self._scanned = 0  # octets of an unfinished head that are known to have whole line ends only
        self._remaining = 0
        self._chunks: ChunkedDecoder | None = None

    @property
    def in_head(self) -> bool:
        """Whether a part of a head has been received, and not the whole."""
        return self.state is HEAD and bool(self.buffer)

    def receive(self, octets: bytes) -> None:
        """Take octets from the connection."""
        if not self.buffer:  # the two usual cases, without a copy
            if self.state is HEAD:
                end = octets.find(END_OF_HEAD) + 4
                if 4 <= end <= self._small_head_octets:
                    if end == len(octets):
                        head = self._parsed(octets)
                        if head is None:
                            return
                        if head.content_length or head.chunked:
                            self._begin(head)
                        else:
                            self.state = COMPLETE
                            self.sink.request_received(head)
                    else:
                        self._read_head_and_more(octets, end)
                    return
            elif self.state is LENGTH and len(octets) <= self._remaining:
                self._read_body(octets)
                return
        if self.state is REFUSED:
            return
        self.buffer += octets
        if self.state is not COMPLETE:
            self._advance()

    def next_request(self) -> None:
        """Start on the next request, which may have been received already. Allowed in COMPLETE only."""
        assert self.state is COMPLETE
        self.state = HEAD
        if self.buffer:
            self._advance()

    def hand_over(self) -> bytes:
        """Return what was received after the complete request, or after a preface; the protocol changes here."""
        self.state = ReadState.HANDED_OVER
        rest, self.buffer = bytes(self.buffer), bytearray()
        return rest

    def end_of_input(self) -> None:
        """Note that the peer sends no more. A request cut short is refused; it never counts as ended (§8)."""
        if self.state in {LENGTH, CHUNKED} or self.in_head:
            self._refuse(RequestRefused(400, "the connection ended in the middle of a request"))

    def _advance(self) -> None:
        """Call out everything that the buffer has in it."""
        try:
            while self.buffer:
                if self.state is HEAD:
                    octets = self._take_head()
                    if octets is None:
                        return
                    self._read_head(octets)
                elif self.state is LENGTH:
                    octets = bytes(self.buffer[: self._remaining])
                    del self.buffer[: len(octets)]
                    self._read_body(octets)
                elif self.state is not CHUNKED or not self._take_chunk():
                    return
        except RequestRefused as refusal:
            self._refuse(refusal)

    def _take_head(self) -> bytes | None:
        """Remove one whole head from the buffer and return it; None while it is not whole. Enforces the limits."""
        buffer, limits = self.buffer, self.limits
        start = 2 if buffer.startswith(b"\r\n") else 0  # §2.2: one empty line before a request is ignored
        # The checks stand in the order in which octets that arrive one by one would meet them.
        line_bound = start + limits.request_line_octets + 2
        if len(buffer) >= line_bound and buffer.find(b"\n", start, line_bound) < 0:
            if buffer.find(b"\r", start, line_bound - 2) >= 0:
                raise RequestRefused(400, LONE_CR)
            raise RequestRefused(414, f"the request line is longer than {limits.request_line_octets} octets")
        found = buffer.find(END_OF_HEAD, max(self._scanned - 3, 0))
        end = len(buffer) if found < 0 else found + 4
        self._refuse_half_line_ends(end)
        if end > limits.head_octets:
            raise RequestRefused(431, f"the head is larger than {limits.head_octets} octets")
        if found < 0:
            return None
        self._scanned = 0
        octets = bytes(buffer[:end])
        del buffer[:end]
        return octets

    def _refuse_half_line_ends(self, end: int) -> None:
        """Refuse LF without CR and CR without LF at once: who ends lines so would wait until a deadline (§2.2).

        What follows a CR at the very end is not known yet.
        """
        buffer, start, limit = self.buffer, max(self._scanned - 1, 0), min(end, self.limits.head_octets)
        whole = buffer.count(b"\r\n", start, limit)
        if buffer.count(b"\n", self._scanned, limit) != whole:
            raise RequestRefused(400, BARE_LF)
        if buffer.count(b"\r", start, limit - 1) != whole:
            raise RequestRefused(400, LONE_CR)
        self._scanned = limit

    def _read_head_and_more(self, octets: bytes, end: int) -> None:
        """Read a head that ends at `end`; a body that came with it whole is handed on without a copy in the buffer."""
        if octets.startswith(PREFACE_METHOD):  # its other half is for whoever takes over
            self.buffer += octets
            self._advance()
            return
        head = self._parsed(octets[:end])
        if head is None:
            return
        length = head.content_length
        body_end = end + length
        if 0 < length <= self.limits.body_octets and body_end <= len(octets) and not head.expects_continue:
            if body_end < len(octets):
                self.buffer += octets[body_end:]
            self.rest_is_here = True
            self._begin(head)
            self.rest_is_here = False
            self._read_body(octets[end:body_end])
            return
        self.buffer += octets[end:]
        self._begin(head)
        if self.state is not COMPLETE:
            self._advance()

    def _read_head(self, octets: bytes) -> None:
        head = self._parsed(octets)
        if head is not None:
            self._begin(head)

    def _parsed(self, octets: bytes) -> RequestHead | None:
        """Return the head, or None after a refusal or a preface."""
        try:
            return self.parser.parse(octets)
        except RequestRefused as error:
            refusal = error
        # Not within `except`: an application that is called from here would see our exception as its own context.
        if octets == HTTP2_PREFACE and self.sink.preface_received():
            return None
        # Octets that came one by one were refused at the half line end, before the head was whole.
        whole = octets.count(b"\r\n")
        half = BARE_LF if octets.count(b"\n") != whole else LONE_CR if octets.count(b"\r") != whole else ""
        self._refuse(RequestRefused(400, half) if half else refusal)
        return None

    def _begin(self, head: RequestHead) -> None:
        limits = self.limits
        if head.content_length:
            if head.content_length > limits.body_octets:
                self._refuse(RequestRefused(413, f"the body is larger than {limits.body_octets} octets"))
                return
            self.state = LENGTH
            self._remaining = head.content_length
        elif head.chunked:
            self.state = CHUNKED
            self._chunks = ChunkedDecoder(
                body_limit_octets=limits.body_octets,
                trailer_limit_octets=limits.head_octets,
                trailer_limit_fields=limits.head_fields,
            )
        else:
            self.state = COMPLETE
        self.sink.request_received(head)

    def _read_body(self, octets: bytes) -> None:
        self._remaining -= len(octets)
        if self._remaining:
            self.sink.body_received(octets)
            return
        self.state = COMPLETE
        self.sink.body_received(octets)
        self.sink.request_ended()

    def _take_chunk(self) -> bool:
        """Take one step of a chunked body; return whether there were octets enough for it."""
        assert self._chunks is not None
        octets = self._chunks.decode(self.buffer)
        if octets:
            self.sink.body_received(octets)
        elif self._chunks.state is ChunkState.ENDED:
            self._chunks = None
            self.state = COMPLETE
            self.sink.request_ended()
        return octets is not None

    def _refuse(self, refusal: RequestRefused) -> None:
        self.state = REFUSED
        self.buffer.clear()
        self.sink.request_refused(refusal)
