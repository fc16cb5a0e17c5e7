"""Waiting for something whose outcome must be known.

One job: let a task end although its waiter is cancelled, and notice who waits for something else meanwhile.
Must not know: databases.
"""

from __future__ import annotations

import asyncio
from typing import TypeVar

R = TypeVar("R")


async def finish(task: asyncio.Future[R]) -> R:
    """Wait until the task has ended, cancelled or not; only then let a cancellation through.

    Raises the task's own error, else CancelledError if the caller was cancelled meanwhile: who sees CancelledError
    knows that the task succeeded.
    """
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as error:
            cancelled = error
    result = task.result()
    if cancelled is not None:
        raise cancelled
    return result


class ForeignAwaits:
    """Notices that the event loop went round while its owner was open and was not busy with its own statement.

    The owner sets `busy` around its own awaits; `seen` is then about awaits that are not its own.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.busy = False
        self.seen = False
        self._loop = loop
        self._open = True
        loop.call_soon(self._look)

    def _look(self) -> None:
        if self._open and not self.seen:
            self.seen = not self.busy
            self._loop.call_soon(self._look)

    def close(self) -> None:
        """Stop looking."""
        self._open = False
