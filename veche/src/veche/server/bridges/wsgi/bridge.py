"""A WSGI application (PEP 3333), ready to be given requests.

One job: hold what all requests of one worker share, and make an exchange for each.
Must not know: sockets, how requests and responses look on the wire.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from veche.asgi import WSGIApplication
from veche.log import Level
from veche.server.bridges.exchange import Bridge, Outlet, Reporter
from veche.server.bridges.wsgi.environ import Environs
from veche.server.bridges.wsgi.exchange import WsgiExchange
from veche.server.bridges.wsgi.heads import ResponseHeads
from veche.server.bridges.wsgi.inline import InlineExchange
from veche.server.bridges.wsgi.pool import Job, ThreadPool
from veche.server.bridges.wsgi.threaded import ThreadExchange
from veche.server.scoreboard import Board, Doing
from veche.server.settings import RequestLimits
from veche.server.verdicts.witness import Witness
from veche.wire.h1 import RequestHead
from veche.wire.websocket import Handshake


class WsgiBridge(Bridge):
    """See the module."""

    def __init__(
        self,
        application: WSGIApplication,
        reporter: Reporter,
        loop: asyncio.AbstractEventLoop,
        board: Board,
        limits: RequestLimits,
        *,
        witness: Witness,
        multiprocess: bool,
    ) -> None:
        self.application = application
        self.reporter = reporter
        self.loop = loop
        self.board = board
        self.witness = witness
        self.limits = limits
        self._in_threads = limits.threads > 0
        self.heads = ResponseHeads()
        # A lost thread is still in the application when another takes its place.
        multithread = limits.threads > 1 or (limits.threads == 1 and limits.lost_threads_limit > 0)
        self.environs = Environs(multithread=multithread, multiprocess=multiprocess)
        self.pool = ThreadPool(
            loop,
            threads=limits.threads,
            lost_limit=limits.lost_threads_limit,
            still_waiting=self._queued,
            found=self._thread_found,
        )
        self._used_up = False  # and that was told
        self._tasks: set[asyncio.Task[None]] = set()  # the loop itself holds Tasks only weakly

    def open_exchange(self, outlet: Outlet, head: RequestHead) -> WsgiExchange:
        """Return the exchange for a request."""
        if self._in_threads:
            waiting = ThreadExchange()
            waiting.fill(self, outlet, head)
            return waiting
        exchange = InlineExchange()
        exchange.fill(self, outlet, head)
        return exchange

    def open_websocket(self, outlet: Outlet, head: RequestHead, handshake: Handshake) -> None:
        """WSGI has no WebSocket: the request is an ordinary one (RFC 9110 §7.8: Upgrade may be ignored)."""

    @property
    def running(self) -> int:
        """How many requests are in the application or wait for a thread."""
        pool = self.pool
        return len(pool.jobs) + len(pool.running) + len(pool.lost)

    def holds(self, exchange: ThreadExchange) -> bool:
        """Whether the exchange waits for a thread, or runs in one."""
        pool = self.pool
        return exchange in pool.running or exchange in pool.lost.values() or exchange in pool.jobs

    def tell_board(self) -> None:
        """Say how many octets the requests have moved that last longer than a tick."""
        for exchange in list(self.pool.running):  # threads change it meanwhile
            if isinstance(exchange, ThreadExchange) and not exchange.over:
                octets_in, octets_out = exchange.outlet.progress()
                self.board.count(exchange.slot, octets_in=octets_in, octets_out=octets_out)

    def cancel_all(self) -> None:
        """Answer 503 for what still runs: a thread cannot be stopped, but what it sends from now on goes nowhere."""
        pool = self.pool
        for exchange in [*pool.jobs, *pool.running, *pool.lost.values()]:
            if isinstance(exchange, ThreadExchange):
                exchange.cancel()

    def close(self) -> None:
        """Let the threads end when they have done what they do now."""
        self.pool.close()

    def in_forked_child(self, came_back: Callable[[], None]) -> None:
        """Have the one thread that a fork leaves call this when the application returns."""
        for exchange in [*self.pool.running, *self.pool.lost.values()]:
            if isinstance(exchange, ThreadExchange):
                exchange.over = True  # it must not wait for a loop that is not there
        self.pool.in_forked_child(came_back)

    def overdue(self, exchange: ThreadExchange) -> None:
        """Give up the thread that has not answered in time; too many such, and the worker must be replaced."""
        pool, limits = self.pool, self.limits
        thread = pool.lose(exchange)
        lost = len(pool.lost)
        if thread is not None:
            self.witness.thread_lost(exchange.slot, thread.ident, lost=lost, threads=limits.threads)
        elif exchange in pool.jobs:
            waited = f"it waited for a thread: all {pool.capacity} are busy, and {lost} are lost beside them\n"
            self.witness.request_overdue(exchange.slot, lambda: waited)
        if lost > limits.lost_threads_limit and not self._used_up:
            self._used_up = True
            self.witness.threads_used_up(lost=lost, threads=limits.threads)

    def _thread_found(self) -> None:
        self.witness.thread_found(lost=len(self.pool.lost))

    def keep(self, waiting: Coroutine[Any, Any, None]) -> None:
        """Have the loop run a coroutine to its end."""
        task = self.loop.create_task(waiting)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _queued(self, jobs: Iterable[Job]) -> None:
        """Show that these requests wait for a thread. The others had one too soon to say so."""
        for job in jobs:
            if not isinstance(job, ThreadExchange):
                continue  # the end of a response
            job.queued = True
            self.board.move(job.slot, Doing.QUEUED)
            if job in self.pool.running:  # a thread took it just now, and may not have seen the flag
                self.board.move(job.slot, Doing.RUNNING)

    def report(self, head: RequestHead, message: str, *, level: Level, **fields: object) -> None:
        """Tell the operator something about a request."""
        line = head.line
        target = line.target.decode("ascii", "backslashreplace")
        self.reporter.log_message(message, level=level, method=line.method, target=target, **fields)
