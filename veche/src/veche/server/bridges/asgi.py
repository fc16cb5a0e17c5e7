"""One request through an ASGI 3 application (asgi.readthedocs.io, HTTP & WebSocket message format).

One job: `scope`, `receive` and `send` of one HTTP request, and what happens when the application breaks the rules.
Must not know: sockets, how requests and responses look on the wire.
"""

import asyncio
import traceback
from collections.abc import Awaitable
from enum import IntEnum
from types import CoroutineType
from typing import Any, Final

from veche.asgi import ASGIApplication, Message, Scope
from veche.log import Level
from veche.server.bridges.asgi_extensions import HTTP_EXTENSIONS, octets_of, send_early_hint, send_path
from veche.server.bridges.asgi_websocket import AsgiWebSocketExchange
from veche.server.bridges.exchange import (
    ASGI_VERSIONS,
    Bridge,
    ClientDisconnected,
    Exchange,
    Outlet,
    Reporter,
    tls_extension,
)
from veche.server.bridges.faults import fault_of
from veche.server.bridges.starting import StartTask
from veche.server.scoreboard import Board, Doing, Slot
from veche.server.verdicts.stacks import task_stack
from veche.server.verdicts.witness import Witness
from veche.server.waiters import wake_all
from veche.wire.h1 import RequestHead
from veche.wire.websocket import Handshake


class Stage(IntEnum):
    """Which message of the response is due."""

    START = 0
    BODY = 1
    BODY_THEN_TRAILERS = 2
    TRAILERS = 3
    FILE = 4  # it is on its way, and is the whole body
    ENDED = 5


# Enum members cost a lookup with Python code behind it on 3.11; these are looked at for every response.
START: Final = Stage.START
BODY: Final = Stage.BODY
ENDED: Final = Stage.ENDED

WHERE: Final = {
    Stage.START: "before the start of the response; expected http.response.start",
    Stage.BODY: "in the response's body; expected http.response.body",
    Stage.BODY_THEN_TRAILERS: "in the response's body; expected http.response.body",
    Stage.TRAILERS: "after the response's body; expected http.response.trailers",
    Stage.FILE: "while a file is being sent as the response's body",
    Stage.ENDED: "after the end of the response",
}

BODILESS: Final = frozenset({204, 304})

NOT_STARTED: Final[Message] = {}  # never written to: the application's own http.response.start takes its place


class AsgiBridge(Bridge):
    """An ASGI application, ready to be given requests."""

    def __init__(
        self,
        application: ASGIApplication,
        state: dict[str, Any],
        reporter: Reporter,
        start_task: StartTask,
        board: Board,
        *,
        witness: Witness,
        body_buffer_octets: int,
    ) -> None:
        """state: what the lifespan left; every request gets a shallow copy of it."""
        self.application = application
        self.state = state
        self.reporter = reporter
        self.start_task = start_task
        self.board = board
        self.witness = witness
        self.body_buffer_octets = body_buffer_octets
        self.suspended: dict[asyncio.Task[None], AsgiExchange | None] = {}  # the loop itself holds Tasks only weakly

    def open_exchange(self, outlet: Outlet, head: RequestHead) -> "AsgiExchange":
        """Return the exchange for a request.

        It is filled here: CPython calls a class without `__init__` in a third of the time.
        """
        exchange = AsgiExchange()
        exchange._bridge = self
        exchange._outlet = outlet
        exchange._head = head
        exchange._body_ended = not (head.content_length or head.chunked)
        exchange._body = b""
        exchange._body_taken = False
        exchange._start_is_due = False
        exchange._gone = False
        exchange._stage = START
        exchange._start = NOT_STARTED
        exchange._waiters = None
        exchange.task = None
        return exchange

    def open_websocket(self, outlet: Outlet, head: RequestHead, handshake: Handshake) -> AsgiWebSocketExchange:
        """Return the exchange for a WebSocket."""
        return AsgiWebSocketExchange(self, outlet, head, handshake)

    @property
    def running(self) -> int:
        """How many requests are in the application now."""
        return len(self.suspended)

    def tell_board(self) -> None:
        """Say what the requests do that last longer than a tick, and how many octets they have moved."""
        for exchange in self.suspended.values():
            if exchange is not None:
                exchange.tell_board()

    def cancel_all(self) -> None:
        """Cancel every request that still runs."""
        for task in list(self.suspended):
            task.cancel()

    def close(self) -> None:
        """Nothing is kept between requests."""


class AsgiExchange(Exchange):
    """One HTTP request and its response.

    What is looked at for most requests is set in `open_exchange`, the rest has its first value in the class
    (docs/decisions/attributes-of-hot-classes.md).
    """

    began = 0.0
    task: "asyncio.Task[None] | None"
    _bridge: AsgiBridge
    _outlet: Outlet
    _head: RequestHead
    _slot: Slot
    _body: bytes
    _body_ended: bool
    _body_taken: bool  # the last http.request message has been given out
    _start_is_due: bool
    _gone: bool  # nothing can be sent any more
    _no_more_input = False  # the client may be gone
    _stopping = False
    _told_to_end = False  # it has heard http.disconnect while its response could still be sent
    _stage: Stage
    _start: Message
    _trailers: "list[tuple[bytes, bytes]] | None" = None
    _waiters: "list[asyncio.Future[None]] | None"

    def start(self) -> None:
        """Run the application's first step, after the body if that is here; it may have answered when this returns."""
        if not self._body_ended and self._outlet.body_is_here:
            self._start_is_due = True
            return
        bridge = self._bridge
        self._slot = bridge.board.enter(self._head.line.label, self._outlet.peer_label)
        try:
            call = bridge.application(self.scope(), self.receive, self.send)
        except BaseException as error:  # it is no coroutine function, and failed before there was anything to await
            bridge.board.leave(self._slot)
            self._failed(error)
            return
        # The Task is made of the application itself: a coroutine of ours around it would only cost time.
        task = bridge.start_task(call if isinstance(call, CoroutineType) else _awaited(call))
        if task.done():
            self._finished(task)
        else:
            self.task = task
            bridge.suspended[task] = self
            task.add_done_callback(self._finished)

    def tell_board(self) -> None:
        """Say what it does now. Once its response is over the connection speaks of another request."""
        if self._stage is ENDED or self._gone:
            return
        outlet, board = self._outlet, self._bridge.board
        octets_in, octets_out = outlet.progress()
        board.count(self._slot, octets_in=octets_in, octets_out=octets_out)
        if not outlet.peer_reads():
            board.move(self._slot, Doing.WRITING)
        elif self._waiters and not self._body_taken:
            board.move(self._slot, Doing.READING)
        else:
            board.move(self._slot, Doing.RUNNING)

    def scope(self) -> Scope:
        """Return the connection scope. Applications change it, so nothing in it is shared with another request."""
        head, line, outlet = self._head, self._head.line, self._outlet
        return {
            "type": "http",
            "asgi": ASGI_VERSIONS.copy(),
            "http_version": line.version,
            "method": line.method,
            "scheme": outlet.scheme,
            "path": line.path_text,
            "raw_path": line.raw_path,
            "query_string": line.query,
            "root_path": "",
            "headers": head.fields,
            "client": outlet.client,
            "server": outlet.local,
            "state": self._bridge.state.copy(),
            "extensions": HTTP_EXTENSIONS.copy()
            if outlet.tls is None
            else {**HTTP_EXTENSIONS, **tls_extension(outlet)},
        }

    @property
    def slot(self) -> Slot:
        """Its part of the scoreboard, for whoever finds us in the application's frames (verdicts/culprit.py)."""
        return self._slot

    # What the connection says.

    @property
    def running(self) -> bool:
        """Whether the application has not returned yet."""
        return self.task is not None and not self.task.done()

    def body_received(self, octets: bytes) -> None:
        """Keep a part of the request's body for `receive`."""
        self._body += octets
        if len(self._body) >= self._bridge.body_buffer_octets:
            self._outlet.pause_body()
        self._wake()

    def request_ended(self) -> None:
        """Note that the body is whole."""
        self._body_ended = True
        if self._start_is_due:
            self._start_is_due = False
            if not self._gone:
                self.start()
        else:
            self._wake()

    def response_ended(self) -> None:
        """Let whoever waits in `receive` know that all is over."""
        self._stage = ENDED
        if self._waiters is not None:
            self._wake()

    def input_ended(self) -> None:
        """The client sends no more: `receive` says so, `send` still works."""
        self._no_more_input = True
        self._wake()

    def peer_lost(self) -> None:
        """The client is gone: `receive` says so, `send` raises."""
        self._gone = True
        self._wake()

    def deadline_passed(self) -> None:
        """Cancel the application. One that goes on all the same is counted in `bridge.running` until it ends."""
        task = self.task
        if task is not None:
            self._bridge.witness.request_overdue(self._slot, lambda: task_stack(task))
            task.cancel()

    def shutting_down(self) -> None:
        """Say http.disconnect to an event stream: it never ends by itself, and its client comes back by itself.

        To no other: it may be a download of unknown length, and Starlette stops sending when it hears this.
        """
        fields = self._start.get("headers", ())
        if isinstance(fields, (list, tuple)) and any(
            bytes(name).lower() == b"content-type" and bytes(value).startswith(b"text/event-stream")
            for name, value in fields
        ):
            self.stop()

    def stop(self) -> None:
        """Say http.disconnect to whoever waits for more than the request's body."""
        self._stopping = True
        self._wake()

    # What the application says.

    async def receive(self) -> Message:
        """Return the next part of the request's body, then wait for the end."""
        while True:
            if self._gone or self._stage is ENDED:
                return {"type": "http.disconnect"}
            if not self._body_taken and (self._body or self._body_ended):
                body, self._body = self._body, b""
                self._body_taken = self._body_ended
                if body or not self._body_ended:
                    self._outlet.want_body()
                return {"type": "http.request", "body": body, "more_body": not self._body_ended}
            if self._no_more_input or self._stopping:
                self._told_to_end = True
                return {"type": "http.disconnect"}
            if not self._body_ended:
                self._outlet.want_body()
            waiter = asyncio.get_running_loop().create_future()
            if self._waiters is None:
                self._waiters = []
            self._waiters.append(waiter)
            await waiter

    async def send(self, message: Message) -> None:
        """Send the head, or a part of the body.

        Raises ClientDisconnected when nobody is there to read it, ResponseRefused or BodyMismatch for what HTTP cannot
        carry, RuntimeError for messages out of order.
        """
        if self._gone:
            raise ClientDisconnected("the client is gone")
        kind = message["type"]
        if kind == "http.response.body" and self._stage is BODY:
            more = True if message.get("more_body") else False  # noqa: SIM210  # bool() is a call
            body = message.get("body", b"")
            if type(body) is not bytes:
                body = octets_of(body)
            peer_reads = self._outlet.write_body(body, more)
            if more:
                if not peer_reads:
                    await self._outlet.wait_writable()
                elif not body or self._head.line.is_head or self._start["status"] in BODILESS:
                    await asyncio.sleep(0)  # nothing was written, so nothing else would ever let the others have a turn
        elif kind == "http.response.start":
            if self._stage is not START:
                raise RuntimeError("http.response.start was sent twice")
            if message.get("trailers"):
                self._outlet.start_response(message["status"], message.get("headers", ()), trailers=True)
                self._stage = Stage.BODY_THEN_TRAILERS
            else:
                self._outlet.start_response(message["status"], message.get("headers", ()))
                self._stage = BODY
            self._start = message
        else:
            await self._send_other(kind, message)

    async def _send_other(self, kind: str, message: Message) -> None:
        """Send what most responses do not have."""
        outlet, stage = self._outlet, self._stage
        if kind == "http.response.early_hint" and stage is START:
            send_early_hint(outlet, message)
        elif kind == "http.response.pathsend" and stage is BODY:
            self._stage = Stage.FILE
            try:
                await send_path(outlet, self._start, message["path"])
            except BaseException:
                if self._stage is Stage.FILE:  # nothing was sent: something else may be
                    self._stage = BODY
                raise
        elif kind == "http.response.body" and stage is Stage.BODY_THEN_TRAILERS:
            outlet.write_body(octets_of(message.get("body", b"")), more=True)
            if not message.get("more_body", False):
                self._stage = Stage.TRAILERS
        elif kind == "http.response.trailers" and stage is Stage.TRAILERS:
            self._trailers = [*(self._trailers or ()), *((name, value) for name, value in message.get("headers", ()))]
            if not message.get("more_trailers", False):
                outlet.write_trailers(self._trailers)
        else:
            raise RuntimeError(f"unexpected {kind!r} {WHERE[stage]}")
        if not (outlet.peer_reads() or self._gone):
            await outlet.wait_writable()

    # The application's end.

    def _finished(self, task: "asyncio.Task[None]") -> None:
        self._bridge.board.leave(self._slot)
        if self.task is not None:
            self._bridge.suspended.pop(task, None)
        try:
            error = task.exception()
        except asyncio.CancelledError:
            if not (self._stage is ENDED or self._gone):
                self._outlet.fail_response(503)
            return
        if error is not None:
            self._failed(error)
        elif not (self._stage is ENDED or self._gone):
            if self._told_to_end:
                self._outlet.fail_response(503)  # it stopped because we asked: no fault of its own
                return
            self._report("the application returned before its response was complete", None)
            self._outlet.fail_response(500)

    def _failed(self, error: BaseException) -> None:
        if not (self._gone and isinstance(error, ClientDisconnected)):
            self._report(fault_of(error), error)
        if not (self._stage is ENDED or self._gone):
            self._outlet.fail_response(500)

    def _report(self, message: str, error: BaseException | None) -> None:
        line = self._head.line
        fields: dict[str, object] = {"method": line.method, "target": line.target.decode("ascii")}
        if error is not None:
            fields["traceback"] = "".join(traceback.format_exception(error))
        self._bridge.reporter.log_message(message, level=Level.ERROR, **fields)

    def _wake(self) -> None:
        waiters = self._waiters
        if waiters is not None:
            self._waiters = None
            wake_all(waiters)


async def _awaited(call: Awaitable[None]) -> None:
    """Await what is awaitable and no coroutine, which a Task cannot be made of."""
    await call
