"""One stream as the connection sees it (RFC 9113 §5.1).

One job: its state, its windows, and what of its response still waits.
Must not know: frames, other streams, what the request is.

    IDLE ──▶ OPEN ──▶ HALF_CLOSED_REMOTE ──▶ CLOSED      the request has ended first, as most do
      │        └───▶ HALF_CLOSED_LOCAL ────▶ CLOSED      the response has ended first
      └──▶ HALF_CLOSED_REMOTE                            the request has no body
    any ──▶ CLOSED                                       RST_STREAM, from either side
"""

from enum import IntEnum
from typing import Final

from veche.wire.extending import mypyc_attr
from veche.wire.h1 import RequestRefused


class StreamState(IntEnum):
    """§5.1, without the states of server push."""

    IDLE = 0
    OPEN = 1
    HALF_CLOSED_REMOTE = 2
    HALF_CLOSED_LOCAL = 3
    CLOSED = 4


class StreamEvent(IntEnum):
    """What moves a stream. REQUEST_ENDED and RESPONSE_ENDED are END_STREAM, received and sent."""

    OPENED = 0
    OPENED_AND_ENDED = 1
    REQUEST_ENDED = 2
    RESPONSE_ENDED = 3
    RESET = 4


IDLE: Final = StreamState.IDLE
OPEN: Final = StreamState.OPEN
HALF_CLOSED_REMOTE: Final = StreamState.HALF_CLOSED_REMOTE
HALF_CLOSED_LOCAL: Final = StreamState.HALF_CLOSED_LOCAL
CLOSED: Final = StreamState.CLOSED

# Row: the state; column: the event; None: cannot happen, whoever asks has looked before.
TRANSITIONS: Final[tuple[tuple[StreamState | None, ...], ...]] = (
    (OPEN, HALF_CLOSED_REMOTE, None, None, CLOSED),
    (None, None, HALF_CLOSED_REMOTE, HALF_CLOSED_LOCAL, CLOSED),
    (None, None, None, CLOSED, CLOSED),
    (None, None, CLOSED, None, CLOSED),
    (None, None, None, None, CLOSED),
)


@mypyc_attr(allow_interpreted_subclasses=True)  # the tests' streams are Python's, and see the compiled engine work
class Stream:
    """What most streams never change has its first value on the class. A connection's streams extend it."""

    stream_id: int
    send_window: int
    receive_window: int
    state = IDLE
    unsent: bytes = b""  # of the response, in front of what is said below
    unsent_start = 0
    end_waits = False  # END_STREAM goes with the last of `unsent`
    trailer_block: bytes | None = None  # comes after `unsent`, with END_STREAM
    in_turn = False  # it stands in the queue of those who may send
    is_tunnel = False  # what comes is no body, and may be as long as it likes (RFC 8441)
    expected_octets = -1  # content-length of the request
    received_octets = 0
    credit_due = 0  # octets that were taken, and not yet said in a WINDOW_UPDATE
    unconsumed_octets = 0  # received, and no credit given for them yet: the application has not taken them

    def move(self, event: StreamEvent) -> None:
        """Go to the next state."""
        state = TRANSITIONS[self.state][event]
        assert state is not None, f"{event.name} in {self.state.name}"
        self.state = state

    def start(self) -> None:
        """The stream is in the connection's books: hand its request on."""

    def body_received(self, octets: bytes) -> None:
        """Take a part of the request's body; say `consumed` to the engine when the application has it."""

    def request_ended(self) -> None:
        """Note that the body is whole."""

    def body_refused(self, refusal: RequestRefused) -> None:
        """Answer a request whose body turned out to be too large, and end the stream."""

    def all_sent(self) -> None:
        """Note that nothing is unsent any more: the next part may come."""

    def lost(self) -> None:
        """Note that the stream was reset, by the peer or by us: nothing can be sent any more."""
