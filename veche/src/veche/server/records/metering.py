"""Counting finished requests for the metrics.

One job: add each finished request to the worker's counters in the scoreboard, and hand it on to the access log.
Must not know: who reads the counters, how a request was served.

They are counted in the shared memory itself: what a worker has counted is not lost with it.
"""

from bisect import bisect_left
from typing import Final, Protocol

from veche.server.records.access_log import AccessLog, Sent
from veche.server.records.finished import FinishedRequest
from veche.server.scoreboard.counters import DURATION_BOUNDS_SECONDS, Counter

# Plain numbers: an IntEnum's members cost a look-up each.
STATUS_CLASSES: Final = int(Counter.RESPONSES_1XX) - 1
OCTETS_IN: Final = int(Counter.OCTETS_IN)
OCTETS_OUT: Final = int(Counter.OCTETS_OUT)
DURATION: Final = int(Counter.DURATION_MICROSECONDS)
QUEUE: Final = int(Counter.QUEUE_MICROSECONDS)
BUCKETS: Final = int(Counter.DURATION_BUCKETS)


class RequestLog(Protocol):
    """What a connection gives its finished requests to."""

    def note(self, request: FinishedRequest, sent: Sent | None) -> None: ...

    def turn_ended(self, now: float) -> None: ...

    def close(self) -> None: ...


class Meter:
    """Stands before the access log, or in its place."""

    def __init__(self, cells: memoryview, access_log: AccessLog | None) -> None:
        self._cells = cells
        self._access_log = access_log

    def note(self, request: FinishedRequest, sent: Sent | None) -> None:
        """Count a request whose response is complete: its time is from the whole request to the whole answer."""
        cells = self._cells
        cells[STATUS_CLASSES + min(request.status // 100, 5)] += 1
        if request.octets_in:
            cells[OCTETS_IN] += request.octets_in
        cells[OCTETS_OUT] += request.octets_out
        whole, began = request.whole, request.began
        whole = min(whole, began)  # the body may have come while the application ran
        seconds = max(0.0, request.answered - whole)
        cells[DURATION] += int(seconds * 1e6)
        cells[BUCKETS + bisect_left(DURATION_BOUNDS_SECONDS, seconds)] += 1
        if began > whole:
            cells[QUEUE] += int((began - whole) * 1e6)
        if self._access_log is not None:
            self._access_log.note(request, sent)

    def turn_ended(self, now: float) -> None:
        """Hand it on."""
        if self._access_log is not None:
            self._access_log.turn_ended(now)

    def close(self) -> None:
        """Hand it on."""
        if self._access_log is not None:
            self._access_log.close()
