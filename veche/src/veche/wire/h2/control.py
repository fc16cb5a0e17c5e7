"""The frames that carry nothing of a request: what they say of windows, settings and streams (RFC 9113 §6.3–6.9).

One job: check each by its own rules, and do what it says.
Must not know: requests, responses.
"""

from veche.wire.h2.books import DRAIN_PING
from veche.wire.h2.errors import ConnectionBroken, ErrorCode, StreamBroken
from veche.wire.h2.frames import (
    ACK,
    LARGEST_FRAME_OCTETS,
    LARGEST_STREAM_ID,
    SETTING,
    WORD,
    FrameType,
    Setting,
    frame,
    refuse_own_parent,
)
from veche.wire.h2.request_side import RequestSide


class ControlSide(RequestSide):
    """The part of an engine that the peer steers."""

    settings_acknowledged = False

    def _take_priority(self, _flags: int, stream_id: int, payload: bytes) -> None:
        if not stream_id:
            raise ConnectionBroken(ErrorCode.PROTOCOL_ERROR, "PRIORITY on stream 0")
        if len(payload) != 5:
            raise ConnectionBroken(ErrorCode.FRAME_SIZE_ERROR, "PRIORITY is not 5 octets long")
        refuse_own_parent(stream_id, payload)
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
