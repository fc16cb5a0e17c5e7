"""The closing handshake of one WebSocket connection (RFC 6455 §5.5.1, §7).

One job: which Close frame is allowed now, what it leads to, and what its payload says.
Must not know: sockets, clocks, other frames, which side we play.
"""

from collections.abc import Mapping
from enum import IntEnum
from typing import Final


class CloseCode(IntEnum):
    """The codes that this engine itself sends or reports (RFC 6455 §7.4.1)."""

    NORMAL = 1000
    GOING_AWAY = 1001
    PROTOCOL_ERROR = 1002
    NO_STATUS = 1005  # never on the wire: a Close frame without a code
    ABNORMAL = 1006  # never on the wire: TCP ended without a Close frame
    NOT_UTF_8 = 1007
    TOO_LARGE = 1009
    INTERNAL_ERROR = 1011
    SERVICE_RESTART = 1012


class State(IntEnum):
    """How far the closing handshake is."""

    OPEN = 0
    CLOSE_SENT = 1
    CLOSE_RECEIVED = 2
    CLOSED = 3


class Event(IntEnum):
    """What moves it."""

    SEND_CLOSE = 0
    RECEIVE_CLOSE = 1


TRANSITIONS: Final[Mapping[State, Mapping[Event, State]]] = {
    State.OPEN: {Event.SEND_CLOSE: State.CLOSE_SENT, Event.RECEIVE_CLOSE: State.CLOSE_RECEIVED},
    State.CLOSE_SENT: {Event.RECEIVE_CLOSE: State.CLOSED},
    State.CLOSE_RECEIVED: {Event.SEND_CLOSE: State.CLOSED},
    State.CLOSED: {},  # §7.1.1: the server closes TCP at once
}

REASON_LIMIT_OCTETS: Final = 123  # 125 octets of a control frame, less the code (§5.5)
# §7.4.1, §7.4.2 and the IANA registry: what may stand in a Close frame.
ON_THE_WIRE: Final = frozenset({1000, 1001, 1002, 1003, *range(1007, 1015)})


def may_be_sent(code: int) -> bool:
    """Return whether a Close frame may carry the code."""
    return code in ON_THE_WIRE or 3000 <= code <= 4999


def close_payload(code: int, reason: str = "") -> bytes:
    """Return the payload of a Close frame; a reason that is too long is cut at a character.

    Raises ValueError for a code that may not stand in a frame.
    """
    if not may_be_sent(code):
        raise ValueError(
            f"close code {code} may not be sent; expected 1000–1003, 1007–1014 or 3000–4999 (RFC 6455 §7.4)"
        )
    cut = reason.encode("utf-8", "replace")[:REASON_LIMIT_OCTETS].decode("utf-8", "ignore")
    return code.to_bytes(2, "big") + cut.encode()


def read_close_payload(payload: bytes) -> tuple[int, str] | None:
    """Return code and reason of a received Close frame, (1005, "") for an empty one, None for one that is not allowed.

    Raises UnicodeDecodeError when the reason is not UTF-8.
    """
    if not payload:
        return CloseCode.NO_STATUS, ""
    if len(payload) == 1 or not may_be_sent(int.from_bytes(payload[:2], "big")):
        return None
    return int.from_bytes(payload[:2], "big"), payload[2:].decode("utf-8")
