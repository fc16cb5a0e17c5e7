"""One request through a WSGI application (PEP 3333), in a bounded number of threads.

One job: carry a whole request to a thread, and what the application gives there back to the loop.
Must not know: sockets, how requests and responses look on the wire, what `environ` holds (environ.py).

A thread is taken only when the whole request has arrived, so a slow client costs its socket and some memory or disk.
Everything that touches the connection happens in the loop's thread; threads leave what they have in a queue and wake
the loop once for all of it, because each wake-up is a system call.
"""

import asyncio
import io
import tempfile
import threading
import traceback
from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from queue import SimpleQueue
from typing import IO, Final, TypeAlias

from veche.asgi import ExceptionTriple, WSGIApplication
from veche.log import Level
from veche.server.bridges.environ import Environs, field_octets, status_code
from veche.server.bridges.exchange import ClientDisconnected, Outlet, Reporter
from veche.server.scoreboard import Board, Doing, Slot
from veche.wire.h1 import RequestHead
from veche.wire.websocket import Handshake

UNSENT_LIMIT_OCTETS: Final = 65536  # what a thread may be ahead of its connection
Head: TypeAlias = tuple[int, list[tuple[bytes, bytes]]]


class WsgiBridge:
    """A WSGI application, ready to be given requests. Threads start when they are first needed, `threads` at most."""

    def __init__(
        self,
        application: WSGIApplication,
        reporter: Reporter,
        loop: asyncio.AbstractEventLoop,
        board: Board,
        *,
        threads: int,
        spool_octets: int,
        multiprocess: bool,
    ) -> None:
        self.application = application
        self.reporter = reporter
        self.loop = loop
        self.board = board
        self.spool_octets = spool_octets
        self.environs = Environs(multiprocess=multiprocess)
        self.writing: set[asyncio.Task[None]] = set()  # the loop itself holds Tasks only weakly
        self._running: set[WsgiExchange] = set()
        self._limit = threads
        self._threads = 0
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._results: deque[Callable[[], None]] = deque()
        self._woken = False

    def open_exchange(self, outlet: Outlet, head: RequestHead) -> "WsgiExchange":
        """Return the exchange for a request."""
        return WsgiExchange(self, outlet, head)

    def open_websocket(self, outlet: Outlet, head: RequestHead, handshake: Handshake) -> None:
        """WSGI has no WebSocket: the request is an ordinary one (RFC 9110 §7.8: Upgrade may be ignored)."""

    @property
    def running(self) -> int:
        """How many requests are in the application or wait for a thread."""
        return len(self._running)

    def cancel_all(self) -> None:
        """Give up what still runs: a thread cannot be stopped, but what it sends from now on goes nowhere."""
        for exchange in list(self._running):
            exchange.give_up()

    def close(self) -> None:
        """Let the threads end when they have done what they do now."""
        for _ in range(self._threads):
            self._jobs.put(None)

    # In the loop's thread.

    def submit(self, exchange: "WsgiExchange") -> None:
        """Run the exchange in a thread as soon as one is free."""
        self._running.add(exchange)
        if self._threads < min(self._limit, len(self._running)):
            self._threads += 1
            threading.Thread(target=self._work, name=f"wsgi-{self._threads}", daemon=True).start()
        self._jobs.put(exchange.run)

    def finished(self, exchange: "WsgiExchange") -> None:
        """Note that the application has let go of the request."""
        self._running.discard(exchange)
        self.board.leave(exchange.slot)

    # In any thread.

    def hand_over(self, result: Callable[[], None]) -> None:
        """Have the loop call `result`, in order, after at most one wake-up for all that is waiting."""
        self._results.append(result)
        if not self._woken:
            self._woken = True
            try:
                self.loop.call_soon_threadsafe(self._take_results)
            except RuntimeError:
                pass  # the loop is closed: the process is ending, and nobody is there to answer

    def _take_results(self) -> None:
        self._woken = False  # before the queue is emptied: what is added from now on wakes the loop again
        results = self._results
        while results:
            results.popleft()()

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()


def _open_body(head: RequestHead, spool_octets: int) -> IO[bytes]:
    """Return where the body waits: memory, or a file that leaves memory when it grows past the limit."""
    if not head.chunked and head.content_length <= spool_octets:
        return io.BytesIO()
    return tempfile.SpooledTemporaryFile(max_size=spool_octets)


class WsgiExchange:
    """One request and its response. Methods are called in the loop's thread unless they say otherwise."""

    slot: Slot  # once it is submitted
    _progress: threading.Condition | None = None  # made by the first part that is not the last: most have none
    # Of the thread alone:
    _response: Head | None = None
    _response_begun = False
    _response_complete = False
    _rest_octets = -1  # of the Content-Length that the application said

    def __init__(self, bridge: WsgiBridge, outlet: Outlet, head: RequestHead) -> None:
        self._bridge = bridge
        self._outlet = outlet
        self._head = head
        self._has_body = bool(head.content_length) or head.chunked
        self._body: IO[bytes] = _open_body(head, bridge.spool_octets)
        self._body_octets = 0
        self._submitted = False
        self._over = False  # nothing more can be sent: the response is complete, or the client is gone
        self._unsent_octets = 0  # given by the thread and not yet taken by the connection

    def start(self) -> None:
        """Ask for the body, or run at once when there is none."""
        if self._has_body:
            self._outlet.want_body()
        else:
            self._submit()

    def body_received(self, octets: bytes) -> None:
        """Keep a part of the body; past `spool_octets` it waits on disk."""
        self._body.write(octets)
        self._body_octets += len(octets)

    def request_ended(self) -> None:
        """The request is whole: now it may have a thread."""
        if self._has_body and not self._over:
            self._body.seek(0)
            self._submit()

    def response_ended(self) -> None:
        """Nothing more can be sent."""
        self.give_up()

    def input_ended(self) -> None:
        """The client sends no more; it may still read the response."""

    def peer_lost(self) -> None:
        """The client is gone; the application learns it when it sends the next part."""
        self.give_up()

    def shutting_down(self) -> None:
        """WSGI has no word for this; the response ends by itself or is cut at the deadline."""

    def stop(self) -> None:
        """WSGI has no word for this either."""

    def give_up(self) -> None:
        """Let the thread go on without anybody who listens."""
        self._over = True  # before the condition is looked at: a thread that makes it now sees this
        if self._progress is not None:
            with self._progress:
                self._progress.notify_all()
        if not self._submitted:
            self._body.close()

    def _submit(self) -> None:
        self._submitted = True
        board = self._bridge.board
        self.slot = board.enter(self._head.line.label, self._outlet.peer_label)
        board.move(self.slot, Doing.QUEUED)
        self._bridge.submit(self)

    # In the thread.

    def run(self) -> None:
        """Call the application and hand over what it returns. Never raises: this is the thread's outermost frame."""
        self._bridge.board.move(self.slot, Doing.RUNNING)
        try:
            if not self._over:
                self._call_application()
        except ClientDisconnected:
            pass  # nobody is there any more; close() has been called
        except BaseException as error:  # an application may even raise SystemExit; the thread goes on serving
            told = "".join(traceback.format_exception(error))
            self._bridge.hand_over(lambda: self._failed("the application failed", traceback=told))
        finally:
            self._body.close()
            self._bridge.hand_over(partial(self._bridge.finished, self))

    def _call_application(self) -> None:
        environ = self._bridge.environs.environ_of(
            self._head,
            client=self._outlet.client,
            local=self._outlet.local,
            body=self._body,
            body_octets=self._body_octets,
        )
        result = self._bridge.application(environ, self._start_response)
        try:
            if isinstance(result, (list, tuple)):
                self._give(result[0] if len(result) == 1 else b"".join(result), more=False)
            else:
                self._give_parts(result)
        finally:
            close = getattr(result, "close", None)
            if close is not None:
                close()

    def _give_parts(self, parts: Iterable[bytes]) -> None:
        for part in parts:
            if part:  # PEP 3333: the head leaves with the first part that is not empty
                self._give(part, more=True)
        if not self._response_complete:
            self._give(b"", more=False)

    def _start_response(
        self, status: str, headers: list[tuple[str, str]], exc_info: ExceptionTriple | None = None, /
    ) -> Callable[[bytes], object]:
        if exc_info is not None:
            try:
                if self._response_begun:
                    raise exc_info[1].with_traceback(exc_info[2])
            finally:
                exc_info = None  # the traceback holds this frame
        elif self._response is not None:
            raise AssertionError("start_response was called twice without exc_info (PEP 3333)")
        self._response = (status_code(status), [field_octets(name, value) for name, value in headers])
        self._rest_octets = next((int(v) for n, v in headers if n.lower() == "content-length" and v.isdecimal()), -1)
        return self._write

    def _write(self, part: bytes) -> None:
        """The callable that start_response returns, for applications from before there were iterables."""
        if part:
            self._give(part, more=True)

    def _give(self, part: bytes, *, more: bool) -> None:
        """Hand over a part of the body; wait while the connection is too far behind. Raises ClientDisconnected."""
        if not isinstance(part, bytes):
            raise TypeError(f"a WSGI body is made of bytes; got {type(part).__name__} (PEP 3333)")
        if self._response is None:
            raise AssertionError("the application gave a body before it called start_response (PEP 3333)")
        if self._response_complete:
            raise AssertionError("the application gave more than its Content-Length (PEP 3333)")
        if self._over:
            raise ClientDisconnected("the client is gone")
        head = None if self._response_begun else self._response
        self._response_begun = True
        if more and len(part) == self._rest_octets:
            more = False  # Content-Length says that this is all: it need not wait for the iterable to say so
        self._rest_octets -= len(part)
        if more:
            self._wait_for_room(len(part))
        else:
            self._response_complete = True
        self._bridge.hand_over(partial(self._send, head, part, more=more))

    def _wait_for_room(self, octets: int) -> None:
        if self._progress is None:
            self._progress = threading.Condition()
        with self._progress:
            while not self._over and self._unsent_octets > UNSENT_LIMIT_OCTETS:
                self._progress.wait()
            if self._over:
                raise ClientDisconnected("the client is gone")
            self._unsent_octets += octets

    # In the loop's thread again.

    def _send(self, head: Head | None, part: bytes, *, more: bool) -> None:
        if self._over:
            return
        try:
            if head is not None:
                self._outlet.start_response(*head)
            self._outlet.write_body(part, more=more)
        except Exception as error:  # what HTTP cannot carry: the head, or a body that is longer than it said
            self._failed("the application's response cannot be sent", reason=str(error))
            return
        if not more:
            return
        if self._outlet.writable:
            self._taken(len(part))
        else:
            waiting = self._bridge.loop.create_task(self._taken_later(len(part)))
            self._bridge.writing.add(waiting)
            waiting.add_done_callback(self._bridge.writing.discard)

    async def _taken_later(self, octets: int) -> None:
        await self._outlet.wait_writable()
        self._taken(octets)

    def _taken(self, octets: int) -> None:
        assert self._progress is not None  # there was a part that was not the last
        with self._progress:
            self._unsent_octets -= octets
            self._progress.notify_all()

    def _failed(self, message: str, **fields: object) -> None:
        line = self._head.line
        target = line.target.decode("ascii")
        self._bridge.reporter.log_message(message, level=Level.ERROR, method=line.method, target=target, **fields)
        if not self._over:
            self._outlet.fail_response(500)
            self.give_up()
