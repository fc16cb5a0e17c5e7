"""One event loop in one thread of a worker process, with the application's lifespan around it.

One job: start at the first request after the fork, end with the process.
Must not know: requests, environ.
"""

import asyncio
import atexit
import os
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final

from veche.asgi import ASGIApplication, Message

SHUTDOWN_SECONDS: Final = 10.0
POOL_THREADS: Final = 8


class LifespanFailed(RuntimeError):
    """The application's startup failed; the request that asked for it is answered 500, the next one tries again."""


class LoopThread:
    """Made running: when the constructor returns, the lifespan has started."""

    def __init__(self, application: ASGIApplication) -> None:
        self.process = os.getpid()
        self.state: dict[str, Any] = {}
        self._application = application
        self._loop = asyncio.new_event_loop()
        self._loop.set_default_executor(_started_pool())
        self._inbox: asyncio.Queue[Message] = asyncio.Queue()
        self._lifespan: asyncio.Task[None] | None = None
        # A daemon: a lifespan that hangs must not keep the process alive beyond SHUTDOWN_SECONDS.
        self._thread = threading.Thread(target=self._loop.run_forever, name="veche-wsgi-loop", daemon=True)
        self._thread.start()
        try:
            self.submit(self._start()).result()
        except BaseException:
            self._stop_loop()
            raise
        # Before the thread pools refuse work, which they do before the functions of `atexit` are called: a shutdown may
        # need a thread. concurrent.futures goes through the same door; where it is closed, atexit is the second best.
        register: Callable[[Callable[[], None]], object] = getattr(threading, "_register_atexit", atexit.register)
        register(self.close)

    def submit(self, coroutine: Coroutine[Any, Any, None]) -> "Future[None]":
        """Run a coroutine in the loop."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    def call(self, function: Callable[[], object]) -> None:
        """Call a function in the loop; nothing happens when the loop has ended."""
        try:
            self._loop.call_soon_threadsafe(function)
        except RuntimeError:  # closed: nobody is waiting for the call any more
            return

    async def _start(self) -> None:
        outbox: asyncio.Queue[Message] = asyncio.Queue()
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": self.state}
        await self._inbox.put({"type": "lifespan.startup"})
        self._lifespan = asyncio.ensure_future(self._run_lifespan(scope, outbox))
        message = await outbox.get()
        if message["type"] == "lifespan.startup.failed":
            raise LifespanFailed(f"the application did not start: {message.get('message', '')}")

    async def _run_lifespan(self, scope: dict[str, Any], outbox: "asyncio.Queue[Message]") -> None:
        try:
            await self._application(scope, self._inbox.get, outbox.put)
        except Exception:  # ASGI: an application that raises does not speak the lifespan protocol, and needs none
            self._lifespan = None
            await outbox.put({"type": "lifespan.startup.complete"})

    def close(self) -> None:
        """End the lifespan and the loop, within SHUTDOWN_SECONDS; once, and not in a forked child."""
        if self._loop.is_closed() or self.process != os.getpid():
            return
        ending = self.submit(self._end())
        try:
            ending.result(SHUTDOWN_SECONDS)
        except TimeoutError:
            ending.cancel()
        self._stop_loop()

    async def _end(self) -> None:
        if self._lifespan is not None:
            await self._inbox.put({"type": "lifespan.shutdown"})
            await self._lifespan
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def _stop_loop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(SHUTDOWN_SECONDS)
        if not self._thread.is_alive():
            self._loop.close()


def _started_pool() -> ThreadPoolExecutor:
    """Return the pool with all its threads running: a process of Python 3.12 that is ending can start no other."""
    pool = ThreadPoolExecutor(POOL_THREADS, thread_name_prefix="veche-wsgi-pool")
    everybody = threading.Barrier(POOL_THREADS)
    for started in [pool.submit(everybody.wait) for _thread in range(POOL_THREADS)]:
        started.result()
    return pool
