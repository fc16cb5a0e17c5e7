"""The response of one HTTP/2 stream.

One job: what an exchange sends, as frames of its stream: head, body, trailers, and the end; in the access log too.
Must not know: the transport, other streams, how the request comes (`stream.py`).
"""

import asyncio
import os
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from veche.server.bridges.exchange import Address, Exchange, FileTooShort, Outlet, Tls
from veche.server.connections.clock import NEVER
from veche.server.connections.error_page import PLAIN_TEXT, error_page
from veche.server.records import FinishedRequest
from veche.server.waiters import wake_all
from veche.wire.h1 import BodyMismatch, RequestHead
from veche.wire.h2 import ErrorCode, ResponseHead, Stream, StreamState

if TYPE_CHECKING:
    from veche.server.connections.http2 import Http2Connection

FILE_PIECE_OCTETS: Final = 65536
CLOSED: Final = StreamState.CLOSED
HALF_CLOSED_LOCAL: Final = StreamState.HALF_CLOSED_LOCAL


class RespondingStream(Stream, Outlet):
    """The sending half of an exchange's Outlet. What most streams never change is on the class."""

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
    _logged = False
    _waiters: "list[asyncio.Future[None]] | None" = None
    _body_deadline = NEVER

    def __init__(self, connection: "Http2Connection", head: RequestHead) -> None:
        self.connection = connection
        self.head = head
        self.exchange: Exchange | None = None  # not in the class: mypyc forgets a None there for a Protocol
        self.client: Address | None = connection.client
        self.local: Address | None = connection.local
        self.scheme: str = connection.scheme
        self.tls: Tls = connection.tls
        self.peer_label: bytes = connection.peer_label

    # What the exchange asks for.

    def peer_reads(self) -> bool:
        """Whether the peer reads: neither a window nor the transport holds anything back."""
        return (not self.unsent and self.connection.writable) or self.state is CLOSED

    def start_response(self, status: int, fields: Iterable[tuple[bytes, bytes]], trailers: bool = False) -> None:
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

    def write_body(self, octets: bytes, more: bool) -> bool:
        if self.state is CLOSED:
            return True
        length = self._content_length
        total = self.body_octets + len(octets)
        if length >= 0 and not self._bodiless and (total > length or (total < length and not more)):
            raise BodyMismatch(total, length, ended=not more)
        if not more:
            self._finish(octets)
            self._ended()
            return self.peer_reads()
        if not self._head_sent:
            self._send_head()
        if not self._bodiless:
            self.body_octets = total
            self.connection.engine.send_body(self, octets, more=True)
        self.connection.send_soon()
        return self.peer_reads()

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
        self.write_body(error_page(status), more=False)

    async def wait_writable(self) -> None:
        while not self.peer_reads():
            waiter = asyncio.get_running_loop().create_future()
            if self._waiters is None:
                self._waiters = []
            self._waiters.append(waiter)
            await waiter

    def shutting_down(self) -> None:
        if self.exchange is not None:
            self.exchange.shutting_down()

    def wake(self) -> None:
        """Let those go on who wait until they may write."""
        waiters = self._waiters
        if waiters is not None:
            self._waiters = None
            wake_all(waiters)

    def octets_unsent(self) -> int:
        """How much of the response has not been taken by the kernel; 0 when the stream or the connection is lost."""
        return len(self.unsent) - self.unsent_start + self.connection.octets_unsent()

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
        self._logged = self.is_tunnel  # its opening is logged, its end is not
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
