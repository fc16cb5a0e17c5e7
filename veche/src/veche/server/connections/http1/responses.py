"""The responses of one HTTP/1 connection, one after another.

One job: what an exchange sends (`Outlet`), and after its end the next request.
Must not know: how requests are read, what is late.
"""

import asyncio
from collections.abc import Iterable
from typing import Final

from veche.server.bridges.exchange import Outlet, SocketOutlet, WebSocketExchange
from veche.server.connections.clock import NEVER
from veche.server.connections.error_page import PLAIN_TEXT, error_page
from veche.server.connections.http1.endings import Http1Endings
from veche.server.connections.http1.state import COMPLETE, EXCHANGE, HEAD, IDLE, UNREAD, Phase
from veche.server.connections.transport.files import send_file
from veche.server.connections.transport.unread import has_unread_octets
from veche.server.connections.transport.writing import as_protocol
from veche.server.connections.websocket import WebSocketLink

DRAIN_GRACE_SECONDS: Final = 0.5  # for a request that is on its way while we drain


class Http1Responses(Http1Endings, Outlet):
    """See the module."""

    # What the exchange sends.

    def start_response(self, status: int, fields: Iterable[tuple[bytes, bytes]], trailers: bool = False) -> None:
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

    def write_body(self, octets: bytes, more: bool) -> bool:
        writer = self.writer
        if not more and self.reader.state is not COMPLETE and self._rest_is_too_long():
            writer.keep_alive = False
        octets = writer.body(octets, more, self.service.clock.date_line)
        if octets:
            self.send(octets, more)
        if not more:
            self._response_ended()
        return self.writable

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
        self.write_body(error_page(status), more=False)

    def accept_websocket(self, exchange: WebSocketExchange, fields: Iterable[tuple[bytes, bytes]]) -> SocketOutlet:
        service = self.service
        octets = self.writer.switch_protocols(fields, date_line=service.clock.date_line)
        self.send(octets)
        self.write_out()
        self._log(101)
        link = WebSocketLink(service, self.transport, exchange, self._deflate)
        link.writable = self.writable
        link.place = self.place
        self.exchange = None
        self.phase = Phase.CLOSED  # to HTTP
        service.connections.discard(self)
        service.connections.add(link)
        self.transport.set_protocol(as_protocol(link))
        link.begin(self.reader.hand_over())
        if service.draining:
            link.begin_drain()
        return link

    # The end of a response, and what follows it.

    def _response_ended(self) -> None:
        service, reader = self.service, self.reader
        if self.times is not None:
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
            elif reader.buffer or service.draining:
                self._linger()  # closing on unread octets would reset the connection, and the response with it
            else:
                self._close()
        elif self.writer.keep_alive:
            self.phase = UNREAD
            self._discarded_octets = 0
            self.deadline = service.clock.deadline(service.limits.linger_seconds)
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

    def _rest_is_too_long(self) -> bool:
        """Return whether the unread rest of the request is more than is worth reading to keep the connection."""
        return self._continue_due or (
            self.head.content_length - self._body_octets > self.service.limits.unread_body_limit_octets
        )

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
        service, clock = self.service, self.service.clock
        if self.reader.buffer:
            self.phase = HEAD
            self.deadline = clock.deadline(service.limits.head_timeout_seconds)
        else:
            self.deadline = clock.now + service.keep_alive_ticks
        self._resume_pipeline()
        if self._input_ended:
            self._end_when_idle()
        elif service.draining and self.phase is IDLE:
            # Nobody has told the peer to stop asking; its next answer will.
            self.deadline = clock.deadline(DRAIN_GRACE_SECONDS)

    def _end_when_idle(self) -> None:
        if self._input_ended:
            self.reader.end_of_input()
        if self.phase is IDLE:
            self._close()

    # While the server drains.

    def begin_drain(self) -> None:
        if self.phase is EXCHANGE and self.exchange is not None:
            self._say_close_if_last()
            self.exchange.shutting_down()
