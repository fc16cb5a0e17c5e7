"""What the whole server does now.

One job: the values, and reading them from the workers' places.
Must not know: who asks, how it is shown.
"""

import time
from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from veche.server.processes.workers.child import Child
from veche.server.scoreboard.counters import Counter
from veche.server.scoreboard.memory import resident_octets
from veche.server.scoreboard.reader import RequestReading, Scoreboard
from veche.server.verdicts.verdict import Verdict

MOST_REQUESTS: Final = 200  # of one worker; the longest


class RequestStatus(Struct, frozen=True):
    """One request in the application, in words and numbers that need no table."""

    request: str  # "GET /path?query", cut when long
    peer: str
    doing: str  # running, queued, reading, writing, websocket, lost
    seconds: float
    octets_in: int
    octets_out: int


class WorkerStatus(Struct, frozen=True, kw_only=True):
    """One worker."""

    number: int
    place: int  # in the scoreboard; another worker has it when this one has ended
    pid: int
    state: str
    seconds: float  # in this state
    beat_seconds: float | None  # since its loop turned last; None before it serves
    accepting: bool
    connections: int
    websockets: int
    requests: int  # so far
    running: int  # requests in the application now
    threads_lost: int
    resident_octets: int
    requests_running: tuple[RequestStatus, ...]  # longest first, MOST_REQUESTS at most


class ServerStatus(Struct, frozen=True, kw_only=True):
    """One server: a master and its workers."""

    application: str
    pid: int
    stage: str
    addresses: tuple[str, ...]
    seconds: float  # since its start
    workers_wanted: int
    workers: tuple[WorkerStatus, ...]
    totals: dict[str, int]  # since its start, workers that have ended included
    verdicts: tuple[Verdict, ...] = ()


def request_status(reading: RequestReading) -> RequestStatus:
    """What one request does now."""
    return RequestStatus(
        reading.request,
        reading.peer,
        reading.doing.name.lower(),
        reading.seconds,
        reading.octets_in,
        reading.octets_out,
    )


def worker_status(child: Child, now: float) -> WorkerStatus:
    """What one worker does now, told by its place: it need not be able to answer."""
    reading = child.place.read(most_requests=MOST_REQUESTS)
    counters = reading.counters
    return WorkerStatus(
        number=child.number,
        place=child.place.number,
        pid=child.process.pid,
        state=child.state.value,
        seconds=now - child.state_since,
        beat_seconds=reading.beat_seconds,
        accepting=reading.accepting,
        connections=reading.connections,
        websockets=counters[Counter.WEBSOCKETS],
        requests=counters[Counter.REQUESTS],
        running=reading.in_flight,
        threads_lost=counters[Counter.THREADS_LOST],
        resident_octets=resident_octets(child.process.pid) or counters[Counter.RESIDENT_OCTETS],
        requests_running=tuple(map(request_status, reading.requests)),
    )


def worker_statuses(children: Sequence[Child]) -> tuple[WorkerStatus, ...]:
    """All of them, oldest first."""
    now = time.monotonic()
    return tuple(worker_status(child, now) for child in children)


TOTALS: Final = (
    Counter.REQUESTS,
    Counter.CONNECTIONS,
    Counter.REFUSED_CONNECTIONS,
    Counter.SILENT_CLIENTS,
    Counter.OVERDUE,
    Counter.THREADS_EVER_LOST,
    Counter.ACCEPT_PAUSES,
)


def totals_by_name(scoreboard: Scoreboard, children: Sequence[Child]) -> dict[str, int]:
    """What is counted in every worker alike."""
    totals = scoreboard.totals([child.place for child in children])
    return {counter.name.lower(): totals[counter] for counter in TOTALS}
