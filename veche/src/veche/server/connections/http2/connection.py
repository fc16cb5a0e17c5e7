"""One connection that speaks HTTP/2.

One job: octets between a transport and the protocol engine; deadlines, flow control, the drain.
Must not know: what the octets mean (`veche.wire.h2`), what one request and its response are (`stream.py`).

What all streams send in answer to one read leaves in one write; what they send later, in one write for each turn of the
loop. Deadlines are looked at once a tick while anything is under way; else there is one, for the end of the idle time.
"""

import asyncio
import time
from typing import Final, cast

from veche.server.bridges.exchange import Exchange
from veche.server.connections.clock import NEVER
from veche.server.connections.http2.stream import Http2Stream
from veche.server.connections.http_connection import LINGER_LIMIT_OCTETS, HttpConnection
from veche.server.connections.service import Service
from veche.server.connections.transport.unread import has_unread_octets
from veche.server.records import FinishedRequest
from veche.wire.h1 import RequestHead, RequestRefused
from veche.wire.h2 import PREFACE, ConnectionBroken, ErrorCode, FrameType, Http2Engine, Phase, Sink

PERIOD_SECONDS: Final = 10.0  # of the budgets
BURST_OCTETS: Final = 131072  # of waiting bodies in one turn of the loop


class Http2Connection(HttpConnection, Sink):
    """See the module. It is the sink of its engine, and gives its streams what they need of a connection."""

    read_at = 0.0  # when the latest octets came, if the access log is on; all these times are time.monotonic()
    _timed = False
    receiving = False  # an engine's call is running: what is sent now leaves at its end
    _flush_due = False
    _lingering = False
    _input_ended = False
    _discarded_octets = 0
    _drain_heard = False
    _idle_requests = -1  # how many requests there were when the connection was last seen idle
    _idle_until = NEVER
    _unfinished: tuple[int, int] | None = None  # what had begun to arrive at the last look, and was not whole
    _unfinished_until = NEVER
    _settings_until = 0.0

    def __init__(self, service: Service, *, preface: bytes = PREFACE) -> None:
        """preface: what is still to come of it, where an HTTP/1 connection has read its beginning."""
        super().__init__(service)
        self.engine = Http2Engine(self, service.http2_memory, service.http2_limits, preface=preface)
        self.bridge = service.bridge
        self.encoder = service.http2_encoder
        self.clock = service.clock
        self.running_on: list[Exchange] = []  # their streams are closed, their applications may still run
        self.deadline = 0.0  # looked at in the next tick
        self._period_until = 0.0
        self._loop = asyncio.get_running_loop()
        if service.access_log is not None:
            self._timed = True

    # What the transport says.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.service.connections.add(self)
        self._settings_until = self.clock.deadline(self.service.limits.http2_settings_seconds)
        self._period_until = self.clock.deadline(PERIOD_SECONDS)
        self.engine.begin()
        self.flush()
        if self.service.draining:
            self.begin_drain()

    def data_received(self, data: bytes) -> None:
        if self._lingering:
            self._discarded_octets += len(data)
            if self._discarded_octets > LINGER_LIMIT_OCTETS:
                self.close_transport()
            return
        self.deadline = 0.0
        if self._timed:
            self.read_at = time.monotonic()
        self.receiving = True
        self.engine.receive(data)
        self.receiving = False
        self.flush()

    def eof_received(self) -> bool:
        """A peer that ends its side cannot open windows or reset streams any more: what fits is still sent."""
        if self._lingering:
            self.close_transport()
            return self.stays_open()
        self._input_ended = True
        for stream in self._streams():
            stream.input_ended()
        self.engine.refuse_requests()
        self.flush()
        return self.stays_open()

    def connection_lost(self, error: Exception | None) -> None:
        self.closing = True
        self.service.forget(self)
        for stream in self._streams():
            stream.lost()
        self.resume_writing()

    def resume_writing(self) -> None:
        super().resume_writing()
        for stream in self._streams():
            stream.wake()
        if not self.closing:
            self.engine.answers_read()
            self.send_soon()

    # What the engine finds in the octets.

    def open_stream(self, stream_id: int, head: RequestHead) -> Http2Stream:
        self.service.requests_served += 1
        return Http2Stream(self, head)

    def refusal_block(self, refusal: RequestRefused) -> bytes:
        access_log = self.service.access_log
        if access_log is not None:
            now, read_at = time.monotonic(), self.read_at
            access_log.note(
                FinishedRequest(None, [], self.client, self.scheme, refusal.status, 0, 0, read_at, now, now, now),
                None,
            )
        head = self.encoder.head(refusal.status, ())
        return b"".join([*head.block, self.encoder.date(self.clock.date_line), self.encoder.length(0)])

    def has_room(self, open_streams: int) -> bool:
        limit = self.service.limits.http2_stream_limit
        if open_streams + len(self.running_on) < limit:
            return True
        self._forget_finished()
        return open_streams + len(self.running_on) < limit

    def connection_broken(self, broken: ConnectionBroken) -> None:
        """Flush the GOAWAY, and let the peer read it: closing on unread octets would reset the connection."""
        for stream in self._streams():
            stream.lost()
        self._lingering = True
        self.deadline = self.clock.deadline(self.service.limits.linger_seconds)
        self.send_soon()

    def drain_heard(self) -> None:
        self._drain_heard = True
        self.engine.refuse_requests()
        self._close_if_done()

    # What streams ask for.

    def send_soon(self) -> None:
        """Have `outgoing` sent at the end of the read that is being handled, or in the next turn of the loop."""
        if not self.receiving and not self._flush_due:
            self._flush_due = True
            self._loop.call_soon(self.flush, context=self.service.context)

    def flush(self) -> None:
        """Send what there is, and of what waits as much as the peer reads."""
        self._flush_due = False
        engine = self.engine
        if engine.has_turns and self.writable:
            self.receiving = True  # what is woken writes later
            engine.send_waiting(BURST_OCTETS)
            self.receiving = False
            if engine.has_turns and engine.send_window > 0:
                self.send_soon()
        outgoing = engine.outgoing
        if outgoing:
            octets = b"".join(outgoing)
            outgoing.clear()
            self.send(octets)
            if self.writable:
                engine.answers_read()
        if engine.refusing or self._lingering:
            self._close_if_done()

    # What time and the server say.

    def deadline_passed(self, now: float) -> None:
        """Look at everything that may take too long."""
        if self.write_deadline <= now:
            self.check_writing()
        if self.deadline > now:
            return
        self.deadline = NEVER
        if self.closing:
            return
        if self._lingering:
            self.close_transport()
            return
        if self._period_until <= now:
            self._period_until = self.clock.deadline(PERIOD_SECONDS)
            self.engine.new_period()
        self.receiving = True
        self._look_at_streams(now)
        self.receiving = False
        self._forget_finished()
        if self._peer_is_late(now):
            self.service.client_was_silent(self.client, "left its side of HTTP/2 unfinished")
        else:
            self._look_for_idleness(now)
        self.flush()

    def begin_drain(self) -> None:
        """Say that the connection ends; requests on their way are answered (RFC 9113 §6.8)."""
        self.engine.begin_drain()
        for stream in self._streams():
            stream.shutting_down()
        self.send_soon()

    def end_if_idle(self) -> None:
        self.engine.refuse_requests()
        self.send_soon()

    def hurry(self) -> None:
        for stream in self._streams():
            stream.stop()

    def abort(self) -> None:
        self.transport.abort()

    # Within.

    def _streams(self) -> list[Http2Stream]:
        return cast(list[Http2Stream], list(self.engine.streams.values()))

    def _forget_finished(self) -> None:
        if self.running_on:
            self.running_on = [exchange for exchange in self.running_on if exchange.running]

    def _close_if_done(self) -> None:
        if self.closing or self.transport.is_closing():
            return
        if self._lingering:
            self._end_our_side()
            return
        if self._input_ended and self.engine.drop_stuck():
            self.flush()  # their resets; then it is asked again
        elif self.engine.refusing and not self.engine.streams and not self.engine.outgoing:
            # Requests that crossed our GOAWAY may still come: closing on them would reset the connection, and the peer
            # might lose the last answers, and our GOAWAY, with it. None come from a peer that has read the first GOAWAY
            # of a drain, or has ended its side.
            nothing_crosses = self._drain_heard or self._input_ended
            if not nothing_crosses or has_unread_octets(self.transport):
                self._end_our_side()
                self._lingering = True
                self.deadline = self.clock.deadline(self.service.limits.linger_seconds)
            else:
                self.close_transport()

    def _end_our_side(self) -> None:
        """Say that nothing more comes, after all that was sent. TLS cannot say it: there the GOAWAY does."""
        if self.transport.can_write_eof():
            self.write_out()
            self.transport.write_eof()

    def _look_at_streams(self, now: float) -> None:
        under_way = self._streams()
        for stream in under_way:
            stream.look(now)
        if under_way:
            self._idle_until = NEVER
            self._idle_requests = -1
            self.deadline = now  # in the next tick again

    def _peer_is_late(self, now: float) -> bool:
        """End the connection of a peer that leaves our SETTINGS or its own frames unfinished."""
        if self._input_ended:
            return False  # it cannot finish anything now, and waits for its answers
        engine = self.engine
        if not engine.settings_acknowledged:
            self.deadline = now
            if self._settings_until <= now:
                engine.break_off(ConnectionBroken(ErrorCode.SETTINGS_TIMEOUT, "our SETTINGS were not acknowledged"))
                return True
        unfinished: tuple[int, int] | None = None
        if engine.phase is Phase.BLOCK:
            unfinished = (engine.block_stream_id, -1)  # the same block, however many frames it has by now
        else:
            partial = engine.partial_frame()
            if partial is not None and partial[0] != FrameType.DATA:
                unfinished = (0, engine.progress)
        if unfinished != self._unfinished:
            self._unfinished = unfinished
            self._unfinished_until = self.clock.deadline(self.service.limits.head_timeout_seconds)
        if unfinished is not None:
            self.deadline = now
            if self._unfinished_until <= now:
                engine.break_off(ConnectionBroken(ErrorCode.ENHANCE_YOUR_CALM, "a header block did not arrive in time"))
                return True
        return False

    def _look_for_idleness(self, now: float) -> None:
        """Close a connection without requests; a PING does not keep it."""
        engine = self.engine
        if engine.streams:
            return
        if self._idle_requests != engine.requests:
            self._idle_requests = engine.requests
            self._idle_until = self.clock.deadline(self.service.limits.keep_alive_seconds)
        if self._idle_until <= now:
            engine.refuse_requests()
        elif self.deadline == NEVER:
            self.deadline = self._idle_until
