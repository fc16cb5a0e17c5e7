"""The books of a connection: streams, resets, budgets, the end (RFC 9113 §5.4, §6.8, §10.5).

One job: what is open, what was reset and by whom, how much is left of each budget, when the end was announced.
Must not know: what frames carry.

Whatever a peer can make grow or repeat is bounded here (`Limits`); budgets start anew when `new_period` is called.
"""

from typing import Final

from veche.wire.h2.errors import ConnectionBroken, ErrorCode, StreamBroken
from veche.wire.h2.frames import LARGEST_STREAM_ID, FrameType, frame, goaway, rst_stream
from veche.wire.h2.phase import OVER, Phase, Sink
from veche.wire.h2.sending import SendingSide
from veche.wire.h2.stream import HALF_CLOSED_LOCAL, Stream, StreamEvent

DRAIN_PING: Final = b"draining"
RESETS_REMEMBERED: Final = 256
IDLE_FRAMES_PER_USEFUL: Final = 10  # a WINDOW_UPDATE for the stream and one for the connection answer each DATA frame


class Books(SendingSide):
    """The part of an engine that every frame looks into."""

    sink: Sink
    phase: Phase
    requests = 0
    resets_received = 0
    resets_sent = 0
    _idle_frames = 0
    _useful_before = 0  # requests and DATA frames before this period
    _queued_control_frames = 0
    _last_stream_id = 0
    _refusing = False  # the last GOAWAY is out

    def _open_books(self) -> None:
        self.streams: dict[int, Stream] = {}
        self._reset_by_us: dict[int, None] = {}  # the latest: their peers may not know it yet

    def break_off(self, broken: ConnectionBroken) -> None:
        """End the connection with a GOAWAY (§5.4.1)."""
        if self.phase is OVER:
            return
        self.phase = OVER
        self.outgoing.append(goaway(self._last_stream_id, broken.code, broken.reason))
        self.sink.connection_broken(broken)

    # The end in good order (§6.8): first that no more should be asked, then what was the last that is answered.

    def begin_drain(self) -> None:
        """Announce the end; requests that are on their way are still served."""
        self.outgoing.append(goaway(LARGEST_STREAM_ID, ErrorCode.NO_ERROR))
        self.outgoing.append(frame(FrameType.PING, 0, 0, DRAIN_PING))

    def refuse_requests(self) -> None:
        """Say which request was the last; later ones are left unanswered, so that a client may repeat them."""
        if not self._refusing and self.phase is not OVER:
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

    # Bounds.

    def new_period(self) -> None:
        """Start all budgets anew."""
        self.resets_received = self.resets_sent = self._idle_frames = 0
        self._useful_before = self.requests + self.data_frames_sent

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
