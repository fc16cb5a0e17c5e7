"""One HTTP/2 connection, the server's side, without I/O (RFC 9113).

One job: octets of a peer in, calls out; what streams send, as frames in `outgoing`; the books of both.
Must not know: sockets, clocks, what a request leads to.

    PREFACE ──▶ SETTINGS ──▶ FRAMES ◀──▶ BLOCK      a block is a HEADERS frame and its CONTINUATIONs, nothing between
    any ──▶ OVER                                     a connection error: GOAWAY is in `outgoing`, nothing more is read

Whatever a peer can make grow or repeat is bounded here (`Limits`); budgets start anew when `new_period` is called.
"""

from collections.abc import Callable
from enum import IntEnum
from typing import Final, Protocol

from veche.wire.h1 import RequestHead, RequestRefused
from veche.wire.h2.errors import ConnectionBroken, ErrorCode, StreamBroken
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
    SETTING,
    WORD,
    FrameType,
    Setting,
    frame,
    goaway,
    header_block,
    rst_stream,
    settings,
)
from veche.wire.h2.hpack import DecodedBlock, HpackDecoder
from veche.wire.h2.limits import Limits
from veche.wire.h2.memory import Memory
from veche.wire.h2.sending import SendingSide
from veche.wire.h2.shortcuts import Shortcuts
from veche.wire.h2.stream import HALF_CLOSED_LOCAL, HALF_CLOSED_REMOTE, OPEN, Stream, StreamEvent

DRAIN_PING: Final = b"draining"
RESETS_REMEMBERED: Final = 256
IDLE_FRAMES_PER_USEFUL: Final = 10  # a WINDOW_UPDATE for the stream and one for the connection answer each DATA frame


class Phase(IntEnum):
    """What the next octets are; the diagram is above."""

    PREFACE = 0
    SETTINGS = 1
    FRAMES = 2
    BLOCK = 3
    OVER = 4


FRAMES: Final = Phase.FRAMES


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


class Http2Engine(SendingSide):
    """See the module. The caller sends `outgoing` after each call, and empties it."""

    settings_acknowledged = False
    requests = 0
    resets_received = 0
    resets_sent = 0
    progress = 0  # grows when a whole frame was read
    _idle_frames = 0
    _useful_before = 0  # requests and DATA frames before this period
    _queued_control_frames = 0
    _last_stream_id = 0
    _refusing = False  # the last GOAWAY is out
    # The block that is being collected:
    block_stream_id = 0
    _block = b""
    _block_frames = 0
    _block_flags = 0

    def __init__(self, sink: Sink, memory: Memory, limits: Limits, *, preface: bytes = PREFACE) -> None:
        """preface: what is still to come of it."""
        self.sink = sink
        self.limits = limits
        self.parser = memory.parser
        self.outgoing: list[bytes] = []
        self.streams: dict[int, Stream] = {}
        self.phase = Phase.PREFACE
        self._decoder = HpackDecoder(memory.huffman, memory.judge, memory.static_entries)
        self._shortcuts = Shortcuts(self._decoder, memory.huffman, self.parser, list_octets=limits.list_octets)
        self._preface = preface
        self._rest = b""
        self._reset_by_us: dict[int, None] = {}  # the latest: their peers may not know it yet
        self._start_sending()
        self._start_receiving(limits)

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
        if position < len(octets) and self.phase is not Phase.OVER:
            self._rest = octets[position:]

    def partial_frame(self) -> tuple[int, int, int] | None:
        """Return (type, stream, octets so far) of a frame that has begun to arrive; None when there is none."""
        if not self._rest or not self.phase:
            return None if self.phase else (FrameType.SETTINGS, 0, len(self._rest))
        if len(self._rest) < HEADER_OCTETS:
            return FrameType.HEADERS, 0, len(self._rest)
        length_and_type, _flags, stream_id = HEADER.unpack_from(self._rest)
        return length_and_type & 0xFF, stream_id & LARGEST_STREAM_ID, len(self._rest)

    def new_period(self) -> None:
        """Start all budgets anew."""
        self.resets_received = self.resets_sent = self._idle_frames = 0
        self._useful_before = self.requests + self.data_frames_sent

    def break_off(self, broken: ConnectionBroken) -> None:
        """End the connection with a GOAWAY (§5.4.1)."""
        if self.phase is Phase.OVER:
            return
        self.phase = Phase.OVER
        self._rest = b""
        self.outgoing.append(goaway(self._last_stream_id, broken.code, broken.reason))
        self.sink.connection_broken(broken)

    # The end in good order (§6.8): first that no more should be asked, then what was the last that is answered.

    def begin_drain(self) -> None:
        """Announce the end; requests that are on their way are still served."""
        self.outgoing.append(goaway(LARGEST_STREAM_ID, ErrorCode.NO_ERROR))
        self.outgoing.append(frame(FrameType.PING, 0, 0, DRAIN_PING))

    def refuse_requests(self) -> None:
        """Say which request was the last; later ones are left unanswered, so that a client may repeat them."""
        if not self._refusing and self.phase is not Phase.OVER:
            self._refusing = True
            self.outgoing.append(goaway(self._last_stream_id, ErrorCode.NO_ERROR))

    @property
    def refusing(self) -> bool:
        """Whether no new request is taken any more."""
        return self._refusing

    # Resets.

    def reset(self, stream: Stream, code: ErrorCode) -> None:
        """End a stream at once (§5.4.2), for a reason of our own."""
        if self.streams.get(stream.stream_id) is stream:
            self.outgoing.append(rst_stream(stream.stream_id, code))
            self._remember_reset(stream.stream_id)
            self._forget(stream)

    def drop_stuck(self) -> bool:
        """End the streams that wait for more of a peer that sends no more; return whether there were any.

        They are those whose octets wait for a closed window, and those that have answered before their request ended.
        """
        stuck = [stream for stream in self.streams.values() if self._is_stuck(stream)]
        for stream in stuck:
            self.reset(stream, ErrorCode.CANCEL if stream.unsent else ErrorCode.NO_ERROR)
            stream.lost()
        return bool(stuck)

    def _is_stuck(self, stream: Stream) -> bool:
        if stream.unsent:
            return stream.send_window <= 0 or self.send_window <= 0
        return stream.state is HALF_CLOSED_LOCAL

    def _reset_for_peer(self, stream_id: int, broken: StreamBroken) -> None:
        """End a stream for what its peer did: that is cheap to provoke, so it is counted (CVE-2025-8671)."""
        self.resets_sent += 1
        if self.resets_sent > self.limits.resets_sent:
            raise ConnectionBroken(ErrorCode.ENHANCE_YOUR_CALM, "too many streams had to be reset")
        self.outgoing.append(rst_stream(stream_id, broken.code))
        self._remember_reset(stream_id)
        stream = self.streams.get(stream_id)
        if stream is not None:
            self._forget(stream)
            stream.lost()

    def _remember_reset(self, stream_id: int) -> None:
        if len(self._reset_by_us) >= RESETS_REMEMBERED:
            del self._reset_by_us[next(iter(self._reset_by_us))]
        self._reset_by_us[stream_id] = None

    def _forget(self, stream: Stream) -> None:
        stream.move(StreamEvent.RESET)
        stream.unsent = b""
        stream.end_waits = False
        stream.trailer_block = None
        del self.streams[stream.stream_id]
        self.release(stream)

    # Frames.

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
            if self.phase is Phase.OVER:  # what was called has ended the connection
                break
        return position

    def _check_order(self, kind: int, flags: int, stream_id: int) -> None:
        if self.phase is Phase.SETTINGS:
            if kind != FrameType.SETTINGS or flags & ACK:
                raise ConnectionBroken(ErrorCode.PROTOCOL_ERROR, "the first frame is not SETTINGS (§3.4)")
            self.phase = Phase.FRAMES
        elif kind != FrameType.CONTINUATION or stream_id != self.block_stream_id:
            raise ConnectionBroken(ErrorCode.PROTOCOL_ERROR, "a header block is interrupted (§6.10)")

    def _take_headers(self, flags: int, stream_id: int, payload: bytes) -> None:
        if not stream_id:
            raise ConnectionBroken(ErrorCode.PROTOCOL_ERROR, "HEADERS on stream 0")
        if flags & (PADDED | PRIORITY):
            payload = _unpadded(flags, payload)
            if flags & PRIORITY:
                _refuse_own_parent(stream_id, payload)
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

    def _take_block(self, stream_id: int, block: bytes, *, ended: bool) -> None:
        try:
            if stream_id > self._last_stream_id:
                head = self._shortcuts.find(block) if ended else None
                # Also of streams that are refused: the table follows from every block.
                decoded = self._decoder.decode(block) if head is None else None
                self._open(stream_id, block, decoded, head, ended=ended)
            else:
                self._take_trailers(stream_id, self._decoder.decode(block), ended=ended)
        except StreamBroken as broken:
            self._reset_for_peer(stream_id, broken)

    def _open(
        self, stream_id: int, block: bytes, decoded: DecodedBlock | None, head: RequestHead | None, *, ended: bool
    ) -> None:
        if not stream_id & 1:
            raise ConnectionBroken(ErrorCode.PROTOCOL_ERROR, "a client's stream has an even number (§5.1.1)")
        if self._refusing:
            self._remember_reset(stream_id)
            return
        self._last_stream_id = stream_id
        self.requests += 1
        limits = self.limits
        if self.requests >= limits.requests:
            self.refuse_requests()
        if not self.sink.has_room(len(self.streams)):
            raise StreamBroken(ErrorCode.REFUSED_STREAM, "too many streams")
        if decoded is not None:
            try:
                head = self._read_request(block, decoded, ended=ended)
            except RequestRefused as refusal:
                self.outgoing.append(header_block(stream_id, self.sink.refusal_block(refusal), END_STREAM))
                if not ended:
                    self.outgoing.append(rst_stream(stream_id, ErrorCode.NO_ERROR))
                    self._remember_reset(stream_id)
                return
        assert head is not None
        stream = self.streams[stream_id] = self.sink.open_stream(stream_id, head)
        stream.stream_id = stream_id
        stream.send_window = self.peer_initial_window
        if ended:
            stream.state = HALF_CLOSED_REMOTE
        else:
            stream.state = OPEN
            stream.receive_window = limits.stream_window_octets
            if not head.chunked:
                stream.expected_octets = head.content_length
        stream.start()

    def _read_request(self, block: bytes, decoded: DecodedBlock, *, ended: bool) -> RequestHead:
        """Return the request of a block. Raises StreamBroken for a malformed one, RequestRefused."""
        limits = self.limits
        if self._decoder.may_exceed(block, decoded, limits.list_octets):
            raise RequestRefused(431, f"the head is larger than {limits.list_octets} octets")
        head = self.parser.parse(decoded, ended=ended)
        if head.content_length > limits.body_octets:
            raise RequestRefused(413, f"the body is larger than {limits.body_octets} octets")
        if ended:
            self._shortcuts.learn(block, head)
        return head

    def _take_trailers(self, stream_id: int, decoded: DecodedBlock, *, ended: bool) -> None:
        stream = self.streams.get(stream_id)
        if stream is None:
            if stream_id in self._reset_by_us:
                return  # it was on its way when we reset the stream
            raise ConnectionBroken(ErrorCode.STREAM_CLOSED, "HEADERS on a stream that is closed")
        if stream.state is HALF_CLOSED_REMOTE:
            raise StreamBroken(ErrorCode.STREAM_CLOSED, "HEADERS after END_STREAM")
        if not ended:
            raise StreamBroken(ErrorCode.PROTOCOL_ERROR, "a second HEADERS without END_STREAM (§8.1)")
        self.parser.check_trailers(decoded)
        self._request_ended(stream)

    def _take_data(self, flags: int, stream_id: int, payload: bytes) -> None:
        if not stream_id:
            raise ConnectionBroken(ErrorCode.PROTOCOL_ERROR, "DATA on stream 0")
        octets = len(payload)
        self._debit_connection(octets)
        if flags & PADDED:
            payload = _unpadded(flags, payload)
        stream = self.streams.get(stream_id)
        try:
            if stream is None:
                self._credit_connection(octets)
                self._refuse_data(stream_id)
            else:
                self._take_content(stream, payload, octets, ended=bool(flags & END_STREAM))
        except StreamBroken as broken:
            self._reset_for_peer(stream_id, broken)

    def _refuse_data(self, stream_id: int) -> None:
        """Answer DATA of a stream that is not open; what was on its way when we reset it is thrown away."""
        if stream_id > self._last_stream_id and not self._refusing:
            raise ConnectionBroken(ErrorCode.PROTOCOL_ERROR, "DATA on an idle stream")
        if stream_id not in self._reset_by_us and stream_id <= self._last_stream_id:
            raise StreamBroken(ErrorCode.STREAM_CLOSED, "DATA on a stream that is closed")

    def _take_content(self, stream: Stream, content: bytes, octets: int, *, ended: bool) -> None:
        """Take the content of a DATA frame that counts `octets` with its padding."""
        if stream.state is HALF_CLOSED_REMOTE:
            self._credit_connection(octets)
            raise StreamBroken(ErrorCode.STREAM_CLOSED, "DATA after END_STREAM")
        self._debit_stream(stream, octets)
        if not (content or ended):
            self._idle_frame()
        stream.received_octets += len(content)
        if stream.received_octets > self.limits.body_octets >= 0 and not stream.is_tunnel:
            self._credit_connection(octets)
            stream.body_refused(RequestRefused(413, f"the body is larger than {self.limits.body_octets} octets"))
            return
        if 0 <= stream.expected_octets < stream.received_octets:
            self._credit_connection(octets)
            raise StreamBroken(ErrorCode.PROTOCOL_ERROR, "more DATA than content-length says (§8.1.1)")
        if stream.state is HALF_CLOSED_LOCAL:
            self._credit_connection(octets)  # nobody wants it: no more than one window of it is let come
            if not ended and not stream.receive_window:
                self.reset(stream, ErrorCode.NO_ERROR)
                return
        else:
            stream.unconsumed_octets += len(content)
            self._credit(stream, octets - len(content))
            if content:
                stream.body_received(content)
        if ended and stream.state in (OPEN, HALF_CLOSED_LOCAL):
            self._request_ended(stream)

    def _request_ended(self, stream: Stream) -> None:
        if 0 <= stream.expected_octets != stream.received_octets:
            raise StreamBroken(ErrorCode.PROTOCOL_ERROR, "less DATA than content-length says (§8.1.1)")
        was_open = stream.state is OPEN
        stream.move(StreamEvent.REQUEST_ENDED)
        if was_open:
            stream.request_ended()
        else:
            del self.streams[stream.stream_id]

    def _take_priority(self, _flags: int, stream_id: int, payload: bytes) -> None:
        if not stream_id:
            raise ConnectionBroken(ErrorCode.PROTOCOL_ERROR, "PRIORITY on stream 0")
        if len(payload) != 5:
            raise ConnectionBroken(ErrorCode.FRAME_SIZE_ERROR, "PRIORITY is not 5 octets long")
        _refuse_own_parent(stream_id, payload)
        self._idle_frame()  # priorities are ignored (§5.3.2)

    def _take_rst_stream(self, _flags: int, stream_id: int, payload: bytes) -> None:
        if len(payload) != 4:
            raise ConnectionBroken(ErrorCode.FRAME_SIZE_ERROR, "RST_STREAM is not 4 octets long")
        self._refuse_idle(stream_id, "RST_STREAM")
        self.resets_received += 1
        if self.resets_received > self.limits.resets_received:  # CVE-2023-44487
            raise ConnectionBroken(ErrorCode.ENHANCE_YOUR_CALM, "too many streams were reset")
        stream = self.streams.get(stream_id)
        if stream is not None:
            self._forget(stream)
            stream.lost()

    def _take_settings(self, flags: int, stream_id: int, payload: bytes) -> None:
        if stream_id:
            raise ConnectionBroken(ErrorCode.PROTOCOL_ERROR, "SETTINGS on a stream")
        self._idle_frame()
        if flags & ACK:
            if payload:
                raise ConnectionBroken(ErrorCode.FRAME_SIZE_ERROR, "an acknowledgement of SETTINGS has a payload")
            self.settings_acknowledged = True
            return
        if len(payload) % SETTING.size:
            raise ConnectionBroken(ErrorCode.FRAME_SIZE_ERROR, "SETTINGS is not a multiple of 6 octets long")
        for name, value in SETTING.iter_unpack(payload):
            self._apply(name, value)
        self._answer(frame(FrameType.SETTINGS, ACK, 0))

    def _apply(self, name: int, value: int) -> None:
        """Take note of a setting of the peer (§6.5.2). Those of its decoder say nothing to an encoder without state."""
        if name == Setting.ENABLE_PUSH and value > 1:
            raise ConnectionBroken(ErrorCode.PROTOCOL_ERROR, "SETTINGS_ENABLE_PUSH is neither 0 nor 1")
        if name == Setting.MAX_FRAME_SIZE and not LARGEST_FRAME_OCTETS <= value < 2**24:
            raise ConnectionBroken(ErrorCode.PROTOCOL_ERROR, "SETTINGS_MAX_FRAME_SIZE is out of its bounds")
        if name == Setting.INITIAL_WINDOW_SIZE:
            self._set_peer_initial_window(value, self.streams)

    def _take_push_promise(self, _flags: int, _stream_id: int, _payload: bytes) -> None:
        raise ConnectionBroken(ErrorCode.PROTOCOL_ERROR, "a client cannot push (§8.4)")

    def _take_ping(self, flags: int, stream_id: int, payload: bytes) -> None:
        if stream_id:
            raise ConnectionBroken(ErrorCode.PROTOCOL_ERROR, "PING on a stream")
        if len(payload) != 8:
            raise ConnectionBroken(ErrorCode.FRAME_SIZE_ERROR, "PING is not 8 octets long")
        self._idle_frame()
        if not flags & ACK:
            self._answer(frame(FrameType.PING, ACK, 0, payload))
        elif payload == DRAIN_PING:
            self.sink.drain_heard()

    def _take_goaway(self, _flags: int, stream_id: int, payload: bytes) -> None:
        if stream_id:
            raise ConnectionBroken(ErrorCode.PROTOCOL_ERROR, "GOAWAY on a stream")
        if len(payload) < 8:
            raise ConnectionBroken(ErrorCode.FRAME_SIZE_ERROR, "GOAWAY is shorter than 8 octets")
        self._idle_frame()  # what it began is finished; the peer closes when it has all

    def _take_window_update(self, _flags: int, stream_id: int, payload: bytes) -> None:
        if len(payload) != 4:
            raise ConnectionBroken(ErrorCode.FRAME_SIZE_ERROR, "WINDOW_UPDATE is not 4 octets long")
        self._idle_frame()
        octets = WORD.unpack(payload)[0] & LARGEST_STREAM_ID
        if not stream_id:
            self._widen_connection(octets)
            return
        self._refuse_idle(stream_id, "WINDOW_UPDATE")
        stream = self.streams.get(stream_id)
        if stream is None:
            return  # it was on its way when the stream ended
        try:
            self._widen_stream(stream, octets)
        except StreamBroken as broken:
            self._reset_for_peer(stream_id, broken)

    # Bounds.

    def _refuse_idle(self, stream_id: int, name: str) -> None:
        if not stream_id or (stream_id > self._last_stream_id and not self._refusing):
            raise ConnectionBroken(ErrorCode.PROTOCOL_ERROR, f"{name} on stream 0 or on an idle stream (§5.1)")

    def _idle_frame(self) -> None:
        """Count a frame that carries nothing. Useful ones earn some: their windows must be updated."""
        self._idle_frames += 1
        if self._idle_frames > self.limits.idle_frames:
            useful = self.requests + self.data_frames_sent - self._useful_before
            if self._idle_frames > self.limits.idle_frames + IDLE_FRAMES_PER_USEFUL * useful:
                raise ConnectionBroken(ErrorCode.ENHANCE_YOUR_CALM, "too many frames that carry nothing")

    def _answer(self, octets: bytes) -> None:
        """Send an answer that a peer can provoke without end; when it does not read them, they are not kept."""
        self._queued_control_frames += 1
        if self._queued_control_frames > self.limits.queued_control_frames:
            raise ConnectionBroken(ErrorCode.ENHANCE_YOUR_CALM, "too many answers wait to be read")
        self.outgoing.append(octets)

    def answers_read(self) -> None:
        """Note that the peer reads: no answer waits."""
        self._queued_control_frames = 0


def _unpadded(flags: int, payload: bytes) -> bytes:
    """Return a payload without its padding (§6.1); five octets of priority must be left where the flags say so."""
    if flags & PADDED:
        if not payload:
            raise ConnectionBroken(ErrorCode.FRAME_SIZE_ERROR, "a padded frame has no length of its padding")
        end = len(payload) - payload[0]
        if end < 1:
            raise ConnectionBroken(ErrorCode.PROTOCOL_ERROR, "the padding is longer than its frame")
        payload = payload[1:end]
    return payload


def _refuse_own_parent(stream_id: int, payload: bytes) -> None:
    if len(payload) < 5:
        raise ConnectionBroken(ErrorCode.FRAME_SIZE_ERROR, "HEADERS is too short for its priority")
    if WORD.unpack_from(payload)[0] & LARGEST_STREAM_ID == stream_id:
        raise ConnectionBroken(ErrorCode.PROTOCOL_ERROR, "a stream depends on itself")


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
