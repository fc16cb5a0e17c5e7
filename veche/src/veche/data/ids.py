"""Keys made by the application: 53 bits, ordered by time, whole in JavaScript.

One job: a new id. Must not know: tables.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable

EPOCH_MILLISECONDS = 1_767_225_600_000  # 2026-01-01T00:00:00Z; 41 bits of milliseconds reach to 2095
RANDOM_BITS = 12


class IdMaker:
    """Calling it gives a fresh id: 41 bits of milliseconds since 2026, then 12 random ones; at most 2**53 - 1.

    One maker never repeats itself and only grows, however fast it is asked. Two processes that ask in the same
    millisecond meet once in 4096 times; the primary key refuses the second, and `UnitsOfWork.run` repeats such a unit.
    """

    def __init__(self, clock_nanoseconds: Callable[[], int] = time.time_ns) -> None:
        self._clock_nanoseconds = clock_nanoseconds
        self._lock = threading.Lock()
        self._last = 0

    def __call__(self) -> int:
        milliseconds = self._clock_nanoseconds() // 1_000_000 - EPOCH_MILLISECONDS
        candidate = (milliseconds << RANDOM_BITS) | secrets.randbits(RANDOM_BITS)
        with self._lock:
            # A small random step, not +1: a second process that runs ahead of the same millisecond is met less often.
            self._last = candidate if candidate > self._last else self._last + 1 + secrets.randbits(3)
            return self._last


# The one state of this package that lives as long as the process: it must see every id that the process makes.
new_id = IdMaker()
