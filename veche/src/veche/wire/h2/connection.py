"""One HTTP/2 connection, the server's side, without I/O (RFC 9113).

One job: octets of a peer, cut into frames in their order; each goes to whoever takes its type.
Must not know: sockets, clocks, what a frame means (`request_side.py`, `control.py`), what a request leads to.

An engine is one object in layers, so that a frame costs no call from one part to the next: the windows of both
directions, the books, requests, control frames, and this. Its phases are in `phase.py`.
"""

from collections.abc import Callable
from typing import Final

from veche.wire.h2.control import ControlSide
from veche.wire.h2.errors import ConnectionBroken, ErrorCode
from veche.wire.h2.frames import (
    ACK,
    END_HEADERS,
    END_STREAM,
    HEADER,
    HEADER_OCTETS,
    LARGEST_FRAME_OCTETS,
    LARGEST_STREAM_ID,
    PADDED,
    PREFACE,
    PRIORITY,
    FrameType,
    Setting,
    refuse_own_parent,
    settings,
    unpadded,
)
from veche.wire.h2.limits import Limits
from veche.wire.h2.memory import Memory
from veche.wire.h2.phase import FRAMES, OVER, Phase, Sink


class Http2Engine(ControlSide):
    """Octets in, calls out; what streams send, as frames in `outgoing`: send that after each call, and empty it."""

    progress = 0  # grows when a whole frame was read
    # The block that is being collected:
    block_stream_id = 0
    _block = b""
    _block_frames = 0
    _block_flags = 0

    def __init__(self, sink: Sink, memory: Memory, limits: Limits, *, preface: bytes = PREFACE) -> None:
        """preface: what is still to come of it."""
        self.sink = sink
        self.limits = limits
        self.outgoing: list[bytes] = []
        self.phase = Phase.PREFACE
        self._preface = preface
        self._rest = b""
        self._start_sending()
        self._start_receiving(limits)
        self._open_books()
        self._start_reading(memory)

    def begin(self) -> None:
        """Say what we accept; the first that a peer hears of us (§3.4)."""
        limits = self.limits
        self.outgoing.append(
            settings(
                {
                    Setting.MAX_CONCURRENT_STREAMS: limits.streams,
                    Setting.INITIAL_WINDOW_SIZE: limits.stream_window_octets,
                    Setting.MAX_HEADER_LIST_SIZE: limits.list_octets,
                    Setting.ENABLE_CONNECT_PROTOCOL: 1,
                }
            )
        )
        self._open_connection_window()

    # Octets in.

    def receive(self, octets: bytes) -> None:
        """Take octets from the peer."""
        if self._rest:
            octets = self._rest + octets
            self._rest = b""
        try:
            position = self._read_frames(octets, 0 if self.phase else self._read_preface(octets))
        except ConnectionBroken as broken:
            self.break_off(broken)
            return
        if position:
            self.progress += 1
        if position < len(octets) and self.phase is not OVER:
            self._rest = octets[position:]

    def partial_frame(self) -> tuple[int, int, int] | None:
        """Return (type, stream, octets so far) of a frame that has begun to arrive; None when there is none."""
        if not self._rest or not self.phase:
            return None if self.phase else (FrameType.SETTINGS, 0, len(self._rest))
        if len(self._rest) < HEADER_OCTETS:
            return FrameType.HEADERS, 0, len(self._rest)
        length_and_type, _flags, stream_id = HEADER.unpack_from(self._rest)
        return length_and_type & 0xFF, stream_id & LARGEST_STREAM_ID, len(self._rest)

    def _read_preface(self, octets: bytes) -> int:
        """Return where the frames begin; 0 when the preface is not whole yet (§3.4)."""
        expected = self._preface
        if not octets.startswith(expected):
            if not expected.startswith(octets):
                raise ConnectionBroken(ErrorCode.PROTOCOL_ERROR, "the connection does not begin with the preface")
            return 0
        self.phase = Phase.SETTINGS
        return len(expected)

    def _read_frames(self, octets: bytes, position: int) -> int:
        """Read all whole frames; return the position of the first that is not whole."""
        end = len(octets)
        while end - position >= HEADER_OCTETS and self.phase:
            length_and_type, flags, stream_id = HEADER.unpack_from(octets, position)
            length = length_and_type >> 8
            if length > LARGEST_FRAME_OCTETS:  # said by the header alone: nothing of it is kept (CVE-2026-42788)
                raise ConnectionBroken(ErrorCode.FRAME_SIZE_ERROR, "a frame is longer than SETTINGS_MAX_FRAME_SIZE")
            start = position + HEADER_OCTETS
            position = start + length
            if position > end:
                return start - HEADER_OCTETS
            kind = length_and_type & 0xFF
            if self.phase is not FRAMES:
                self._check_order(kind, flags, stream_id & LARGEST_STREAM_ID)
            if kind < len(TAKE):
                TAKE[kind](self, flags, stream_id & LARGEST_STREAM_ID, octets[start:position])
            else:
                self._idle_frame()  # unknown types are ignored (§4.1), not endlessly
            if self.phase is OVER:  # what was called has ended the connection
                break
        return position

    def _check_order(self, kind: int, flags: int, stream_id: int) -> None:
        if self.phase is Phase.SETTINGS:
            if kind != FrameType.SETTINGS or flags & ACK:
                raise ConnectionBroken(ErrorCode.PROTOCOL_ERROR, "the first frame is not SETTINGS (§3.4)")
            self.phase = FRAMES
        elif kind != FrameType.CONTINUATION or stream_id != self.block_stream_id:
            raise ConnectionBroken(ErrorCode.PROTOCOL_ERROR, "a header block is interrupted (§6.10)")

    def _take_headers(self, flags: int, stream_id: int, payload: bytes) -> None:
        if not stream_id:
            raise ConnectionBroken(ErrorCode.PROTOCOL_ERROR, "HEADERS on stream 0")
        if flags & (PADDED | PRIORITY):
            payload = unpadded(flags, payload)
            if flags & PRIORITY:
                refuse_own_parent(stream_id, payload)
                payload = payload[5:]
        if flags & END_HEADERS:
            self._take_block(stream_id, payload, ended=bool(flags & END_STREAM))
            return
        self.phase = Phase.BLOCK
        self.block_stream_id = stream_id
        self._block = payload
        self._block_frames = 1
        self._block_flags = flags

    def _take_continuation(self, flags: int, stream_id: int, payload: bytes) -> None:
        if self.phase is not Phase.BLOCK:
            raise ConnectionBroken(ErrorCode.PROTOCOL_ERROR, "CONTINUATION without HEADERS")
        self._block += payload
        self._block_frames += 1
        # Frames are counted too: empty ones add no octets (CVE-2024-27316, CVE-2026-59246).
        if len(self._block) > self.limits.list_octets or self._block_frames > self.limits.block_frames:
            raise ConnectionBroken(ErrorCode.ENHANCE_YOUR_CALM, "a header block is too long, or in too many frames")
        if flags & END_HEADERS:
            block, self._block = self._block, b""
            self.phase = FRAMES
            self.block_stream_id = 0
            self._take_block(stream_id, block, ended=bool(self._block_flags & END_STREAM))


# By type. PUSH_PROMISE is a client's mistake.
TAKE: Final[tuple[Callable[[Http2Engine, int, int, bytes], None], ...]] = (
    Http2Engine._take_data,
    Http2Engine._take_headers,
    Http2Engine._take_priority,
    Http2Engine._take_rst_stream,
    Http2Engine._take_settings,
    Http2Engine._take_push_promise,
    Http2Engine._take_ping,
    Http2Engine._take_goaway,
    Http2Engine._take_window_update,
    Http2Engine._take_continuation,
)
