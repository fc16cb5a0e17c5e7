"""What a worker counts, and where each number stands in its region.

One job: the names.
Must not know: who counts, what is made of the numbers.
"""

from enum import IntEnum
from typing import Final

from veche.server.scoreboard.handshakes import Failure

DURATION_BOUNDS_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Counter(IntEnum):
    """Cells of a region's head. Totals only grow: the master adds those of a worker that ended to its own."""

    # The first is no total: how many slots have ever been used, so that nobody looks at the others.
    SLOTS_USED = 0
    # How many there are now.
    WEBSOCKETS = 1
    THREADS_LOST = 2
    RESIDENT_OCTETS = 3  # of memory
    # Totals.
    REQUESTS = 8
    CONNECTIONS = 9
    SILENT_CLIENTS = 10  # let go because they sent no request, or not all of it, in time
    ACCEPT_PAUSES = 11
    OVERDUE = 12
    THREADS_EVER_LOST = 13
    OCTETS_IN = 14
    OCTETS_OUT = 15
    RESPONSES_1XX = 16
    RESPONSES_2XX = 17
    RESPONSES_3XX = 18
    RESPONSES_4XX = 19
    RESPONSES_5XX = 20
    DURATION_MICROSECONDS = 21
    QUEUE_MICROSECONDS = 22
    REFUSED_CONNECTIONS = 23  # closed at once, because their address had its share
    DURATION_BUCKETS = 32  # and one more after the last bound
    HANDSHAKES_FAILED = 48  # one for each of handshakes.Failure


FIRST_TOTAL: Final = int(Counter.REQUESTS)
COUNTER_CELLS: Final = int(Counter.HANDSHAKES_FAILED) + len(Failure)
assert Counter.DURATION_BUCKETS + len(DURATION_BOUNDS_SECONDS) < Counter.HANDSHAKES_FAILED
