"""Frames: their heads, their lengths and their masks (RFC 6455 §5.2, §5.3).

One job: one frame ↔ octets. Must not know: messages, the closing handshake, connections.
"""

from collections.abc import Callable
from enum import IntEnum
from typing import Final


class Opcode(IntEnum):
    """What a frame is (§11.8); the others are reserved."""

    CONTINUATION = 0x0
    TEXT = 0x1
    BINARY = 0x2
    CLOSE = 0x8
    PING = 0x9
    PONG = 0xA


FINAL: Final = 0x80
RESERVED_BITS: Final = 0x70
COMPRESSED: Final = 0x40  # RSV1, where permessage-deflate was agreed on (RFC 7692 §6)
OPCODE_BITS: Final = 0x0F
MASKED: Final = 0x80
LENGTH_BITS: Final = 0x7F
CONTROL_BIT: Final = 0x08
LENGTH_IN_2_OCTETS: Final = 126
LENGTH_IN_8_OCTETS: Final = 127
CONTROL_LIMIT_OCTETS: Final = 125
KNOWN_OPCODES: Final = frozenset(int(opcode) for opcode in Opcode)


def encode_frame(opcode: Opcode, payload: bytes, *, reserved: int = 0) -> bytes:
    """Return one final, unmasked frame, as servers send it; the length takes the fewest octets (§5.2)."""
    first = opcode | FINAL | reserved
    length = len(payload)
    if length < LENGTH_IN_2_OCTETS:
        return bytes((first, length)) + payload
    if length <= 0xFFFF:
        return bytes((first, LENGTH_IN_2_OCTETS)) + length.to_bytes(2, "big") + payload
    return bytes((first, LENGTH_IN_8_OCTETS)) + length.to_bytes(8, "big") + payload


def unmask_in_python(payload: bytes, key: bytes) -> bytes:
    """Return the payload without its mask of four octets (§5.3): one exclusive or of two long integers."""
    length = len(payload)
    mask = (key * (length // 4 + 1))[:length]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(mask, "big")).to_bytes(length, "big")


def find_unmask() -> Callable[[bytes, bytes], bytes]:
    """Return the fastest function that takes masks off: that of the websockets package when it is here, else ours."""
    try:
        from websockets.speedups import apply_mask
    except ImportError:
        return unmask_in_python
    return apply_mask
