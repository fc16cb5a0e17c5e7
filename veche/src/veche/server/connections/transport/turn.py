"""What all connections write in one turn of the loop, written at its end.

One job: decide whether octets go to the kernel now or with those of the others, and send them then.
Must not know: what is written, by whom.

A write wakes the peer, and on loopback or behind a proxy that wake-up is a quarter of a small request's price. Answers
that leave together wake it once, and the parts that one connection writes in a turn leave in one call
(docs/decisions/writes-of-a-turn.md has the numbers). Who answers alone, or takes long, is not made to wait.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Final, Protocol

SLOW_ANSWER_SECONDS: Final = 0.0005  # beside it a wake-up is nothing, and the others shall not wait for such
DIRECT_WRITES: Final = 64  # how many go out at once before it is tried again whether there are several in a turn


class Writer(Protocol):
    """A connection with something to write."""

    def write_out(self) -> None:
        """Give the kernel what waits. Never raises."""


class Turn:
    """The connections that wait for the end of this turn of the loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.waiting: list[Writer] = []
        self.direct = 0  # writes that are still to go out at once
        self.after: Callable[[float], None] | None = None  # is told the time when a turn's octets have been written
        self._loop = loop
        self._began = 0.0

    def begin(self, writer: Writer) -> None:
        """Be the first that waits."""
        self._began = time.monotonic()
        self._loop.call_soon(self._end)  # uvloop and asyncio run it before they wait for the kernel again
        self.waiting.append(writer)

    def _end(self) -> None:
        waiting, self.waiting = self.waiting, []
        took_seconds = time.monotonic() - self._began
        if len(waiting) == 1 or took_seconds > len(waiting) * SLOW_ANSWER_SECONDS:
            self.direct = DIRECT_WRITES
        for writer in waiting:
            writer.write_out()
        if self.after is not None:
            self.after(time.monotonic())
