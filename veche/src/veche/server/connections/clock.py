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
    """`now` is at most one tick old. `deadline(seconds)` is never early and at most two ticks late.

    `stood_still`: the loop did not turn for longer than that (an application blocked it, the machine was suspended).
    Nobody could be heard meanwhile, and loops call timers before they read: deadlines have to wait for the next tick.
    It is never true twice in a row: a loop that is always late has read once in between, and must let go of the slow.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, tick_seconds: float, on_tick: Callable[[], None]) -> None:
        self.tick_seconds = tick_seconds
        self.now = 0.0
        self.date_line = b""
        self.stood_still = False
        self.loop = loop
        self._on_tick = on_tick
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin to tick."""
        self._renew()
        self._timer = self.loop.call_later(self.tick_seconds, self._tick)

    def stop(self) -> None:
        """Tick no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def deadline(self, seconds: float) -> float:
        """Return the value of `now` at which at least `seconds` from now will have passed."""
        return self.now + self.tick_seconds + seconds

    def _renew(self) -> None:
        self.now = self.loop.time()
        self.date_line = f"date: {http_date(time.time())}\r\n".encode("ascii")

    def _tick(self) -> None:
        before = self.now
        self._renew()
        self.stood_still = not self.stood_still and self.now - before > 2 * self.tick_seconds
        self._timer = self.loop.call_later(self.tick_seconds, self._tick)
        self._on_tick()
