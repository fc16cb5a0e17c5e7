"""Threads for handlers that are plain functions.

One job: run them beside the event loop, so many at once and so many waiting, and no more.
Must not know: requests, answers.

Capacity is in reserve: these threads belong to handlers alone. Whatever else needs a thread (files, an iterator, an
application's own asyncio.to_thread, a provider's tear-down) uses the loop's default pool, so handlers that all wait for
a resource can never keep the tear-down that would free it from running.
"""

import asyncio
import contextvars
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final, TypeVar

from veche.web.errors import HTTPException

R = TypeVar("R")

HANDLER_THREADS: Final = 16
WAITING_PER_THREAD: Final = 8


class HandlerThreads:
    """A bounded pool; more than `threads` running and 8 times as many waiting are answered 503."""

    def __init__(self, threads: int = HANDLER_THREADS) -> None:
        self._threads = threads
        self._limit = threads * (1 + WAITING_PER_THREAD)
        self._taken = 0
        self._executor: ThreadPoolExecutor | None = None

    async def run(self, function: Callable[[], R]) -> R:
        """Return what the function returns, in the caller's context. Raises HTTPException(503) when full."""
        if self._taken >= self._limit:
            raise HTTPException(503, "All handler threads are busy; try again soon.", headers={"retry-after": "1"})
        if (
            self._executor is None
        ):  # not in __init__: a master process that only imports the application needs no threads
            self._executor = ThreadPoolExecutor(self._threads, thread_name_prefix="veche-handler")
        self._taken += 1
        future = self._executor.submit(partial(contextvars.copy_context().run, function))
        loop = asyncio.get_running_loop()
        # Counted until the thread is free again, not until the request gave up waiting for it.
        future.add_done_callback(lambda _future: _call_in_loop(loop, self._give_back))
        return await asyncio.wrap_future(future)

    def _give_back(self) -> None:
        self._taken -= 1

    def close(self) -> None:
        """Let running functions end, in the background; start no more."""
        if self._executor is not None:
            self._executor.shutdown(wait=False, cancel_futures=True)
            self._executor = None


def _call_in_loop(loop: asyncio.AbstractEventLoop, function: Callable[[], None]) -> None:
    try:
        loop.call_soon_threadsafe(function)
    except RuntimeError:  # the loop was closed while the function still ran: nobody else counts now
        function()
