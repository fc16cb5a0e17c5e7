"""Tasks that wait for one thing to happen, each by a future of its own.

One job: wake them.
Must not know: what they wait for.
"""

import asyncio
from collections.abc import Iterable


def wake(waiter: "asyncio.Future[None]") -> None:
    """Let one go on, unless it was cancelled while it waited: asyncio cancels the future with its Task."""
    if not waiter.done():
        waiter.set_result(None)


def wake_all(waiters: Iterable["asyncio.Future[None]"]) -> None:
    """Let all of them go on."""
    for waiter in waiters:
        if not waiter.done():
            waiter.set_result(None)
