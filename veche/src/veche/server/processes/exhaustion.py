"""A worker that gets no memory any more: a limit of its own (RLIMIT_AS), and nobody kills it.

One job: tell one allocation that was too large from a process in which nothing can be done, and say so once.
Must not know: how a worker ends, who asks.
"""

from collections.abc import Callable
from typing import Final

RESERVE_OCTETS: Final = 4 << 20  # never touched: it costs address space, and the kernel gives no page for it
PROBE_OCTETS: Final = 1 << 16  # less than accepting a connection and answering a request need
FAILURES: Final = 3  # one after another: a moment later there may be room again


class Exhaustion:
    """Counts what failed in the server's own callbacks."""

    def __init__(self, give_up: Callable[[], None]) -> None:
        """give_up: ends the worker. It is called when a reserve has just been released, so that it can say why."""
        self._give_up = give_up
        self._reserve: bytearray | None = bytearray(RESERVE_OCTETS)
        self._failures = 0

    def memory_failed(self) -> None:
        """Call it for each MemoryError. Returns, if it does, for the worker to go on."""
        try:
            bytearray(PROBE_OCTETS)
        except MemoryError:
            self._failures += 1
        else:
            self._failures = 0  # what failed was too large, and the rest of the worker is well
        if self._failures >= FAILURES:
            self._reserve = None
            self._give_up()
