"""One WebSocket through an ASGI 3 application (asgi.readthedocs.io, HTTP & WebSocket message format).

One job: `scope`, `receive` and `send` of one WebSocket, from `websocket.connect` to `websocket.disconnect`.
Must not know: sockets, frames.
"""

import asyncio
import traceback
from collections import deque
from enum import IntEnum
from typing import TYPE_CHECKING, Final

from veche.asgi import Message, Scope
from veche.log import Level
from veche.server.bridges.asgi_extensions import octets_of
from veche.server.bridges.exchange import (
    ASGI_VERSIONS,
    ClientDisconnected,
    Outlet,
    SocketOutlet,
    WebSocketExchange,
    tls_extension,
)
from veche.server.bridges.faults import fault_of
from veche.server.scoreboard import Counter, Doing, Slot
from veche.server.verdicts.stacks import task_stack
from veche.server.waiters import wake
from veche.wire.h1 import RequestHead
from veche.wire.websocket import CloseCode, Handshake, SendAfterClose

if TYPE_CHECKING:
    from veche.server.bridges.asgi import AsgiBridge

WAITING_MESSAGES: Final = 64  # beyond these, or body_buffer_octets of them, the socket is not read


class Standing(IntEnum):
    """How far the WebSocket is, as the application sees it."""

    CONNECTING = 0
    ACCEPTED = 1
    DENIED = 2  # an HTTP response was begun instead
    CLOSED = 3


# Enum members cost a lookup with Python code behind it on 3.11; these are looked at for every message.
ACCEPTED: Final = Standing.ACCEPTED
CLOSED: Final = Standing.CLOSED


class AsgiWebSocketExchange(WebSocketExchange):
    """One WebSocket; before it is accepted it is an HTTP exchange like any other."""

    task: "asyncio.Task[None] | None" = None
    began = 0.0
    _slot: Slot
    _counted = False  # among the WebSockets
    _link: SocketOutlet

    def __init__(self, bridge: "AsgiBridge", outlet: Outlet, head: RequestHead, handshake: Handshake) -> None:
        self._bridge = bridge
        self._outlet = outlet
        self._head = head
        self._handshake = handshake
        self._standing = Standing.CONNECTING
        self._messages: deque[str | bytes] = deque()
        self._waiting_octets = 0
        self._disconnect: Message | None = None
        self._gone = False  # not even an HTTP response can be sent
        self._connect_given = False
        self._reading = True
        self._waiter: asyncio.Future[None] | None = None

    def start(self) -> None:
        """Run the application's first step now."""
        bridge = self._bridge
        self._slot = bridge.board.enter(self._head.line.label, self._outlet.peer_label)
        task = bridge.start_task(self._run())
        if task.done():
            self._left()
        else:
            self.task = task
            bridge.suspended[task] = None
            task.add_done_callback(self._finished)

    def scope(self) -> Scope:
        """Return the connection scope."""
        head, line, outlet = self._head, self._head.line, self._outlet
        return {
            "type": "websocket",
            "asgi": ASGI_VERSIONS.copy(),
            "http_version": line.version,
            "scheme": "wss" if outlet.scheme == "https" else "ws",
            "path": line.path_text,
            "raw_path": line.raw_path,
            "query_string": line.query,
            "root_path": "",
            "headers": head.fields,
            "client": outlet.client,
            "server": outlet.local,
            "subprotocols": list(self._handshake.subprotocols),
            "state": self._bridge.state.copy(),
            "extensions": {"websocket.http.response": {}, **tls_extension(outlet)},
        }

    @property
    def slot(self) -> Slot:
        """Its part of the scoreboard, for whoever finds us in the application's frames (verdicts/culprit.py)."""
        return self._slot

    @property
    def running(self) -> bool:
        """Whether the application has not returned yet."""
        return self.task is not None and not self.task.done()

    # What the connection says, before and after it was accepted.

    def message_received(self, message: str | bytes) -> None:
        """Keep a message for `receive`; stop reading when many wait."""
        messages = self._messages
        messages.append(message)
        self._waiting_octets += len(message)
        waiter = self._waiter
        if waiter is not None:
            self._waiter = None
            if not waiter.done():
                # Not the message itself: a Task that is cancelled before it wakes would lose it.
                waiter.set_result(None)
        elif self._reading and (
            len(messages) >= WAITING_MESSAGES or self._waiting_octets >= self._bridge.body_buffer_octets
        ):
            self._reading = False
            self._link.pause_messages()

    def closed(self, code: int, reason: str) -> None:
        """Note the end: what was received before it is still given out, then websocket.disconnect."""
        if self._disconnect is None:
            self._disconnect = {"type": "websocket.disconnect", "code": int(code), "reason": reason}
        self._wake()

    def peer_lost(self) -> None:
        """The client is gone."""
        self._gone = True
        self.closed(CloseCode.ABNORMAL, "")

    def input_ended(self) -> None:
        """The client ended its side before it was accepted: there is nobody to talk to."""
        self.closed(CloseCode.ABNORMAL, "")

    def deadline_passed(self) -> None:
        """The application has neither accepted nor answered in time."""
        task = self.task
        if task is not None:
            self._bridge.witness.handshake_overdue(self._slot, lambda: task_stack(task))
            task.cancel()

    def shutting_down(self) -> None:
        """The server stops before the application has accepted."""
        self.closed(CloseCode.SERVICE_RESTART, "the server restarts")

    def stop(self) -> None:
        """The same, a while later."""
        self.shutting_down()

    def body_received(self, octets: bytes) -> None:
        """A WebSocket's request has no body; the connection refuses one."""

    def request_ended(self) -> None:
        """See body_received."""

    def response_ended(self) -> None:
        """The HTTP response that was sent instead is complete."""
        self._standing = CLOSED
        self.closed(CloseCode.ABNORMAL, "")

    # What the application says.

    async def receive(self) -> Message:
        """Return websocket.connect, then each message, then websocket.disconnect."""
        messages = self._messages
        while not messages:
            if not self._connect_given:
                self._connect_given = True
                return {"type": "websocket.connect"}
            if self._disconnect is not None:
                self._standing = CLOSED
                return self._disconnect
            waiter = self._waiter = asyncio.get_running_loop().create_future()
            await waiter
        message = messages.popleft()
        self._waiting_octets -= len(message)
        if not self._reading and not messages:
            self._reading = True
            self._link.want_messages()
        if type(message) is str:
            return {"type": "websocket.receive", "text": message}
        return {"type": "websocket.receive", "bytes": message}

    async def send(self, message: Message) -> None:
        """Accept, send, close, or answer with an HTTP response.

        Raises ClientDisconnected when nobody is there to read it, RuntimeError for messages out of order.
        """
        kind = message["type"]
        if kind == "websocket.send" and self._standing is ACCEPTED:
            if self._disconnect is not None:
                raise ClientDisconnected("the client is gone")
            link = self._link
            text = message.get("text")
            try:
                if type(text) is str:
                    peer_reads = link.send_text(text)
                else:
                    peer_reads = self._send_other(link, text, message.get("bytes"))
            except SendAfterClose:
                raise ClientDisconnected("the WebSocket is closing") from None
            if not peer_reads:
                await link.wait_writable()
        elif self._standing is ACCEPTED:
            self._close(kind, message)
        elif self._standing is Standing.CONNECTING:
            if self._disconnect is not None:
                raise ClientDisconnected("the client is gone")
            if kind == "websocket.accept":
                self._accept(message)
            elif kind == "websocket.close":
                self._standing = Standing.DENIED
                self._outlet.fail_response(403)
            elif kind == "websocket.http.response.start":
                self._outlet.start_response(message["status"], message.get("headers", ()))
                self._standing = Standing.DENIED
            else:
                raise RuntimeError(f"unexpected {kind!r}; expected websocket.accept, .close or .http.response.start")
        elif self._standing is Standing.DENIED and kind == "websocket.http.response.body":
            more = message.get("more_body", False)
            self._outlet.write_body(octets_of(message.get("body", b"")), more=more)
            if more:
                await self._outlet.wait_writable()
        elif self._disconnect is not None:
            raise ClientDisconnected("the client is gone")
        else:
            raise RuntimeError(f"unexpected {kind!r} after the end of the WebSocket")

    def _accept(self, message: Message) -> None:
        others = [(bytes(name), bytes(value)) for name, value in message.get("headers") or ()]
        fields = self._handshake.answer(message.get("subprotocol"), others)
        self._link = self._outlet.accept_websocket(self, fields)
        self._standing = ACCEPTED
        board = self._bridge.board
        board.move(self._slot, Doing.WEBSOCKET)
        board.cells[Counter.WEBSOCKETS] += 1
        self._counted = True

    def _send_other(self, link: SocketOutlet, text: object, octets: object) -> bool:
        if isinstance(text, str):
            return link.send_text(str(text))
        if octets is None:
            what = "neither text nor bytes" if text is None else f"{type(text).__name__} as its text; expected str"
            raise RuntimeError(f"websocket.send has {what}")
        try:
            message = octets_of(octets)
        except TypeError as error:
            what = f"{type(octets).__name__} as its bytes"
            raise RuntimeError(f"websocket.send has {what}; expected bytes, or what has a buffer of them") from error
        return link.send_binary(message)

    def _close(self, kind: str, message: Message) -> None:
        if kind != "websocket.close":
            raise RuntimeError(f"unexpected {kind!r}; expected websocket.send or websocket.close")
        self._link.close(message.get("code") or CloseCode.NORMAL, message.get("reason") or "")
        self._standing = CLOSED
        self.closed(CloseCode.NORMAL, "")

    # The application itself.

    async def _run(self) -> None:
        try:
            await self._bridge.application(self.scope(), self.receive, self.send)
            self._end(CloseCode.NORMAL, None)
        except asyncio.CancelledError:
            self._end(CloseCode.SERVICE_RESTART, None)
            raise
        except BaseException as error:  # an application may even raise SystemExit
            told = self._disconnect is not None and isinstance(error, ClientDisconnected)
            self._end(CloseCode.INTERNAL_ERROR, None if told else error)

    def _finished(self, task: "asyncio.Task[None]") -> None:
        self._bridge.suspended.pop(task, None)
        self._left()

    def _left(self) -> None:
        board = self._bridge.board
        board.leave(self._slot)
        if self._counted:
            board.cells[Counter.WEBSOCKETS] -= 1

    def _end(self, code: CloseCode, error: BaseException | None) -> None:
        """Close what the application left open, and say what it did wrong."""
        if error is not None:
            self._report(fault_of(error), traceback="".join(traceback.format_exception(error)))
        if self._standing is ACCEPTED and self._disconnect is None:
            self._link.close(code, "")
        elif self._standing in {Standing.CONNECTING, Standing.DENIED} and not self._gone:
            if self._disconnect is not None:
                self._outlet.fail_response(503)  # the server stops
            else:
                if error is None:
                    self._report("the application returned before it accepted or answered")
                self._outlet.fail_response(500)
        self._standing = CLOSED

    def _report(self, message: str, **fields: object) -> None:
        line = self._head.line
        target = line.target.decode("ascii")
        self._bridge.reporter.log_message(message, level=Level.ERROR, method="WEBSOCKET", target=target, **fields)

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None:
            wake(waiter)
