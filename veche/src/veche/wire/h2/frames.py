"""The octets of frames (RFC 9113 §4, §6).

One job: names for the numbers in a frame, frames of our own as octets, and what stands around the payload of one.
Must not know: what a frame does to a stream or a connection.
"""

import struct
from enum import IntEnum
from typing import Final

from veche.wire.h2.errors import ConnectionBroken, ErrorCode

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"  # §3.4
PREFACE_HEAD: Final = PREFACE[:18]  # what an HTTP/1 reader takes for a whole head
PREFACE_REST: Final = PREFACE[18:]

HEADER_OCTETS: Final = 9
LARGEST_FRAME_OCTETS: Final = 16384  # SETTINGS_MAX_FRAME_SIZE, left as it is; also what we send at most
LARGEST_WINDOW: Final = 2**31 - 1
INITIAL_WINDOW: Final = 65535  # §6.9.2
LARGEST_STREAM_ID: Final = 2**31 - 1


class FrameType(IntEnum):
    """§6."""

    DATA = 0x0
    HEADERS = 0x1
    PRIORITY = 0x2
    RST_STREAM = 0x3
    SETTINGS = 0x4
    PUSH_PROMISE = 0x5
    PING = 0x6
    GOAWAY = 0x7
    WINDOW_UPDATE = 0x8
    CONTINUATION = 0x9


END_STREAM: Final = 0x1
ACK: Final = 0x1
END_HEADERS: Final = 0x4
PADDED: Final = 0x8
PRIORITY: Final = 0x20


class Setting(IntEnum):
    """§6.5.2, RFC 8441 §3."""

    HEADER_TABLE_SIZE = 0x1
    ENABLE_PUSH = 0x2
    MAX_CONCURRENT_STREAMS = 0x3
    INITIAL_WINDOW_SIZE = 0x4
    MAX_FRAME_SIZE = 0x5
    MAX_HEADER_LIST_SIZE = 0x6
    ENABLE_CONNECT_PROTOCOL = 0x8


# Length (24 bits) and type (8) as one number, flags, stream: one call for the 9 octets.
HEADER: Final = struct.Struct(">IBI")
WORD: Final = struct.Struct(">I")
SETTING: Final = struct.Struct(">HI")
GOAWAY_HEAD: Final = struct.Struct(">II")


def frame(kind: FrameType, flags: int, stream_id: int, payload: bytes = b"") -> bytes:
    """Return a whole frame."""
    return HEADER.pack(len(payload) << 8 | kind, flags, stream_id) + payload


def settings(values: dict[Setting, int]) -> bytes:
    """Return a SETTINGS frame."""
    return frame(FrameType.SETTINGS, 0, 0, b"".join(SETTING.pack(name, value) for name, value in values.items()))


def window_update(stream_id: int, octets: int) -> bytes:
    """Return a WINDOW_UPDATE frame."""
    return frame(FrameType.WINDOW_UPDATE, 0, stream_id, WORD.pack(octets))


def rst_stream(stream_id: int, code: ErrorCode) -> bytes:
    """Return a RST_STREAM frame."""
    return frame(FrameType.RST_STREAM, 0, stream_id, WORD.pack(code))


def goaway(last_stream_id: int, code: ErrorCode, reason: str = "") -> bytes:
    """Return a GOAWAY frame; the reason is for whoever debugs the peer."""
    return frame(FrameType.GOAWAY, 0, 0, GOAWAY_HEAD.pack(last_stream_id, code) + reason.encode("ascii", "replace"))


def header_block(stream_id: int, block: bytes, flags: int) -> bytes:
    """Return a block as HEADERS and as many CONTINUATION frames as it needs; flags: END_STREAM or 0."""
    if len(block) <= LARGEST_FRAME_OCTETS:
        return HEADER.pack(len(block) << 8 | FrameType.HEADERS, flags | END_HEADERS, stream_id) + block
    pieces = [block[start : start + LARGEST_FRAME_OCTETS] for start in range(0, len(block), LARGEST_FRAME_OCTETS)]
    frames = [frame(FrameType.HEADERS, flags, stream_id, pieces[0])]
    frames += [frame(FrameType.CONTINUATION, 0, stream_id, piece) for piece in pieces[1:-1]]
    return b"".join([*frames, frame(FrameType.CONTINUATION, END_HEADERS, stream_id, pieces[-1])])


def unpadded(flags: int, payload: bytes) -> bytes:
    """Return a payload without its padding (§6.1); five octets of priority must be left where the flags say so."""
    if flags & PADDED:
        if not payload:
            raise ConnectionBroken(ErrorCode.FRAME_SIZE_ERROR, "a padded frame has no length of its padding")
        end = len(payload) - payload[0]
        if end < 1:
            raise ConnectionBroken(ErrorCode.PROTOCOL_ERROR, "the padding is longer than its frame")
        payload = payload[1:end]
    return payload


def refuse_own_parent(stream_id: int, payload: bytes) -> None:
    """Refuse five octets of priority that make a stream depend on itself (RFC 7540 §5.3.1; CVE-2025-8671)."""
    if len(payload) < 5:
        raise ConnectionBroken(ErrorCode.FRAME_SIZE_ERROR, "HEADERS is too short for its priority")
    if WORD.unpack_from(payload)[0] & LARGEST_STREAM_ID == stream_id:
        raise ConnectionBroken(ErrorCode.PROTOCOL_ERROR, "a stream depends on itself")
