"""The time of one worker's connections, in steps.

One job: `now` and the Date line, renewed by one call of the loop per tick, so that no request asks the kernel for the
time or arms a timer (1.1 us each; facts in benchmarks/).
Must not know: what is due.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Final

from veche.http.dates import http_date

NEVER: Final = float("inf")


class Clock:
    """`now` counts at most one tick for each tick: it stands still while the loop does (an application blocks it, the
    machine is suspended), because nobody can be heard meanwhile. `deadline(seconds)` is never early, and late by two
    ticks at most and by what the loop itself was late.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, tick_seconds: float, on_tick: Callable[[], None]) -> None:
        self.tick_seconds = tick_seconds
        self.now = 0.0
        self.date_line = b""
        self.loop = loop
        self._on_tick = on_tick
        self._ticked_at = 0.0  # by the loop's own time
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin to tick."""
        self._ticked_at = self.now = self.loop.time()
        self._renew_date()
        self._timer = self.loop.call_later(self.tick_seconds, self._tick)

    def stop(self) -> None:
        """Tick no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def deadline(self, seconds: float) -> float:
        """Return the value of `now` at which at least `seconds` from now will have passed."""
        return self.now + self.tick_seconds + seconds

    def _renew_date(self) -> None:
        self.date_line = f"date: {http_date(time.time())}\r\n".encode("ascii")

    def _tick(self) -> None:
        loop = self.loop
        passed = loop.time() - self._ticked_at
        self._ticked_at += passed
        self.now += min(passed, self.tick_seconds)
        self._renew_date()
        self._timer = loop.call_later(self.tick_seconds, self._tick)
        if passed > 2 * self.tick_seconds:
            # Loops call timers before they read. What came while this one stood still is read before anything is due:
            # the first of these calls is made before the loop has read, the second one after.
            loop.call_soon(loop.call_soon, self._tell_of_tick)
        else:
            self._on_tick()

    def _tell_of_tick(self) -> None:
        if self._timer is not None:  # it may have been stopped meanwhile
            self._on_tick()
