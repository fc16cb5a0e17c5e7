"""One connection that has become a WebSocket.

One job: octets between a transport and the protocol engine; pings, deadlines, flow control, the close at the end.
Must not know: what a frame is (`veche.wire.websocket`), what the application is (`veche.server.bridges`).
"""

import asyncio
from collections.abc import Callable
from typing import Final, TypeVar, assert_never

from veche.server.bridges.exchange import SocketOutlet, WebSocketExchange
from veche.server.connections.clock import NEVER
from veche.server.connections.service import Service
from veche.server.connections.transport.resets import reset_when_closed
from veche.server.connections.transport.writing import WritingSide
from veche.wire.websocket import (
    Close,
    CloseCode,
    DeflateAgreement,
    FrameRefused,
    Ping,
    Pong,
    Received,
    SendAfterClose,
    State,
    WebSocketConnection,
)

T = TypeVar("T")

UNHEARD: Final = 0.0  # nothing has come since our ping


class WebSocketLink(WritingSide, SocketOutlet):
    """See the module. It is the SocketOutlet of its exchange, and takes a transport over from HTTP.

    The transport may also be a stream of an HTTP/2 connection (tunnel.py).
    """

    _failed = False  # a fault was answered; TCP ends soon

    def __init__(
        self,
        service: Service,
        transport: asyncio.Transport,
        exchange: WebSocketExchange,
        deflate: DeflateAgreement | None,
    ) -> None:
        super().__init__(service)
        self.transport = transport
        self.exchange = exchange
        self.engine = WebSocketConnection(
            limit_octets=service.limits.websocket_message_limit_octets,
            limit_fragments=service.limits.websocket_fragment_limit,
            makers=service.frame_makers,
            agreement=deflate,
        )
        clock = self._clock = service.clock
        self._heard_at = clock.now
        self._reading_wanted = True
        self._ending = False  # a Close or a fault came; what is done about it follows in the next turn of the loop
        self._told = False  # the exchange knows that it is over
        self.deadline = clock.deadline(service.limits.websocket_ping_seconds)

    # What the transport says.

    def data_received(self, data: bytes) -> None:
        self._heard_at = self._clock.now
        if self.closing:
            return
        try:
            received = self.engine.receive(data)
        except FrameRefused as refusal:
            for item in refusal.args[1]:
                self._take(item)
            self._after_answers(self._fail, refusal)
            return
        for item in received:
            if (type(item) is str or type(item) is bytes) and not self._told:
                self.exchange.message_received(item)
            else:
                self._take(item)

    def eof_received(self) -> bool:
        """TCP's end without a Close frame is an abnormal closure; nothing can be expected from the peer any more."""
        if self._ending:
            return self.stays_open()  # the peer has said more than that; what is done about it ends TCP
        self._tell(CloseCode.ABNORMAL, "")
        return False

    def connection_lost(self, error: Exception | None) -> None:
        self.closing = True
        self._leave()
        self._tell(CloseCode.ABNORMAL, "")
        self.resume_writing()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._set_reading()  # a peer that does not read its pongs is not asked for more pings

    def resume_writing(self) -> None:
        super().resume_writing()
        self._set_reading()

    # What the exchange asks for.

    def send_text(self, text: str) -> bool:
        """Send a text message; raises SendAfterClose once our Close is out, or when too much waits for the peer."""
        if not self.writable:
            self._check_outbox()
        self.send(self.engine.text(text))
        return self.writable

    def send_binary(self, octets: bytes) -> bool:
        """Send a binary message; raises SendAfterClose once our Close is out, or when too much waits for the peer."""
        if not self.writable:
            self._check_outbox()
        self.send(self.engine.binary(octets))
        return self.writable

    async def wait_writable(self) -> None:
        if self.service.limits.websocket_send_waits:
            await super().wait_writable()

    def close(self, code: int, reason: str) -> None:
        """Begin or complete the closing handshake. Raises ValueError for a code that may not be sent."""
        if self.closing:
            return
        octets = self.engine.close(code, reason)
        if octets:
            self.send(octets)
        if self.engine.state is State.CLOSED:
            self.close_transport()  # RFC 6455 §7.1.1: the server closes TCP first
        else:
            self.deadline = self.service.clock.deadline(self.service.limits.websocket_close_seconds)

    def want_messages(self) -> None:
        """Read the socket again."""
        self._reading_wanted = True
        self._set_reading()

    def pause_messages(self) -> None:
        """Leave what comes in the kernel."""
        self._reading_wanted = False
        self._set_reading()

    # What time and the server say.

    def deadline_passed(self, now: float) -> None:
        """Ping a silent peer, cut one that stays silent or does not answer our Close."""
        if self.write_deadline <= now:
            self.check_writing()
            return
        self.deadline = NEVER
        if self.closing:
            if self._failed:
                self.transport.close()
            return
        if self.engine.state is not State.OPEN:
            self.transport.abort()
            return
        clock, seconds = self._clock, self.service.limits.websocket_ping_seconds
        if not self._reads():
            self._heard_at = now  # it could not be heard
        elif self._heard_at == UNHEARD:
            self.transport.abort()
            return
        silent = self._heard_at + clock.tick_seconds + seconds
        if silent <= now:
            self._heard_at = UNHEARD
            self.send(self.engine.ping())
            silent = clock.deadline(seconds)
        self.deadline = silent

    def begin_drain(self) -> None:
        self.close(CloseCode.SERVICE_RESTART, "the server restarts")
        self._tell(CloseCode.SERVICE_RESTART, "the server restarts")

    def end_if_idle(self) -> None:
        """A WebSocket is never idle in HTTP's sense; it has been sent its Close."""

    def hurry(self) -> None:
        """It has been sent its Close; the close deadline does the rest."""

    def abort(self) -> None:
        self.transport.abort()

    # Within.

    def begin(self, octets: bytes) -> None:
        """Start to read; octets: what came before the protocol changed."""
        self._set_reading()
        if octets:
            self.data_received(octets)

    def _take(self, item: Received) -> None:
        match item:
            case str() | bytes():
                if not self._told:
                    self.exchange.message_received(item)
            case Ping(payload):
                if self.engine.state is State.OPEN:
                    self.send(self.engine.pong(payload))
            case Pong():
                pass  # that it came is all that it says
            case Close():
                self._after_answers(self._answer_close, item)
            case _:
                assert_never(item)

    def _after_answers(self, end: Callable[[T], None], why: T) -> None:
        """Do it in the next turn of the loop: the application may still answer what came before (RFC 6455 §5.5.1)."""
        self._ending = True
        asyncio.get_running_loop().call_soon(end, why, context=self.service.context)

    def _answer_close(self, close: Close) -> None:
        if not self.closing:
            self._tell(close.code, close.reason)
            self.close(close.code, close.reason)  # browsers show their user what we say

    def _fail(self, refusal: FrameRefused) -> None:
        """Say what was wrong, and wait a bounded while for the peer to have read it (RFC 6455 §7.1.7)."""
        if self.closing:
            return
        self._tell(refusal.code, refusal.reason)
        octets = self.engine.close(refusal.code, refusal.reason)
        if octets:
            self.send(octets)
        self.write_out()
        if self.transport.can_write_eof() and not self.transport.is_closing():
            self.transport.write_eof()
        self.deadline = self.service.clock.deadline(self.service.limits.linger_seconds)
        self.closing = self._failed = True
        self.watch_writing()

    def _check_outbox(self) -> None:
        """Cut a peer that is too far behind: whoever sends without waiting would fill the memory for it."""
        if self.transport.get_write_buffer_size() > self.service.limits.websocket_outbox_octets:
            self._tell(CloseCode.ABNORMAL, "the peer did not read")
            reset_when_closed(self.transport)  # the kernel, too, shall drop what it keeps for the peer
            self.transport.abort()
            raise SendAfterClose("the peer did not read what was sent to it, and was cut (websocket_outbox_octets)")

    def _leave(self) -> None:
        self.service.forget(self)

    def _tell(self, code: int, reason: str) -> None:
        if not self._told:
            self._told = True
            self.exchange.closed(code, reason)

    def _reads(self) -> bool:
        return self.writable and self._reading_wanted

    def _set_reading(self) -> None:
        if self.transport.is_closing():
            return
        if not self._reads():
            if self.transport.is_reading():
                self.transport.pause_reading()
        elif not self.transport.is_reading():
            self._heard_at = self._clock.now  # it could not be heard
            self.transport.resume_reading()
