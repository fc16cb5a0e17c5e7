"""One connection that speaks HTTP/1.0 or HTTP/1.1.

One job: octets between a transport and the protocol engine; deadlines, flow control, one request after another.
Must not know: what the octets mean (`veche.wire.h1`), what the application is (`veche.server.bridges`).

    IDLE ──▶ HEAD ──▶ EXCHANGE ──▶ IDLE …         the response is over and the request was read
                          ├──▶ UNREAD ──▶ IDLE     the response is over; the rest of the request is thrown away
                          └──▶ LINGER ──▶ CLOSING  an answer that the peer shall still be able to read: half-closed
    any ──▶ CLOSING ──▶ CLOSED                     what is written is flushed, for as long as the peer reads it

Only EXCHANGE holds anything of the application, and it begins with a whole head: a silent peer costs its socket.
"""

import asyncio
import time
from collections.abc import Iterable, Mapping
from enum import IntEnum
from typing import Any, Final, cast

from veche.http.status import phrase
from veche.server.bridges.exchange import Address, Exchange, WebSocketExchange
from veche.server.connections.addresses import client_address, local_address
from veche.server.connections.clock import NEVER
from veche.server.connections.files import send_file
from veche.server.connections.forwarded import BadForwarding, replace_host
from veche.server.connections.http2 import Http2Connection
from veche.server.connections.resets import reset_when_closed
from veche.server.connections.service import Service
from veche.server.connections.unread import end_unless_unread, has_unread_octets
from veche.server.connections.websocket import WebSocketLink
from veche.server.connections.writing import WritingSide, as_protocol
from veche.server.records import FinishedRequest
from veche.server.scoreboard import NO_PEER, peer_label
from veche.wire.h1 import CONTINUE, ReadState, RequestHead, RequestReader, RequestRefused, ResponseWriter
from veche.wire.h2 import PREFACE_REST
from veche.wire.websocket import DeflateAgreement, HandshakeRefused, read_handshake

LINGER_LIMIT_OCTETS: Final = 65536
DRAIN_GRACE_SECONDS: Final = 0.5  # for a request that is on its way while we drain
CLIENT_CLOSED_REQUEST: Final = 499  # for the access log only; the number is nginx's
PLAIN_TEXT: Final = ((b"content-type", b"text/plain; charset=utf-8"),)


class Phase(IntEnum):
    """What the connection is doing; the diagram is above."""

    IDLE = 0
    HEAD = 1
    EXCHANGE = 2
    UNREAD = 3
    LINGER = 4
    CLOSING = 5
    CLOSED = 6


# Enum members cost a lookup with Python code behind it on 3.11; these are looked at for every read.
IDLE: Final = Phase.IDLE
HEAD: Final = Phase.HEAD
EXCHANGE: Final = Phase.EXCHANGE
UNREAD: Final = Phase.UNREAD
LINGER: Final = Phase.LINGER
COMPLETE: Final = ReadState.COMPLETE
IN_HEAD: Final = ReadState.HEAD


class Http1Connection(WritingSide):
    """See the module. It is the RequestSink of its reader and the Outlet of its exchange."""

    phase = IDLE
    exchange: Exchange | None = None
    writer: ResponseWriter
    head: RequestHead
    scheme = "http"
    client: Address | None = None
    local: Address | None = None
    tls: Mapping[str, Any] | None = None
    peer_label = NO_PEER
    _peer_is_proxy = False  # whose word about its client counts
    _peer: tuple[Address | None, bytes, str] | None = None  # who that is, once it has spoken for others
    _body_paused = False
    _pipeline_paused = False
    _continue_due = False
    _input_ended = False
    _request_deadline = NEVER  # of a request whose body is not whole; else it is `deadline`
    _body_octets = 0  # of the current request, received so far
    _body_mark = 0  # the same when the stall deadline was set
    _discarded_octets = 0
    _timed = False  # the access log is on; the times are time.monotonic() then
    _first_read = 0.0  # when the first octet came of what is read now
    _last_read = 0.0
    _arrived = 0.0  # these three of the current request: its first octet, its last, its turn
    _whole = 0.0
    _began = 0.0
    _deflate: DeflateAgreement | None = None  # of the handshake that waits to be accepted

    def __init__(self, service: Service) -> None:
        self.service = service
        self.reader = RequestReader(self, service.head_parser, service.read_limits)
        self.deadline = service.clock.deadline(service.limits.head_timeout_seconds)
        if service.access_log is not None:
            self._timed = True

    # What the transport says.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass of it
        self.transport.set_write_buffer_limits(high=self.service.limits.write_buffer_octets)
        self.introduce(client_address(transport), local_address(transport), self.scheme, self.tls)
        self.service.connections.add(self)

    def introduce(
        self, client: Address | None, local: Address | None, scheme: str, tls: Mapping[str, Any] | None
    ) -> None:
        """Say between whom the connection is. A PROXY header knows it better than the transport."""
        self.client, self.local, self.scheme, self.tls = client, local, scheme, tls
        self.peer_label = peer_label(client)
        self._peer_is_proxy = self.service.forwarding.trusts(client)

    def data_received(self, data: bytes) -> None:
        if self.phase >= LINGER:
            self._discarded_octets += len(data)
            if self._discarded_octets > LINGER_LIMIT_OCTETS:
                self._close()
            return
        reader = self.reader
        if self._timed:
            self._last_read = time.monotonic()
            if not reader.buffer and (reader.state is COMPLETE or reader.state is IN_HEAD):
                self._first_read = self._last_read
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
            return True
        self.reader.end_of_input()
        if self.phase is EXCHANGE and self.exchange is not None:
            self.exchange.input_ended()
        elif self.phase is IDLE:
            self._close()
        return True

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
        self.writer = ResponseWriter(head, service.field_lines, keep_alive=service.keeps_alive)
        if self._timed:
            self._arrived, self._whole, self._began = self._first_read, self._last_read, time.monotonic()
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
        if (
            self._peer_is_proxy
            and (head.forwarded is not None or self._peer is not None)
            and not self._hear_proxy(head)
        ):
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
        if saying is not None:
            if saying.names_client:
                self.client, self.peer_label = saying.client, saying.peer_label
            self.scheme = saying.scheme or self.scheme
            if saying.host is not None:
                replace_host(head, saying.host)
        return True

    def body_received(self, octets: bytes) -> None:
        self._body_octets += len(octets)
        if self.exchange is not None:
            self.exchange.body_received(octets)
        else:
            self._discarded_octets += len(octets)
            if self._discarded_octets > self.service.limits.unread_body_limit_octets:
                self._linger()

    def request_ended(self) -> None:
        self._whole = self._last_read
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
        if self.phase not in {IDLE, HEAD} or self.tls is not None or hasattr(self, "head"):  # not after a request
            return False
        service = self.service
        if not service.limits.http2:
            return False
        connection = Http2Connection(service, preface=PREFACE_REST)
        self.phase = Phase.CLOSED  # to HTTP/1
        service.connections.discard(self)
        self.transport.set_protocol(as_protocol(connection))
        connection.connection_made(self.transport)
        connection.introduce(self.client, self.local, self.scheme, self.tls)
        connection.writable = self.writable
        connection.data_received(self.reader.hand_over())
        return True

    # What the exchange asks for.

    @property
    def body_is_here(self) -> bool:
        return self.reader.rest_is_here

    def start_response(self, status: int, fields: Iterable[tuple[bytes, bytes]], *, trailers: bool = False) -> None:
        if trailers:
            self.writer.start_with_trailers(status, fields, wanted=self.head.accepts_trailers())
        else:
            self.writer.start(status, fields)
        if self.service.draining:
            self._say_close_if_last()
            # A stream that begins now must end now: its client asked while it was let go.
            asyncio.get_running_loop().call_soon(self.begin_drain)

    def send_informational(self, status: int, fields: Iterable[tuple[bytes, bytes]]) -> None:
        octets = self.writer.informational(status, fields)
        if self.head.line.is_1_1 and self.writer.head_is_due:  # RFC 9110 §15.2: never to a client of HTTP/1.0
            self.send(octets)

    def write_body(self, octets: bytes, *, more: bool) -> None:
        writer = self.writer
        if not more and self.reader.state is not COMPLETE and self._rest_is_too_long():
            writer.keep_alive = False
        octets = writer.body(octets, more=more, date_line=self.service.clock.date_line)
        if octets:
            self.send(octets, more=more)
        if not more:
            self._response_ended()

    def write_trailers(self, fields: Iterable[tuple[bytes, bytes]]) -> None:
        if self.reader.state is not COMPLETE and self._rest_is_too_long():
            self.writer.keep_alive = False
        octets = self.writer.trailers(fields, date_line=self.service.clock.date_line)
        if octets:
            self.send(octets)
        self._response_ended()

    async def write_file(self, descriptor: int, offset: int, count: int) -> None:
        before, after = self.writer.file(count, date_line=self.service.clock.date_line)
        if after is None:
            if before:
                self.send(before)
            return
        exchange = self.exchange
        try:
            await send_file(self, before, descriptor, offset, count)
        except BaseException:
            if exchange is not None and self.exchange is exchange:  # what was promised can no longer be kept
                self._log(self.writer.status)
                self._cut()
                exchange.peer_lost()
            raise
        if after:
            self.send(after)

    def fail_response(self, status: int) -> None:
        writer = self.writer
        if not writer.head_is_due:
            self._log(writer.status)
            self._cut()
            return
        if status == 503:
            writer.keep_alive = False
        writer.start(status, PLAIN_TEXT)
        if self.service.draining:
            self._say_close_if_last()
        self.write_body(f"{phrase(status)}\n".encode("ascii"), more=False)

    def accept_websocket(self, exchange: WebSocketExchange, fields: Iterable[tuple[bytes, bytes]]) -> WebSocketLink:
        service = self.service
        octets = self.writer.switch_protocols(fields, date_line=service.clock.date_line)
        self.send(octets)
        self.write_out()
        self._log(101)
        link = WebSocketLink(service, self.transport, exchange, self._deflate)
        link.writable = self.writable
        self.exchange = None
        self.phase = Phase.CLOSED  # to HTTP
        service.connections.discard(self)
        service.connections.add(link)
        self.transport.set_protocol(as_protocol(link))
        link.begin(self.reader.hand_over())
        if service.draining:
            link.begin_drain()
        return link

    def progress(self) -> tuple[int, int]:
        has_body = self.head.content_length or self.head.chunked
        return self._body_octets if has_body else 0, self.writer.body_octets

    def want_body(self) -> None:
        if self._continue_due:
            self._continue_due = False
            if self.writer.head_is_due and not self._body_octets:  # RFC 9110 §10.1.1: never after the final response
                self.send(CONTINUE)
            self._watch_body()
        if self._body_paused:
            self._body_paused = False
            self._set_reading()
            self._watch_body()

    def pause_body(self) -> None:
        if self.reader.state is not COMPLETE and not self._body_paused:
            self._body_paused = True
            self._set_reading()
            self._request_deadline = self.service.clock.now + self.service.request_ticks
            self._watch_body()

    # What time says.

    def deadline_passed(self, now: float) -> None:
        """Act on the deadlines that are over; called at most once a tick."""
        if self.write_deadline <= now:
            self.check_writing()
        elif self.deadline <= now:
            self.deadline = NEVER
            if self.phase is IDLE:
                self.end_if_idle()  # nothing of a request was sent: nothing is answered
                if self.phase is not IDLE and not hasattr(self, "head"):
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

    def begin_drain(self) -> None:
        if self.phase is EXCHANGE and self.exchange is not None:
            self._say_close_if_last()
            self.exchange.shutting_down()

    def hurry(self) -> None:
        if self.exchange is not None:
            self.exchange.stop()

    def abort(self) -> None:
        self.transport.abort()

    # The ways from phase to phase.

    def _response_ended(self) -> None:
        service, reader = self.service, self.reader
        if self._timed:
            self._log(self.writer.status)
        exchange, self.exchange = self.exchange, None
        if (
            reader.state is COMPLETE
            and self.writer.keep_alive
            and not (reader.buffer or self._input_ended or self._pipeline_paused or service.draining)
        ):
            # What most responses lead to: nothing has come yet, and the next request is waited for.
            reader.next_request()
            self.phase = IDLE
            self.deadline = service.clock.now + service.keep_alive_ticks
        elif reader.state is COMPLETE:
            if self.writer.keep_alive:
                self._await_next_request()
            elif self.reader.buffer or service.draining:
                self._linger()  # closing on unread octets would reset the connection, and the response with it
            else:
                self._close()
        elif self.writer.keep_alive:
            self.phase = UNREAD
            self._discarded_octets = 0
            self.deadline = self.service.clock.deadline(self.service.limits.linger_seconds)
            self._body_paused = False
            self._set_reading()
        else:
            self._linger()
        if exchange is not None:
            exchange.response_ended()

    def _say_close_if_last(self) -> None:
        """While we drain, the answer to the last request that the peer has sent says `Connection: close`.

        Not an earlier one: who pipelines has sent them all before it could know.
        """
        if self.writer.head_is_due and not (
            self.reader.state is COMPLETE and (self.reader.buffer or has_unread_octets(self.transport))
        ):
            self.writer.keep_alive = False

    def _await_next_request(self) -> None:
        self.phase = IDLE
        if self.reader.buffer:
            # Not at once: this may be running inside the Task whose response has just ended.
            self.deadline = NEVER
            # And in the server's own context: this one has that request's variables.
            asyncio.get_running_loop().call_soon(self._read_pipelined, context=self.service.context)
            return
        self.reader.next_request()
        self._become_idle()

    def _read_pipelined(self) -> None:
        if self.phase is not IDLE or self.reader.state is not COMPLETE:
            return  # the connection was closed meanwhile
        self.reader.next_request()
        if self.phase is IDLE and self.reader.state is not COMPLETE:
            self._become_idle()

    def _become_idle(self) -> None:
        """Wait for the next request's first octet, or for the rest of its head."""
        limits, clock = self.service.limits, self.service.clock
        if self.reader.buffer:
            self.phase = HEAD
            self.deadline = clock.deadline(limits.head_timeout_seconds)
        else:
            self.deadline = clock.now + limits.keep_alive_seconds + clock.tick_seconds
        self._resume_pipeline()
        if self._input_ended:
            self._end_when_idle()
        elif self.service.draining and self.phase is IDLE:
            # Nobody has told the peer to stop asking; its next answer will.
            self.deadline = clock.deadline(DRAIN_GRACE_SECONDS)

    def _resume_pipeline(self) -> None:
        if self._pipeline_paused:
            self._pipeline_paused = False
            self._set_reading()

    def _end_when_idle(self) -> None:
        if self._input_ended:
            self.reader.end_of_input()
        if self.phase is IDLE:
            self._close()

    def _refuse(self, status: int, reason: str) -> None:
        """Answer with an error that ends the connection (RFC 9112 §9.6)."""
        writer = self.writer = ResponseWriter(None, self.service.field_lines, keep_alive=False)
        writer.start(status, PLAIN_TEXT)
        page = f"{phrase(status)}: {reason}\n".encode("utf-8", "replace")
        self.send(writer.body(page, more=False, date_line=self.service.clock.date_line))
        self._log(status)
        self._linger()

    def _linger(self) -> None:
        """Let the peer read what was answered: end our side, throw away what still comes, for a bounded while."""
        if self._input_ended:
            self._close()
            return
        self.phase = LINGER
        self._discarded_octets = 0
        self.deadline = self.service.clock.deadline(self.service.limits.linger_seconds)
        self._body_paused = self._pipeline_paused = False
        self._set_reading()
        self.write_out()
        if self.transport.can_write_eof():
            self.transport.write_eof()

    def _close(self) -> None:
        if self.phase < Phase.CLOSING:
            self.phase = Phase.CLOSING
            self.deadline = NEVER
            self.close_transport()

    def _cut(self) -> None:
        """End a response that can not be completed so that the peer sees that it is not whole."""
        self.exchange = None
        if self.writer.is_delimited:
            self._close()
        else:
            self.phase = Phase.CLOSING
            self.write_out()
            reset_when_closed(self.transport)  # a body that ends with the connection must not end in good order
            self.transport.abort()

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
            self.write_body(f"{phrase(refusal.status)}: {refusal.reason}\n".encode(), more=False)
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

    # Deadlines and flow.

    def _check_exchange(self, now: float) -> None:
        """See what is late: the application's answer, or the rest of the request's body."""
        if self.reader.state is not COMPLETE:
            self._check_body_rate(now)
        elif self.writer.head_is_due:
            self._give_request_up()

    def _give_request_up(self) -> None:
        """Answer for an application that does not."""
        exchange = self.exchange
        if exchange is not None:
            exchange.deadline_passed()
            self.fail_response(504)

    def _watch_body(self) -> None:
        self._body_mark = self._body_octets
        clock = self.service.clock
        self.deadline = clock.deadline(self.service.limits.body_stall_seconds)
        if (self._body_paused or self._continue_due) and clock.now < self._request_deadline < self.deadline:
            self.deadline = self._request_deadline  # it is the application that is waited for

    def _check_body_rate(self, now: float) -> None:
        if self._body_paused or self._continue_due:  # it is the application that does not read
            if self._request_deadline <= now and self.writer.head_is_due:
                self._give_request_up()
            else:
                self._watch_body()
            return
        limits = self.service.limits
        least = max(1, int(limits.body_least_octets_per_second * limits.body_stall_seconds))
        if self._body_octets - self._body_mark >= least:
            self._watch_body()
            return
        exchange, self.exchange = self.exchange, None
        if exchange is not None:
            exchange.peer_lost()
        self.service.client_was_silent(self.client, "did not send the body of its request")
        if self.writer.head_is_due:
            self._refuse(408, "the body of the request did not arrive in time")
        else:
            self._log(self.writer.status)
            self._cut()

    def _set_reading(self) -> None:
        if self._body_paused or self._pipeline_paused:
            if self.transport.is_reading():
                self.transport.pause_reading()
        elif not self.transport.is_reading() and not self.transport.is_closing():
            self.transport.resume_reading()

    def _rest_is_too_long(self) -> bool:
        """Return whether the unread rest of the request is more than is worth reading to keep the connection."""
        return self._continue_due or (
            self.head.content_length - self._body_octets > self.service.limits.unread_body_limit_octets
        )

    def _log(self, status: int) -> None:
        access_log = self.service.access_log
        if access_log is None:
            return
        answered, exchange = time.monotonic(), self.exchange
        if self.phase is EXCHANGE:
            line, fields, arrived, whole = self.head.line, self.head.fields, self._arrived, self._whole
            began = exchange.began if exchange is not None and exchange.began else self._began
            octets_in = self._body_octets if self.head.content_length or self.head.chunked else 0
        else:  # what was refused is no request, or not a whole one
            line, fields, octets_in = None, [], 0
            arrived, whole, began = self._first_read, self._last_read, answered
        octets_out = self.writer.body_octets
        access_log.note(
            FinishedRequest(
                line,
                fields,
                self.client,
                self.scheme,
                status,
                octets_in,
                octets_out,
                arrived,
                whole,
                began,
                answered,
            ),
            self if self.octets_unsent() else None,
        )
