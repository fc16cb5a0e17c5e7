"""One request on its way to a thread, and its response on the way back.

One job: everything of one exchange that concerns the two threads it lives in: who may touch what, and who waits.
Must not know: how many threads there are (pool.py), what the application may do (call.py).

A thread is taken when the whole request has arrived, so a slow client costs its socket and some memory or disk. The
connection is touched in the loop's thread alone. What a thread gives is put into the exchange's outbox, and the loop
takes out all that is there at once.
"""

import io
import threading
import time
import traceback
from collections import deque
from typing import TYPE_CHECKING, Final

from veche.server.bridges.exchange import ClientDisconnected, Outlet
from veche.server.bridges.faults import fault_of
from veche.server.bridges.wsgi.body import EMPTY, BodyStream, CollectedBody
from veche.server.bridges.wsgi.call import whole_body
from veche.server.bridges.wsgi.exchange import WsgiExchange
from veche.server.bridges.wsgi.file_wrapper import FileWrapper, Region
from veche.server.bridges.wsgi.pool import Job
from veche.server.scoreboard import Doing
from veche.wire.h1 import RequestHead

if TYPE_CHECKING:
    from veche.server.bridges.wsgi.bridge import WsgiBridge

UNSENT_LIMIT_OCTETS: Final = 65536  # what a thread may be ahead of its connection


class ThreadExchange(WsgiExchange, Job):
    """One request that a thread will answer. Methods are called in the loop's thread unless they say otherwise."""

    queued: bool  # the scoreboard says that it waits for a thread
    _stream: BodyStream | None
    _left_to_loop: bool  # the response was given at once: the loop does what is left to do
    _whole: bytes  # its body
    # Of both threads; each number and flag is written by one of them:
    _outbox: "deque[bytes] | None"  # made by the first part that is not the whole: many responses have none
    _outbox_complete: bool
    _delivery_due: bool
    _given_octets: int  # by the thread
    _taken_octets: int  # by the connection
    _progress: threading.Condition | None  # made by a thread that has to wait

    def fill(self, bridge: "WsgiBridge", outlet: Outlet, head: RequestHead) -> None:
        """See WsgiExchange."""
        super().fill(bridge, outlet, head)
        self.queued = False
        self._stream = None
        self._left_to_loop = False
        self._whole = b""
        self._outbox = None
        self._outbox_complete = False
        self._delivery_due = False
        self._given_octets = 0
        self._taken_octets = 0
        self._progress = None

    def begin(self) -> None:
        """Ask for a thread."""
        bridge = self.bridge
        self.slot = bridge.board.enter(self.head.line.label, self.outlet.peer_label)
        bridge.pool.submit(self)

    def body_is_large(self, collected: CollectedBody) -> None:
        """Begin before the body is whole: what is on disk is read first, the rest comes through a bounded queue."""
        if not self.head.chunked:
            self._length = self.head.content_length
        limit_octets = self.bridge.limits.body_buffer_octets
        self._stream = BodyStream(collected.hand_out(), limit_octets, self._ask_for_more)
        self._input = io.BufferedReader(self._stream, limit_octets)
        self.begin()

    @property
    def running(self) -> bool:
        """Whether a thread still has the request, or it waits for one."""
        return self.bridge.holds(self)

    def body_received(self, octets: bytes) -> None:
        """Keep a part of the body."""
        if self._stream is None:
            super().body_received(octets)
        elif self._stream.feed(octets):
            self.outlet.want_body()  # there is room for more
        else:
            self.outlet.pause_body()

    def request_ended(self) -> None:
        """The request is whole: now it may have a thread, if it has none yet."""
        if self._stream is None:
            super().request_ended()
        else:
            self._stream.end()

    def deadline_passed(self) -> None:
        """The client is told 504. A thread that runs cannot be stopped: it is given up, and another takes its place."""
        self.bridge.overdue(self)
        self.give_up()

    def response_ended(self) -> None:
        """Nothing more can be sent."""
        self.over = True
        if not self._left_to_loop or self._stream is not None:  # else the thread is through with it
            self.give_up()

    def give_up(self) -> None:
        """Let the thread go on without anybody who listens."""
        super().give_up()
        # `over` is set before the condition is looked at: a thread that makes one now sees it.
        if self._progress is not None:
            with self._progress:
                self._progress.notify_all()
        if self._stream is not None:
            self._stream.break_off()

    def _want_body(self) -> None:
        if not self.over:
            self.outlet.want_body()

    # In the thread.

    def run(self) -> None:
        """Call the application and hand over what it returns. Never raises: this is the thread's outermost frame."""
        if self.queued:
            self.bridge.board.move(self.slot, Doing.RUNNING)
            self.began = time.monotonic()
        try:
            if not self.over:
                self._call_application()
        except ClientDisconnected:
            pass  # nobody is there any more; close() has been called
        except BaseException as error:  # an application may even raise SystemExit; the thread goes on serving
            fault, told = fault_of(error), "".join(traceback.format_exception(error))
            self.bridge.pool.hand_over(lambda: self.failed(fault, traceback=told))
        if not self._left_to_loop:
            self.bridge.pool.results.append(self.leave)  # the pool wakes the loop when it is time
        if self._input is not EMPTY:
            self._input.close()

    def give(self, part: bytes, *, more: bool) -> None:
        """Put a part into the outbox; wait while the connection is too far behind. Raises ClientDisconnected."""
        outbox = self._outbox
        if outbox is None:
            outbox = self._outbox = deque()
        if more:
            if self._given_octets - self._taken_octets > UNSENT_LIMIT_OCTETS:
                self._wait_for_room()
            self._given_octets += len(part)
        outbox.append(part)
        if not more:
            self._outbox_complete = True
        if not self._delivery_due:
            self._delivery_due = True
            self.bridge.pool.hand_over(self._deliver)

    def _call_application(self) -> None:
        bridge = self.bridge
        environ = bridge.environs.environ_of(self.head, self.outlet, self._input, self._length)
        result = bridge.application(environ, self.start_response)
        if type(result) is list and not self.begun:
            self._give_whole(result[0] if len(result) == 1 else b"".join(result))
            return
        if type(result) is FileWrapper:
            region = self.file_region(result)
            if region is not None:  # a slow reader of a file holds no thread
                self._left_to_loop = True
                bridge.pool.hand_over(lambda: bridge.keep(self._deliver_file(region, result)))
                return
        try:
            body = whole_body(result)
            if body is None:
                self.give_parts(result)
            elif self.begun:
                self.give_rest(body)
            else:
                self._give_whole(body)
        finally:
            close = getattr(result, "close", None)
            if close is not None:
                close()

    def _give_whole(self, body: bytes) -> None:
        if type(body) is not bytes or self.response is None:
            self.check_whole(body)
        self._whole = body
        self._left_to_loop = True
        self.bridge.pool.results.append(self._deliver_whole)  # the pool wakes the loop when it is time

    def _wait_for_room(self) -> None:
        progress = self._progress = self._progress or threading.Condition()
        with progress:
            while not self.over and self._given_octets - self._taken_octets > UNSENT_LIMIT_OCTETS:
                progress.wait()
        if self.over:
            raise ClientDisconnected("the client is gone")

    def _ask_for_more(self) -> None:
        self.bridge.pool.hand_over(self._want_body)

    # In the loop's thread again.

    def _deliver_whole(self) -> None:
        """Send a response that was given at once."""
        self.bridge.board.leave(self.slot)
        if not self.over:
            self.send_whole(self._whole)

    async def _deliver_file(self, region: Region, wrapper: FileWrapper) -> None:
        """Send a file; closing it is the application's again, in a thread."""
        await self.send_file(region)
        self.bridge.pool.submit(_Closing(self, wrapper))

    def _deliver(self) -> None:
        """Send what is in the outbox, as one piece."""
        self._delivery_due = False
        complete = self._outbox_complete  # looked at first: then everything is in the outbox
        outbox = self._outbox
        assert outbox is not None  # `give` has made it
        parts = [outbox.popleft() for _ in range(len(outbox))]
        if self.over:
            return
        octets = parts[0] if len(parts) == 1 else b"".join(parts)
        try:
            self.send(octets, more=not complete)
        except Exception as error:
            self.cannot_be_sent(error)
            return
        if complete:
            return
        if self.outlet.peer_reads():
            self._taken(len(octets))
        else:
            self.bridge.keep(self._taken_later(len(octets)))

    async def _taken_later(self, octets: int) -> None:
        await self.outlet.wait_writable()
        self._taken(octets)

    def _taken(self, octets: int) -> None:
        self._taken_octets += octets  # before the condition is looked at, as in give_up
        if self._progress is not None:
            with self._progress:
                self._progress.notify_all()


class _Closing(Job):
    """The end of a response whose file the loop has sent."""

    def __init__(self, exchange: ThreadExchange, wrapper: FileWrapper) -> None:
        self._exchange = exchange
        self._wrapper = wrapper

    def run(self) -> None:
        """Call close(). Never raises."""
        exchange = self._exchange
        pool = exchange.bridge.pool
        try:
            self._wrapper.close()
        except BaseException as error:
            told = "".join(traceback.format_exception(error))
            pool.hand_over(lambda: exchange.failed("the application failed", traceback=told))
        pool.results.append(exchange.leave)
