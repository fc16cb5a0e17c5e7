"""Waiting for something whose outcome must be known.

One job: let a task end although its waiter is cancelled. Must not know: databases.
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
