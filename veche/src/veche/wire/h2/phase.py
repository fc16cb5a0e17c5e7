"""What comes next on a connection (RFC 9113 §3.4, §4.3).

One job: its phases, and who is told what comes of them.
Must not know: frames.

    PREFACE ──▶ SETTINGS ──▶ FRAMES ◀──▶ BLOCK      a block is a HEADERS frame and its CONTINUATIONs, nothing between
    any ──▶ OVER                                     a connection error: GOAWAY is in `outgoing`, nothing more is read
"""

from enum import IntEnum
from typing import Final, Protocol

from veche.wire.h1 import RequestHead, RequestRefused
from veche.wire.h2.errors import ConnectionBroken
from veche.wire.h2.stream import Stream


class Phase(IntEnum):
    """What the next octets are; the diagram is above."""

    PREFACE = 0
    SETTINGS = 1
    FRAMES = 2
    BLOCK = 3
    OVER = 4


FRAMES: Final = Phase.FRAMES
OVER: Final = Phase.OVER


class Sink(Protocol):
    """Who is told."""

    def open_stream(self, stream_id: int, head: RequestHead) -> Stream:
        """Return the stream for a request; its `start` is called next."""

    def refusal_block(self, refusal: RequestRefused) -> bytes:
        """Return the header block of the answer, without a body, to a request that is refused."""

    def has_room(self, open_streams: int) -> bool:
        """Return whether one more request may run, beside those that run though their streams are closed."""

    def connection_broken(self, broken: ConnectionBroken) -> None:
        """Send what is in `outgoing`, then close."""

    def drain_heard(self) -> None:
        """Note that the peer has read the first GOAWAY: all requests that it sent before are here."""
