"""One request and its response on an HTTP/2 connection.

One job: between an exchange, which knows a request, and the engine, which knows a stream.
Must not know: the transport, other streams.
"""

import asyncio
import os
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from veche.http.status import phrase
from veche.server.bridges.exchange import Address, Exchange, FileTooShort, SocketOutlet, WebSocketExchange
from veche.server.connections.clock import NEVER
from veche.server.connections.forwarded import BadForwarding, replace_host
from veche.server.connections.websocket_stream import Tunnel
from veche.server.records import FinishedRequest
from veche.wire.h1 import BodyMismatch, RequestHead, RequestRefused
from veche.wire.h2 import ErrorCode, ResponseHead, Stream, StreamState
from veche.wire.websocket import HandshakeRefused, read_handshake

if TYPE_CHECKING:
    from veche.server.connections.http2 import Http2Connection

CLIENT_CLOSED_REQUEST: Final = 499  # for the access log only; the number is nginx's
PLAIN_TEXT: Final = ((b"content-type", b"text/plain; charset=utf-8"),)
FILE_PIECE_OCTETS: Final = 65536
CLOSED: Final = StreamState.CLOSED
HALF_CLOSED_LOCAL: Final = StreamState.HALF_CLOSED_LOCAL


class Http2Stream(Stream):
    """See the module. It is the Outlet of its exchange. What most streams never change is on the class."""

    exchange: Exchange | None = None
    body_is_here = False  # its DATA frames are told one by one
    status = 0
    body_octets = 0
    _response: ResponseHead | None = None  # its head, until that is sent
    _head_sent = False
    _content_length = -1
    _bodiless = False
    _arrived = 0.0  # the times of the access log, if it is on
    _whole = 0.0
    _began = 0.0
    _starting = False
    _tunnel: Tunnel | None = None  # of a WebSocket
    _logged = False
    _waiters: "list[asyncio.Future[None]] | None" = None
    _body_deadline = NEVER
    _body_mark = 0
    _request_deadline = NEVER
    _stall_deadline = NEVER
    _stall_mark = 0

    def __init__(self, connection: "Http2Connection", head: RequestHead) -> None:
        self.connection = connection
        self.head = head
        self.client: Address | None = connection.client
        self.local: Address | None = connection.local
        self.scheme = connection.scheme
        self.tls = connection.tls
        self.peer_label = connection.peer_label

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
        if saying is not None:
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
            self._finish(f"{phrase(refusal.status)}: {refusal.reason}\n".encode("utf-8", "replace"))
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

    # What the exchange asks for.

    @property
    def writable(self) -> bool:
        """Whether the peer reads: neither a window nor the transport holds anything back."""
        return (not self.unsent and self.connection.writable) or self.state is CLOSED

    def start_response(self, status: int, fields: Iterable[tuple[bytes, bytes]], *, trailers: bool = False) -> None:
        response = self._response = self.connection.encoder.head(status, fields)
        self._content_length = response.content_length
        self.status = status
        self._bodiless = self.head.line.is_head or status == 204 or status == 304  # noqa: PLR1714  # a set costs more
        if self.connection.service.draining:  # a stream that begins now must end now: its client asked meanwhile
            asyncio.get_running_loop().call_soon(self.shutting_down)

    def send_informational(self, status: int, fields: Iterable[tuple[bytes, bytes]]) -> None:
        if not self._head_sent and self.state is not CLOSED:
            self.connection.engine.send_head(self, self.connection.encoder.informational(status, fields))
            self.connection.send_soon()

    def write_body(self, octets: bytes, *, more: bool) -> None:
        if self.state is CLOSED:
            return
        length = self._content_length
        total = self.body_octets + len(octets)
        if length >= 0 and not self._bodiless and (total > length or (total < length and not more)):
            raise BodyMismatch(
                f"the body has {total} octets{'' if more else ' in all'}; its Content-Length says {length}"
            )
        if not more:
            self._finish(octets)
            self._ended()
            return
        if not self._head_sent:
            self._send_head()
        if not self._bodiless:
            self.body_octets = total
            self.connection.engine.send_body(self, octets, more=True)
        self.connection.send_soon()

    def write_trailers(self, fields: Iterable[tuple[bytes, bytes]]) -> None:
        if self.state is CLOSED:
            return
        block = self.connection.encoder.trailers(fields)
        if not self._head_sent:
            self._send_head()
        if block and self.head.accepts_trailers():
            self.connection.engine.send_trailers(self, block)
        else:
            self.connection.engine.send_body(self, b"", more=False)
        self.connection.send_soon()
        self._ended()

    async def write_file(self, descriptor: int, offset: int, count: int) -> None:
        while count and self.state is not CLOSED:
            piece = os.pread(descriptor, min(count, FILE_PIECE_OCTETS), offset)
            if not piece:
                raise FileTooShort(f"the file ended {count} octets before the length it had")
            self.write_body(piece, more=True)
            offset += len(piece)
            count -= len(piece)
            await self.wait_writable()

    def fail_response(self, status: int) -> None:
        if self.state is CLOSED:
            return
        if self._head_sent:
            exchange = self._let_go()
            self._log(self.status, exchange)
            self.connection.engine.reset(self, ErrorCode.INTERNAL_ERROR)
            self.connection.send_soon()
            if exchange is not None:
                exchange.response_ended()
            return
        self.body_octets = 0
        self.start_response(status, PLAIN_TEXT)
        self.write_body(f"{phrase(status)}\n".encode("ascii"), more=False)

    async def wait_writable(self) -> None:
        while not self.writable:
            waiter = asyncio.get_running_loop().create_future()
            if self._waiters is None:
                self._waiters = []
            self._waiters.append(waiter)
            await waiter

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

    def give_up(self) -> None:
        """Answer 504 for an application that has not answered in time."""
        if self.exchange is not None and not self._head_sent:
            self.exchange.deadline_passed()
            self.fail_response(504)

    def progress(self) -> tuple[int, int]:
        return self.received_octets, self.body_octets

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

    def shutting_down(self) -> None:
        if self.exchange is not None:
            self.exchange.shutting_down()

    def stop(self) -> None:
        if self.exchange is not None:
            self.exchange.stop()

    def wake(self) -> None:
        """Let those go on who wait until they may write."""
        waiters = self._waiters
        if waiters is not None:
            self._waiters = None
            for waiter in waiters:
                if not waiter.done():
                    waiter.set_result(None)
        if self._tunnel is not None:
            self._tunnel.wake()

    # Within.

    def _finish(self, octets: bytes) -> None:
        """Send the last part of the body, and the head if it is the first."""
        engine = self.connection.engine
        if self._head_sent:
            if self._bodiless:
                octets = b""
            self.body_octets += len(octets)
            engine.send_body(self, octets, more=False)
        elif self._bodiless or not octets:
            engine.send_head(self, self._head_block(0 if not self._bodiless else -1), ended=True)
        else:
            self.body_octets = len(octets)
            engine.send_response(self, self._head_block(len(octets)), octets)
        self.connection.send_soon()

    def _send_head(self) -> None:
        self.connection.engine.send_head(self, self._head_block(-1))

    def _head_block(self, octets: int) -> bytes:
        """Return the head's block with the fields that are ours to say; octets: of the whole body, -1: not known."""
        response, encoder = self._response, self.connection.encoder
        assert response is not None
        self._response = None
        self._head_sent = True
        block = response.block
        if not response.has_date:
            block.append(encoder.date(self.connection.clock.date_line))
        length = self._content_length if self._content_length >= 0 else octets
        if length >= 0 and self.status != 204:  # RFC 9110 §8.6: never with 204
            block.append(encoder.length(length))
        return b"".join(block)

    def _ended(self) -> None:
        """The response is complete as far as the application is concerned."""
        exchange = self._let_go()
        if self._began:
            self._log(self.status, exchange)
        if self.state is HALF_CLOSED_LOCAL:
            limits = self.connection.service.limits
            self._body_deadline = self.connection.clock.deadline(limits.linger_seconds)
        if exchange is not None:
            exchange.response_ended()

    def _let_go(self) -> Exchange | None:
        """Return the exchange, which is not told anything more; its application may go on and keeps its place."""
        exchange, self.exchange = self.exchange, None
        if exchange is not None and not self._starting:
            self.connection.running_on.append(exchange)
        return exchange

    def _log(self, status: int, exchange: Exchange | None) -> None:
        access_log = self.connection.service.access_log
        if access_log is None or self._logged:
            return
        self._logged = self._tunnel is not None  # its opening is logged, its end is not
        began = exchange.began if exchange is not None and exchange.began else self._began
        request = FinishedRequest(
            self.head.line,
            self.head.fields,
            self.client,
            self.scheme,
            status,
            self.received_octets,
            self.body_octets,
            self._arrived,
            self._whole,
            began,
            time.monotonic(),
        )
        access_log.note(request, self if self.octets_unsent() else None)

    def octets_unsent(self) -> int:
        """How much of the response has not been taken by the kernel; 0 when the stream or the connection is lost."""
        return len(self.unsent) - self.unsent_start + self.connection.octets_unsent()

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
