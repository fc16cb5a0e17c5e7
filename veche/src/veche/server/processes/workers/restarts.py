"""When the place of a worker that ended by itself is filled again.

One job: at once, unless workers end again and again: then later and later, so that a broken application does not eat
the machine, and a mended one is back within half a minute.
Must not know: processes, clocks (time is handed in).
"""

from typing import Final

FREE_RESTARTS: Final = 3  # or one for each worker, if that is more: all of them may be killed at once
FIRST_DELAY_SECONDS: Final = 0.5
LONGEST_DELAY_SECONDS: Final = 30.0
CALM_SECONDS: Final = 60.0  # longer than the longest delay, or a slow crash loop would look like calm


class RestartPolicy:
    """Counts the ends nobody asked for; a minute without one forgets them."""

    def __init__(self, workers: int) -> None:
        self._free_restarts = max(FREE_RESTARTS, workers)
        self._last_end: float | None = None
        self._first_end = 0.0
        self._not_before = 0.0
        self.ends = 0

    def worker_ended(self, now: float) -> float:
        """Count one end; returns how many seconds to wait before the next start, 0 for at once."""
        if self._last_end is None or now - self._last_end > CALM_SECONDS:
            self.ends, self._first_end = 0, now
        self._last_end = now
        self.ends += 1
        over = self.ends - self._free_restarts
        delay = min(LONGEST_DELAY_SECONDS, FIRST_DELAY_SECONDS * 2.0 ** min(over - 1, 10)) if over > 0 else 0.0
        self._not_before = now + delay
        return delay

    def hold_until(self, moment: float) -> None:
        """No start before that moment."""
        self._not_before = max(self._not_before, moment)

    @property
    def looping_seconds(self) -> float:
        """The time over which `ends` were counted."""
        return 0.0 if self._last_end is None else self._last_end - self._first_end

    def wait_seconds(self, now: float) -> float:
        """How long the next start must still wait, 0 for not at all."""
        return max(0.0, self._not_before - now)
