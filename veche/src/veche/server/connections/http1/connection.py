"""One connection that speaks HTTP/1.0 or HTTP/1.1.

One job: octets from a transport to the protocol engine, and what it finds in them to an exchange; what time says.
Must not know: what the octets mean (`veche.wire.h1`), what the application is (`veche.server.bridges`).

It is one class in five rooms, each the base of the next: state.py (phases: read its diagram first), endings.py,
responses.py, bodies.py, and this one, where everything begins.
"""

import asyncio
import time

from veche.server.bridges.exchange import Exchange
from veche.server.connections.clock import NEVER
from veche.server.connections.error_page import PLAIN_TEXT, error_page
from veche.server.connections.forwarded import BadForwarding, replace_host
from veche.server.connections.http1.bodies import Http1Bodies
from veche.server.connections.http1.state import (
    COMPLETE,
    EXCHANGE,
    HEAD,
    IDLE,
    IN_HEAD,
    LINGER,
    NO_REQUEST,
    UNREAD,
    Phase,
)
from veche.server.connections.http2 import Http2Connection
from veche.server.connections.http_connection import CLIENT_CLOSED_REQUEST, LINGER_LIMIT_OCTETS
from veche.server.connections.service import Service
from veche.server.connections.transport.unread import end_unless_unread
from veche.server.connections.transport.writing import as_protocol
from veche.wire.h1 import RequestHead, RequestReader, RequestRefused, RequestSink
from veche.wire.h2 import PREFACE_REST
from veche.wire.websocket import HandshakeRefused, read_handshake


class Http1Connection(Http1Bodies, RequestSink):
    """See the module. It is the RequestSink of its reader and the Outlet of its exchange."""

    def __init__(self, service: Service) -> None:
        super().__init__(service)
        self.reader = RequestReader(self, service.head_parser, service.read_limits)

    # What the transport says.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.service.connections.add(self)

    def data_received(self, data: bytes) -> None:
        phase = self.phase
        if phase is not IDLE and phase >= LINGER:
            self._discarded_octets += len(data)
            if self._discarded_octets > LINGER_LIMIT_OCTETS:
                self._close()
            return
        reader = self.reader
        times = self.times
        if times is not None:
            times.last_read = time.monotonic()
            if not reader.buffer and (reader.state is COMPLETE or reader.state is IN_HEAD):
                times.first_read = times.last_read
        reader.receive(data)
        if reader.buffer:
            if reader.state is COMPLETE:
                if not self._pipeline_paused:
                    # What a peer pipelines is at most one read: the kernel holds the rest until its turn comes.
                    self._pipeline_paused = True
                    self._set_reading()
            elif self.phase is IDLE:
                # Absolute: later octets of the same head do not move it.
                self.phase = HEAD
                self.deadline = self.service.clock.deadline(self.service.limits.head_timeout_seconds)

    def eof_received(self) -> bool:
        """Keep the transport open for what is still to be written; every way ends in _close."""
        self._input_ended = True
        if self.phase >= LINGER:
            self._close()
            return self.stays_open()
        self.reader.end_of_input()
        if self.phase is EXCHANGE and self.exchange is not None:
            self.exchange.input_ended()
        elif self.phase is IDLE:
            self._close()
        return self.stays_open()

    def connection_lost(self, error: Exception | None) -> None:
        exchange = self.exchange
        if exchange is not None:
            self._log(CLIENT_CLOSED_REQUEST if self.writer.head_is_due else self.writer.status)
            self.exchange = None
        self.phase = Phase.CLOSED
        self.closing = True
        self.service.forget(self)
        if exchange is not None:
            exchange.peer_lost()
        self.resume_writing()

    # What the reader finds in the octets.

    def request_received(self, head: RequestHead) -> None:
        service = self.service
        service.requests_served += 1
        self.phase = EXCHANGE
        self.head = head
        self.writer.begin(head, service.keeps_alive)
        times = self.times
        if times is not None:
            times.arrived, times.whole, times.began = times.first_read, times.last_read, time.monotonic()
        self.deadline = service.clock.now + service.request_ticks
        reader = self.reader
        if reader.rest_is_here:
            self._body_octets = 0
        elif reader.state is not COMPLETE:
            self._request_deadline = self.deadline
            self._body_octets = 0
            self._continue_due = head.expects_continue
            self._resume_pipeline()  # the rest of this body is not in the buffer
            self._watch_body()
        if self.peer_is_proxy and (head.forwarded is not None or self._peer is not None) and not self._hear_proxy(head):
            return
        if head.upgrade == b"websocket":
            self._begin_websocket(head)
            return
        exchange = self.exchange = service.bridge.open_exchange(self, head)
        exchange.start()

    def _hear_proxy(self, head: RequestHead) -> bool:
        """Take over what a trusted proxy says about the client of this request; False when it makes no sense."""
        if self._peer is None:
            self._peer = (self.client, self.peer_label, self.scheme)
        self.client, self.peer_label, self.scheme = self._peer  # the last request may have been somebody else's
        if head.forwarded is None:
            return True
        try:
            saying = self.service.forwarding.read(head.forwarded)
        except BadForwarding as error:
            self._refuse(400, str(error))
            return False
        if saying is not None:  # written here and in http2/stream.py: one function for both cost each request 2 %
            if saying.names_client:
                self.client, self.peer_label = saying.client, saying.peer_label
            self.scheme = saying.scheme or self.scheme
            if saying.host is not None:
                replace_host(head, saying.host)
        return True

    def _begin_websocket(self, head: RequestHead) -> None:
        """Give the request to the application as a WebSocket, or refuse the handshake (RFC 6455 §4.2)."""
        try:
            if self.reader.state is not COMPLETE:
                raise HandshakeRefused(400, "a WebSocket's request has no body")
            choices = self.service.frame_makers.choices
            handshake = read_handshake(head.line.method, head.line.version, head.fields, deflate=choices)
        except HandshakeRefused as refusal:
            self.writer.keep_alive = False
            self.writer.start(refusal.status, [*PLAIN_TEXT, *refusal.headers])
            self.write_body(error_page(refusal.status, refusal.reason), more=False)
            return
        service = self.service
        exchange: Exchange | None = service.bridge.open_websocket(self, head, handshake)
        if exchange is None:
            exchange = service.bridge.open_exchange(self, head)
        else:
            self._deflate = handshake.deflate
            self.deadline = service.clock.deadline(service.limits.websocket_handshake_seconds)
        self.exchange = exchange
        exchange.start()

    def body_received(self, octets: bytes) -> None:
        self._body_octets += len(octets)
        if self.exchange is not None:
            self.exchange.body_received(octets)
        else:
            self._discarded_octets += len(octets)
            if self._discarded_octets > self.service.limits.unread_body_limit_octets:
                self._linger()

    def request_ended(self) -> None:
        if self.times is not None:
            self.times.whole = self.times.last_read
        if self.exchange is not None:
            self.deadline = self.service.clock.now + self.service.request_ticks
            self.exchange.request_ended()
        elif self.phase is UNREAD:
            self._await_next_request()

    def request_refused(self, refusal: RequestRefused) -> None:
        exchange, self.exchange = self.exchange, None
        if exchange is not None:
            exchange.peer_lost()
            if not self.writer.head_is_due:
                self._log(self.writer.status)
                self._cut()
                return
        if self.phase >= UNREAD:
            self._close()  # the response is already out
            return
        self._refuse(refusal.status, refusal.reason)

    def preface_received(self) -> bool:
        """Hand the transport over to HTTP/2: the peer knew beforehand that we speak it (RFC 9113 §3.3)."""
        if self.phase not in {IDLE, HEAD} or self.tls is not None or self.head is not NO_REQUEST:  # not after a request
            return False
        service = self.service
        if not service.limits.http2:
            return False
        connection = Http2Connection(service, preface=PREFACE_REST)
        connection.place = self.place
        self.phase = Phase.CLOSED  # to HTTP/1
        service.connections.discard(self)
        self.transport.set_protocol(as_protocol(connection))
        connection.connection_made(self.transport)
        connection.introduce(self.client, self.local, self.scheme, self.tls)
        connection.writable = self.writable
        connection.data_received(self.reader.hand_over())
        return True

    # What time and the server say.

    def deadline_passed(self, now: float) -> None:
        """Act on the deadlines that are over; called at most once a tick."""
        if self.write_deadline <= now:
            self.check_writing()
        elif self.deadline <= now:
            self.deadline = NEVER
            if self.phase is IDLE:
                self.end_if_idle()  # nothing of a request was sent: nothing is answered
                if self.phase is not IDLE and self.head is NO_REQUEST:
                    self.service.client_was_silent(self.client, "sent nothing")
            elif self.phase is HEAD:
                self.service.client_was_silent(self.client, "did not send the head of its request")
                self._refuse(408, "the head of the request did not arrive in time")
            elif self.phase is EXCHANGE:
                self._check_exchange(now)
            else:
                self._close()

    def end_if_idle(self) -> None:
        if self.phase is not IDLE or self.reader.buffer:
            return  # with something in the buffer it is idle only until the loop's next turn (_read_pipelined)
        if end_unless_unread(self.transport):
            self._close()
        else:  # the loop was too busy to read it: whoever waited for us is not turned away for it
            self.deadline = self.service.clock.deadline(0.0)

    def hurry(self) -> None:
        if self.exchange is not None:
            self.exchange.stop()

    def abort(self) -> None:
        self.transport.abort()
