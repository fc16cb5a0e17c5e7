"""A WebSocket on one stream of an HTTP/2 connection (RFC 8441).

One job: be the transport of a WebSocket link and the exchange of its stream, each in the words that the other knows.
Must not know: frames of HTTP/2 or of WebSocket, the application.

Until the application accepts, what the stream says goes on to the application's exchange, and what the client sends
already waits here: without credit it is at most one window. Then all of it goes to the link.
"""

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING, cast

from veche.server.bridges.exchange import Exchange, SocketOutlet, WebSocketExchange
from veche.server.connections.websocket import WebSocketLink
from veche.wire.h2 import ErrorCode, StreamState
from veche.wire.websocket import DeflateAgreement

if TYPE_CHECKING:
    from veche.server.connections.http2.stream import Http2Stream


class StreamLink(WebSocketLink):
    """A link that is no connection of the server's: its stream's connection is."""

    def _leave(self) -> None:
        pass


class Tunnel(Exchange):
    """See the module."""

    began = 0.0
    _link: StreamLink | None = None
    _reading = True
    _input_ended = False
    _closing = False
    _paused = False  # the link has been told to wait until the peer has read
    _later_octets = 0

    def __init__(self, stream: "Http2Stream", exchange: WebSocketExchange, deflate: DeflateAgreement | None) -> None:
        self._stream = stream
        stream.is_tunnel = True
        self._exchange: Exchange = exchange  # what the stream's events are for until the link is there
        self._deflate = deflate
        self._waiting = b""  # of what came, while nobody reads
        self._later: list[bytes] = []  # of what is to be sent, while the peer does not read
        connection = stream.connection
        self._high_octets = connection.service.limits.write_buffer_octets
        self.deadline = connection.clock.deadline(connection.service.limits.websocket_handshake_seconds)

    def accept(self, exchange: WebSocketExchange) -> SocketOutlet:
        """The 200 is out: begin to be a WebSocket."""
        service = self._stream.connection.service
        link = self._link = StreamLink(service, cast(asyncio.Transport, self), exchange, self._deflate)
        link.begin(b"")
        self._deliver()
        if service.draining:
            link.begin_drain()
        return link

    def look(self, now: float) -> None:
        """Act on the deadlines that are over."""
        link = self._link
        if link is not None:
            if link.deadline <= now or link.write_deadline <= now:
                link.deadline_passed(now)
        elif self.deadline <= now:
            self._stream.give_up()

    # What the stream says (an Exchange).

    @property
    def running(self) -> bool:
        """Whether the application still has it."""
        return self._exchange.running

    def start(self) -> None:
        self._exchange.start()

    def body_received(self, octets: bytes) -> None:
        self._waiting += octets
        self._deliver()

    def request_ended(self) -> None:
        self._input_ended = True
        self._deliver()

    def input_ended(self) -> None:
        if self._link is None:
            self._exchange.input_ended()
        else:
            self.request_ended()

    def response_ended(self) -> None:
        if self._link is None:
            self._exchange.response_ended()

    def peer_lost(self) -> None:
        self._closing = True
        if self._link is None:
            self._exchange.peer_lost()
        else:
            self._link.connection_lost(None)

    def deadline_passed(self) -> None:
        self._exchange.deadline_passed()

    def shutting_down(self) -> None:
        if self._link is None:
            self._exchange.shutting_down()
        else:
            self._link.begin_drain()

    def stop(self) -> None:
        if self._link is None:
            self._exchange.stop()

    def wake(self) -> None:
        """The peer has read what was sent: send what waited."""
        link = self._link
        if link is None or not self._paused or self._stream.unsent:
            return
        self._paused = False
        if self._later:
            octets = self._take_later()
            self._send(octets)
        if not self._paused:
            link.resume_writing()

    # What the link asks of its transport.

    def write(self, octets: bytes) -> None:
        if self._paused:
            self._later.append(octets)  # not on to what the stream holds: that is copied each time
            self._later_octets += len(octets)
        else:
            self._send(octets)

    def writelines(self, parts: Iterable[bytes]) -> None:
        self.write(b"".join(parts))

    def get_write_buffer_size(self) -> int:
        return len(self._stream.unsent) - self._stream.unsent_start + self._later_octets

    def is_closing(self) -> bool:
        return self._closing or self._stream.state is StreamState.CLOSED

    def get_extra_info(self, _name: str) -> None:
        """Nothing: a stream has no socket that is its own. What is reset is the stream."""

    def can_write_eof(self) -> bool:
        return False

    def close(self) -> None:
        """Send what waits and END_STREAM."""
        if self._closing:
            return
        self._closing = True
        stream = self._stream
        if stream.state is not StreamState.CLOSED:
            stream.end_tunnel(self._take_later())
        self._lose_link_soon()

    def abort(self) -> None:
        """Reset the stream (RFC 8441 §5: what TCP's RST is)."""
        if self._closing and self._stream.state is StreamState.CLOSED:
            return
        self._closing = True
        self._stream.connection.engine.reset(self._stream, ErrorCode.CANCEL)
        self._stream.lost()
        self._stream.connection.send_soon()
        self._lose_link_soon()

    def is_reading(self) -> bool:
        return self._reading

    def pause_reading(self) -> None:
        self._reading = False

    def resume_reading(self) -> None:
        self._reading = True
        self._deliver()

    # Within.

    def _send(self, octets: bytes) -> None:
        stream = self._stream
        if stream.state is StreamState.CLOSED:
            return
        stream.connection.engine.send_body(stream, octets, more=True)
        stream.connection.send_soon()
        if len(stream.unsent) - stream.unsent_start > self._high_octets and not self._paused:
            self._paused = True
            if self._link is not None and self._link.writable:
                self._link.pause_writing()

    def _take_later(self) -> bytes:
        octets = b"".join(self._later)
        self._later.clear()
        self._later_octets = 0
        return octets

    def _deliver(self) -> None:
        """Hand on what came, and give credit for it, if somebody reads."""
        link = self._link
        if link is None or not self._reading:
            return
        octets, self._waiting = self._waiting, b""
        if octets:
            link.data_received(octets)
            connection = self._stream.connection
            connection.engine.consumed(self._stream)
            connection.send_soon()
        if self._input_ended and not self._waiting and not self._closing and not link.eof_received():
            self.close()

    def _lose_link_soon(self) -> None:
        """As a loop does it: not while the link is in the middle of something."""
        if self._link is not None:
            loop = asyncio.get_running_loop()
            loop.call_soon(self._link.connection_lost, None, context=self._stream.connection.service.context)
