"""When a worker is worn out and should be replaced.

One job: compare what it has done, how long it has lived and how large it is with its bounds.
Must not know: who replaces it, how any of it is measured.
"""

from collections.abc import Callable
from typing import Final

from veche.server.settings.recycling import RecyclingSettings

MEBIBYTE: Final = 1 << 20


class Wear:
    """One worker's own bounds, made at its start; 0 is no bound."""

    def __init__(self, settings: RecyclingSettings, *, chance: Callable[[], float]) -> None:
        """chance: a number from 0 to 1 each time, for the jitter."""

        def spread(bound: float) -> float:
            return bound * (1 + settings.recycle_jitter * chance())

        self._requests = spread(settings.recycle_requests)
        self._seconds = spread(settings.recycle_seconds)
        self._rss_octets = spread(settings.recycle_rss_octets)

    @property
    def is_bounded(self) -> bool:
        """Whether there is anything to look at."""
        return bool(self._requests or self._seconds or self._rss_octets)

    def reason(self, *, requests: int, seconds: float, rss_octets: int) -> str:
        """Why it should be replaced, in words; empty when it should not."""
        if self._requests and requests >= self._requests:
            return f"it has taken {requests} requests (recycle_requests)"
        if self._seconds and seconds >= self._seconds:
            return f"it has served for {seconds:.0f} s (recycle_seconds)"
        if self._rss_octets and rss_octets >= self._rss_octets:
            return f"it holds {rss_octets / MEBIBYTE:.0f} MiB of memory (recycle_rss_octets)"
        return ""
