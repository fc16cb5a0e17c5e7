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
    """`now` is at most one tick old. `deadline(seconds)` is never early and at most two ticks late."""

    def __init__(self, loop: asyncio.AbstractEventLoop, tick_seconds: float, on_tick: Callable[[], None]) -> None:
        self.tick_seconds = tick_seconds
        self.now = 0.0
        self.date_line = b""
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
        self._renew()
        self._timer = self.loop.call_later(self.tick_seconds, self._tick)
        self._on_tick()
