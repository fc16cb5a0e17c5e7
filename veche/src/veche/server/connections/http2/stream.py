"""One request and its response on an HTTP/2 connection.

One job: between an exchange, which knows a request, and the engine, which knows a stream; its deadlines.
Must not know: the transport, other streams, the frames of the response (`response.py`).
"""

import time
from collections.abc import Iterable

from veche.server.bridges.exchange import Exchange, SocketOutlet, WebSocketExchange
from veche.server.connections.clock import NEVER
from veche.server.connections.error_page import PLAIN_TEXT, error_page
from veche.server.connections.forwarded import BadForwarding, replace_host
from veche.server.connections.http2.response import CLOSED, HALF_CLOSED_LOCAL, RespondingStream
from veche.server.connections.http_connection import CLIENT_CLOSED_REQUEST
from veche.server.connections.websocket.tunnel import Tunnel
from veche.wire.h1 import RequestRefused
from veche.wire.h2 import ErrorCode, StreamState
from veche.wire.websocket import HandshakeRefused, read_handshake


class Http2Stream(RespondingStream):
    """See the module. It is the Outlet of its exchange. What most streams never change is on the class."""

    body_is_here = False  # its DATA frames are told one by one
    _tunnel: Tunnel | None = None  # of a WebSocket
    _body_mark = 0
    _request_deadline = NEVER
    _stall_deadline = NEVER
    _stall_mark = 0

    # What the engine says.

    def start(self) -> None:
        connection = self.connection
        if connection.service.access_log is not None:
            self._arrived = self._whole = connection.read_at
            self._began = time.monotonic()
        if self.state is StreamState.OPEN:
            self._watch_body()
        if connection.peer_is_proxy and self.head.forwarded is not None and not self._hear_proxy(self.head.forwarded):
            return
        exchange = self._open_tunnel() if self.head.upgrade else connection.bridge.open_exchange(self, self.head)
        if exchange is None:
            return
        self.exchange = exchange
        self._starting = True
        exchange.start()
        self._starting = False
        if self.exchange is None and exchange.running:
            connection.running_on.append(exchange)

    def _open_tunnel(self) -> Exchange | None:
        """Return the exchange of an extended CONNECT (RFC 8441); None when it was refused, and answered."""
        service, head = self.connection.service, self.head
        self._body_deadline = NEVER
        try:
            if head.upgrade != b"websocket":
                raise HandshakeRefused(501, "the only :protocol of CONNECT that is known here is websocket")
            if self.state is not StreamState.OPEN:
                raise HandshakeRefused(400, "a WebSocket's stream does not end with its request")
            handshake = read_handshake(
                head.line.method, head.line.version, head.fields, deflate=service.frame_makers.choices
            )
            exchange = self.connection.bridge.open_websocket(self, head, handshake)
            if exchange is None:
                raise HandshakeRefused(501, "the application speaks WSGI, which knows no WebSocket")
        except HandshakeRefused as refusal:
            self.body_refused(RequestRefused(refusal.status, refusal.reason), refusal.headers)
            return None
        self._tunnel = Tunnel(self, exchange, handshake.deflate)
        return self._tunnel

    def _hear_proxy(self, forwarded: list[tuple[bytes, bytes]]) -> bool:
        """Take over what a trusted proxy says about the client of this request; False when it makes no sense."""
        try:
            saying = self.connection.service.forwarding.read(forwarded)
        except BadForwarding as error:
            self.body_refused(RequestRefused(400, str(error)))
            return False
        if saying is not None:  # as in http1/connection.py, which says why
            if saying.names_client:
                self.client, self.peer_label = saying.client, saying.peer_label
            self.scheme = saying.scheme or self.scheme
            if saying.host is not None:
                replace_host(self.head, saying.host)
        return True

    def body_received(self, octets: bytes) -> None:
        if self.exchange is not None:
            self.exchange.body_received(octets)

    def request_ended(self) -> None:
        self._body_deadline = NEVER
        self._whole = self.connection.read_at
        if self.exchange is not None:
            self.exchange.request_ended()

    def body_refused(self, refusal: RequestRefused, fields: Iterable[tuple[bytes, bytes]] = ()) -> None:
        exchange = self._let_go()
        if self._head_sent:
            self.connection.engine.reset(self, ErrorCode.CANCEL)
        else:
            self.body_octets = 0
            self.start_response(refusal.status, [*PLAIN_TEXT, *fields])
            self._finish(error_page(refusal.status, refusal.reason))
            self.connection.engine.reset(self, ErrorCode.NO_ERROR)
        if exchange is not None:
            exchange.peer_lost()
        self._log(self.status, exchange)
        self.wake()

    def all_sent(self) -> None:
        self._stall_deadline = NEVER
        self.wake()

    def lost(self) -> None:
        self.state = CLOSED
        exchange = self._let_go()
        if exchange is not None:
            self._log(self.status if self._head_sent else CLIENT_CLOSED_REQUEST, exchange)
            exchange.peer_lost()
        self.wake()

    # What the exchange asks for, beside what it sends.

    def want_body(self) -> None:
        connection = self.connection
        if self.head.expects_continue and not self.received_octets and self.state is StreamState.OPEN:
            self.head.expects_continue = False
            self.send_informational(100, ())
        if self.unconsumed_octets:
            connection.engine.consumed(self)
            connection.send_soon()

    def pause_body(self) -> None:
        """Nothing to do: without `want_body` there is no credit for the peer to send more."""

    def progress(self) -> tuple[int, int]:
        return self.received_octets, self.body_octets

    def give_up(self) -> None:
        """Answer 504 for an application that has not answered in time."""
        if self.exchange is not None and not self._head_sent:
            self.exchange.deadline_passed()
            self.fail_response(504)

    def accept_websocket(self, exchange: WebSocketExchange, fields: Iterable[tuple[bytes, bytes]]) -> SocketOutlet:
        assert self._tunnel is not None
        self.start_response(200, fields)
        self._send_head()
        self.connection.send_soon()
        self._log(200, self.exchange)
        return self._tunnel.accept(exchange)

    def end_tunnel(self, octets: bytes) -> None:
        """Send the last octets of an accepted WebSocket."""
        self._finish(octets)
        self._ended()

    # What time and the server say.

    def look(self, now: float) -> None:
        """Act on the deadlines of the stream that are over; called once a tick."""
        if self.unsent:
            self._look_at_stall(now)
        if self._tunnel is not None and self.exchange is not None:
            self._tunnel.look(now)
            return
        if self._body_deadline <= now:
            self._look_at_body()
        if not self._head_sent and self.exchange is not None:
            self._look_at_application(now)

    def input_ended(self) -> None:
        if self.exchange is not None:
            self.exchange.input_ended()

    def stop(self) -> None:
        if self.exchange is not None:
            self.exchange.stop()

    def wake(self) -> None:
        super().wake()
        if self._tunnel is not None:
            self._tunnel.wake()

    # Deadlines.

    def _watch_body(self) -> None:
        self._body_mark = self.received_octets
        clock = self.connection.clock
        self._body_deadline = clock.deadline(self.connection.service.limits.body_stall_seconds)

    def _look_at_body(self) -> None:
        if self.state is HALF_CLOSED_LOCAL:  # the response is out, and nobody wants the rest of the request
            self._body_deadline = NEVER
            self.connection.engine.reset(self, ErrorCode.NO_ERROR)
            return
        limits = self.connection.service.limits
        least = max(1, int(limits.body_least_octets_per_second * limits.body_stall_seconds))
        partial = self.connection.engine.partial_frame()
        arriving = partial[2] if partial is not None and partial[1] == self.stream_id else 0
        waits_for_us = self.unconsumed_octets or self.head.expects_continue
        if waits_for_us or self.received_octets + arriving - self._body_mark >= least:
            self._watch_body()
            return
        self._body_deadline = NEVER
        self.connection.service.client_was_silent(self.client, "did not send the body of its request")
        self.body_refused(RequestRefused(408, "the body of the request did not arrive in time"))

    def _look_at_application(self, now: float) -> None:
        """Answer 504 for an application that has had the request, or what it does not read of it, for too long."""
        if self.state is StreamState.OPEN and not self.unconsumed_octets:
            self._request_deadline = NEVER  # it is the client that is waited for
        elif self._request_deadline == NEVER:
            self._request_deadline = now + self.connection.service.request_ticks
        elif self._request_deadline <= now:
            self._request_deadline = NEVER
            self.give_up()

    def _look_at_stall(self, now: float) -> None:
        """Reset a stream whose window stays closed: a PING says nothing about it (GHSA-xj8g-532w-jv94)."""
        waiting = len(self.unsent) - self.unsent_start
        if waiting != self._stall_mark or self._stall_deadline == NEVER:
            self._stall_mark = waiting
            limits = self.connection.service.limits
            self._stall_deadline = self.connection.clock.deadline(limits.write_stall_seconds)
        elif self._stall_deadline <= now:
            self._stall_deadline = NEVER
            self.connection.engine.reset(self, ErrorCode.CANCEL)
            self.lost()
