"""Responses as frames, under the peer's flow control (RFC 9113 §5.2, §6.9).

One job: HEADERS at once, DATA as far as the windows go, and in turn where many streams wait for the same window.
Must not know: what the peer sends otherwise, what the octets are.
"""

from collections import deque
from collections.abc import Mapping
from typing import Final

from veche.wire.h2.errors import ConnectionBroken, ErrorCode, StreamBroken
from veche.wire.h2.frames import (
    END_HEADERS,
    END_STREAM,
    HEADER,
    INITIAL_WINDOW,
    LARGEST_FRAME_OCTETS,
    LARGEST_WINDOW,
    FrameType,
    header_block,
)
from veche.wire.h2.receiving import ReceivingWindows
from veche.wire.h2.stream import CLOSED, HALF_CLOSED_REMOTE, Stream, StreamEvent

HEADERS: Final = int(FrameType.HEADERS)


class SendingSide(ReceivingWindows):
    """The sending half of an engine's books."""

    streams: dict[int, Stream]
    send_window = INITIAL_WINDOW
    peer_initial_window = INITIAL_WINDOW
    data_frames_sent = 0  # beside the one that most responses are

    def _start_sending(self) -> None:
        self._turns: deque[Stream] = deque()  # who has octets, and a window of its own that is open

    @property
    def has_turns(self) -> bool:
        """Whether a stream waits for the connection's window, or for `send_waiting`."""
        return bool(self._turns)

    def send_response(self, stream: Stream, block: bytes, octets: bytes) -> None:
        """Send a whole response that has a body."""
        size = len(octets)
        if (
            size > self.send_window
            or size > stream.send_window
            or size > LARGEST_FRAME_OCTETS
            or len(block) > LARGEST_FRAME_OCTETS
            or self._turns
        ):
            self.send_head(stream, block)
            self.send_body(stream, octets, more=False)
            return
        self.send_window -= size
        stream_id = stream.stream_id
        outgoing = self.outgoing
        outgoing.append(HEADER.pack(len(block) << 8 | HEADERS, END_HEADERS, stream_id))
        outgoing.append(block)
        outgoing.append(HEADER.pack(size << 8, END_STREAM, stream_id))
        outgoing.append(octets)
        self._response_ended(stream)

    def send_head(self, stream: Stream, block: bytes, *, ended: bool = False) -> None:
        """Send a header block; ended: the response has no body."""
        self.outgoing.append(header_block(stream.stream_id, block, END_STREAM if ended else 0))
        if ended:
            self._response_ended(stream)

    def send_body(self, stream: Stream, octets: bytes, *, more: bool) -> None:
        """Send a part of the body, as far as it goes now; the rest waits in `stream.unsent`."""
        size = len(octets)
        if (
            size
            and not stream.unsent
            and not self._turns
            and size <= self.send_window
            and size <= stream.send_window
            and size <= LARGEST_FRAME_OCTETS
        ):
            self.send_window -= size
            stream.send_window -= size
            self.data_frames_sent += 1
            self.outgoing.append(HEADER.pack(size << 8, 0 if more else END_STREAM, stream.stream_id))
            self.outgoing.append(octets)
            if not more:
                self._response_ended(stream)
            return
        if octets:
            unsent = stream.unsent
            stream.unsent = unsent[stream.unsent_start :] + octets if unsent else octets
            stream.unsent_start = 0
            self._queue(stream)
        if not more:
            stream.end_waits = True
            if not stream.unsent:
                self._end(stream)

    def send_trailers(self, stream: Stream, block: bytes) -> None:
        """Send a trailer section after all of the body; it ends the response."""
        stream.trailer_block = block
        stream.end_waits = True
        if not stream.unsent:
            self._end(stream)

    def send_waiting(self, room_octets: int) -> None:
        """Send what waits, one frame of each stream after another, until about `room_octets` are in `outgoing`."""
        turns = self._turns
        while turns and room_octets > 0:
            if self.send_window <= 0:
                return
            stream = turns.popleft()
            start = stream.unsent_start
            left = len(stream.unsent) - start
            size = min(left, stream.send_window, self.send_window, LARGEST_FRAME_OCTETS)
            if size <= 0:  # reset meanwhile, or its window was made smaller
                stream.in_turn = False
                continue
            self._send_data(stream, size, last=size == left)
            room_octets -= size
            if size < left:
                stream.unsent_start = start + size
                stream.in_turn = stream.send_window > 0
                if stream.in_turn:
                    turns.append(stream)
            else:
                stream.in_turn = False
                stream.unsent = b""
                stream.unsent_start = 0
                if stream.end_waits:
                    if stream.trailer_block is None:
                        self._response_ended(stream)
                    else:
                        self._end(stream)
                stream.all_sent()

    def _send_data(self, stream: Stream, size: int, *, last: bool) -> None:
        self.send_window -= size
        stream.send_window -= size
        self.data_frames_sent += 1
        ends = last and stream.end_waits and stream.trailer_block is None
        self.outgoing.append(HEADER.pack(size << 8, END_STREAM if ends else 0, stream.stream_id))
        start = stream.unsent_start
        self.outgoing.append(stream.unsent[start : start + size])

    def _end(self, stream: Stream) -> None:
        """Say that the response has ended: with its trailers, or with an empty DATA frame."""
        block, stream.trailer_block = stream.trailer_block, None
        if block is not None:
            self.send_head(stream, block, ended=True)
            return
        self.outgoing.append(HEADER.pack(0, END_STREAM, stream.stream_id))
        self._response_ended(stream)

    def _response_ended(self, stream: Stream) -> None:
        if stream.state is HALF_CLOSED_REMOTE:
            stream.state = CLOSED
            del self.streams[stream.stream_id]
        else:
            stream.move(StreamEvent.RESPONSE_ENDED)
        if stream.unconsumed_octets:
            self.release(stream)

    def _queue(self, stream: Stream) -> None:
        if not stream.in_turn and stream.unsent and stream.send_window > 0:
            stream.in_turn = True
            self._turns.append(stream)

    # What the peer says of its windows.

    def _widen_connection(self, octets: int) -> None:
        if not octets:
            raise ConnectionBroken(ErrorCode.PROTOCOL_ERROR, "WINDOW_UPDATE of nothing")
        self.send_window += octets
        if self.send_window > LARGEST_WINDOW:
            raise ConnectionBroken(ErrorCode.FLOW_CONTROL_ERROR, "the connection's window is larger than 2^31 - 1")

    def _widen_stream(self, stream: Stream, octets: int) -> None:
        if not octets:
            raise StreamBroken(ErrorCode.PROTOCOL_ERROR, "WINDOW_UPDATE of nothing")
        stream.send_window += octets
        if stream.send_window > LARGEST_WINDOW:
            raise StreamBroken(ErrorCode.FLOW_CONTROL_ERROR, "the stream's window is larger than 2^31 - 1")
        self._queue(stream)

    def _set_peer_initial_window(self, octets: int, streams: Mapping[int, Stream]) -> None:
        """Change the windows of all streams by the difference; they may become negative (§6.9.2)."""
        if octets > LARGEST_WINDOW:
            raise ConnectionBroken(ErrorCode.FLOW_CONTROL_ERROR, "SETTINGS_INITIAL_WINDOW_SIZE is over 2^31 - 1")
        difference = octets - self.peer_initial_window
        self.peer_initial_window = octets
        for stream in streams.values():
            stream.send_window += difference
            if stream.send_window > LARGEST_WINDOW:
                raise ConnectionBroken(ErrorCode.FLOW_CONTROL_ERROR, "a stream's window is larger than 2^31 - 1")
            self._queue(stream)
