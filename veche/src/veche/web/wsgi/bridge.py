"""ASGI behind WSGI: each request is a task in the process's loop, served by the worker's own thread.

One job: carry one request into the loop and its answer out of it, both piece by piece.
Must not know: how the loop lives (loop_thread.py), what the application does.

The worker's thread has nothing to do but wait for the answer, so it does the blocking work of its request: the loop
asks it for the next piece of the body and hands it pieces of the answer, at most WINDOW of them ahead of the client.
"""

import asyncio
import os
import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeAlias

from veche.asgi import ASGIApplication, Environ, Message, Scope, StartResponse, WSGIApplication
from veche.http import phrase
from veche.web.wsgi.environ import scope_of
from veche.web.wsgi.loop_thread import LoopThread

WINDOW: Final = 8
PIECE_OCTETS: Final = 64 * 1024
# Only the server may send these (PEP 3333, "Other HTTP Features").
HOP_BY_HOP: Final = frozenset(
    {b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer", b"transfer-encoding", b"upgrade"}
)


@dataclass(frozen=True, slots=True)
class _ReadBody:
    """The loop wants the next piece of the request body."""

    answer: "asyncio.Future[bytes]"


@dataclass(frozen=True, slots=True)
class _Ended:
    """The application has returned, or raised."""

    error: BaseException | None


_Order: TypeAlias = "Message | _ReadBody | _Ended"


def to_wsgi(application: ASGIApplication) -> WSGIApplication:
    """Return the application as a WSGI application. Nothing starts before its first request, so it may be forked.

    Each process has one loop, the lifespan included. A worker with threads (gthread) serves as many requests at once
    as it has threads; one with processes only (sync) one at a time.
    """
    return _WSGIFace(application)


class _WSGIFace:
    def __init__(self, application: ASGIApplication) -> None:
        self._application = application
        self._lock = threading.Lock()
        self._loop_thread: LoopThread | None = None

    def _running(self) -> LoopThread:
        with self._lock:
            # A loop does not survive a fork: its thread stayed in the parent.
            if self._loop_thread is None or self._loop_thread.process != os.getpid():
                self._loop_thread = LoopThread(self._application)
            return self._loop_thread

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
        return _Answer(self._application, self._running(), environ, start_response)


class _Answer:
    """The iterable of one WSGI answer: the worker's thread walks it, and closes it in the end."""

    def __init__(
        self, application: ASGIApplication, loop_thread: LoopThread, environ: Environ, start_response: StartResponse
    ) -> None:
        self._loop_thread = loop_thread
        self._environ = environ
        self._start_response = start_response
        self._body_left = _body_octets(environ)
        self._orders: queue.SimpleQueue[_Order] = queue.SimpleQueue()
        self._begun = self._ended = False
        self._conversation = _Conversation(self._orders)
        loop_thread.submit(self._conversation.run(application, scope_of(environ, loop_thread.state)))
        self._first = self._next_piece()  # start_response has to be called before the first octet is asked for

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        piece, self._first = self._first, None
        if piece is None:
            piece = self._next_piece()
        if piece is None:
            raise StopIteration
        return piece

    def _next_piece(self) -> bytes | None:
        """Do what the loop orders until it hands over octets; None when the answer is complete."""
        while not self._ended:
            order = self._orders.get()
            if isinstance(order, _ReadBody):
                self._read_body(order)
            elif isinstance(order, _Ended):
                self._ended = True
                if order.error is not None:
                    raise order.error
                if not self._begun:
                    raise RuntimeError("the application returned without an answer")
            elif order["type"] == "http.response.start":
                self._begin(order)
            elif order["type"] == "http.response.body":
                self._loop_thread.call(self._conversation.window.release)
                octets: bytes = order.get("body", b"")
                if octets:
                    return octets
        return None

    def _begin(self, start: Message) -> None:
        self._begun = True
        headers = [
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, value in start.get("headers", ())
            if name not in HOP_BY_HOP
        ]
        self._start_response(f"{start['status']} {phrase(start['status']) or 'Unknown'}", headers)

    def _read_body(self, order: _ReadBody) -> None:
        try:
            octets: bytes = self._environ["wsgi.input"].read(min(PIECE_OCTETS, self._body_left))
        except Exception as error:  # whatever the server raises when its client is gone or its framing is broken
            self._loop_thread.call(partial(_fail, order.answer, error))
            return
        self._body_left -= len(octets)
        if not octets:
            self._body_left = 0
        self._loop_thread.call(partial(_settle, order.answer, octets))

    def close(self) -> None:
        """Tell the application that its client has gone, where the answer is not complete."""
        if not self._ended:
            self._ended = True
            self._loop_thread.call(self._conversation.client_left)


class _Conversation:
    """The loop's side of one request: receive and send."""

    def __init__(self, orders: "queue.SimpleQueue[_Order]") -> None:
        self.window = asyncio.Semaphore(WINDOW)
        self._orders = orders
        self._left = asyncio.Event()
        self._body_complete = False

    async def run(self, application: ASGIApplication, scope: Scope) -> None:
        """Run the application, and tell how it ended."""
        try:
            await application(scope, self._receive, self._send)
        except BaseException as error:
            self._orders.put(_Ended(error))
            if isinstance(error, asyncio.CancelledError):
                raise
        else:
            self._orders.put(_Ended(None))

    async def _receive(self) -> Message:
        if self._body_complete or self._left.is_set():
            await self._left.wait()
            return {"type": "http.disconnect"}
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._orders.put(_ReadBody(answer))
        octets = await answer
        self._body_complete = not octets
        return {"type": "http.request", "body": octets, "more_body": bool(octets)}

    async def _send(self, message: Message) -> None:
        if self._left.is_set():
            raise ConnectionResetError("the client has gone")
        if message["type"] == "http.response.body":
            await self.window.acquire()
        self._orders.put(message)

    def client_left(self) -> None:
        """The server gave the answer up: whoever waits, for the client or for room in the window, learns it."""
        self._left.set()
        for _place in range(WINDOW):
            self.window.release()


def _settle(answer: "asyncio.Future[bytes]", octets: bytes) -> None:
    if not answer.done():  # cancelled: the application stopped waiting
        answer.set_result(octets)


def _fail(answer: "asyncio.Future[bytes]", error: Exception) -> None:
    if not answer.done():
        answer.set_exception(error)


def _body_octets(environ: Environ) -> int:
    """Return how many octets may be read; wsgi.input_terminated: the server ends the input by itself (chunked)."""
    length = str(environ.get("CONTENT_LENGTH") or "")
    if length.isascii() and length.isdigit():
        return int(length)
    return 1 << 62 if environ.get("wsgi.input_terminated") else 0
