"""What a server says about itself, for people: `veche status` and `veche doctor`.

One job: from the values to text, the worst first.
Must not know: where the values come from. Whatever a stranger may have sent is escaped.
"""

import time
from collections.abc import Iterator, Sequence
from typing import Final

import click

from veche.log import escape_controls
from veche.server.inspection import RequestStatus, ServerStatus, Verdict, WorkerStatus

STANDS_STILL_SECONDS: Final = 3.0  # a loop that turns beats once a second
LONG_SECONDS: Final = 5.0
SHOWN_REQUESTS: Final = 30
SHOWN_VERDICTS: Final = 10

WORKER_HEAD: Final = ("worker", "pid", "state", "for", "connections", "websockets", "in flight", "requests", "memory")
REQUEST_HEAD: Final = ("worker", "for", "state", "request", "peer", "in", "out")


def status_text(server: ServerStatus) -> str:
    """Who does what now."""
    return "".join(line + "\n" for line in _status_lines(server))


def doctor_text(server: ServerStatus | None, verdicts: Sequence[Verdict], *, whole: bool = False) -> str:
    """What went wrong, the newest first, and what to do. whole: all that is kept."""
    return "".join(line + "\n" for line in _doctor_lines(server, verdicts, whole=whole))


def _status_lines(server: ServerStatus) -> Iterator[str]:
    yield f"{click.style(server.application, bold=True)}  pid {server.pid}, {server.stage}, up {span(server.seconds)}"
    yield f"  {', '.join(server.addresses)}"
    yield ""
    workers = sorted(server.workers, key=_how_bad, reverse=True)
    rows = [_worker_row(worker) for worker in workers]
    yield from _table(WORKER_HEAD, rows, [_worker_colour(worker) for worker in workers], right=(1, 3, 4, 5, 6, 7, 8))
    requests = [(worker.number, request) for worker in workers for request in worker.requests_running]
    requests.sort(key=lambda pair: (pair[1].doing == "websocket", -pair[1].seconds))
    yield ""
    if not requests:
        yield "Nothing is in flight."
        return
    yield "In flight, the longest first:"
    shown = requests[:SHOWN_REQUESTS]
    rows = [_request_row(number, request) for number, request in shown]
    yield from _table(REQUEST_HEAD, rows, [_request_colour(request) for _, request in shown], right=(0, 1, 5, 6))
    running = sum(worker.running for worker in server.workers)
    if running > len(shown):
        yield f"  and {running - len(shown)} more (--json has the longest of each worker)"


def _doctor_lines(server: ServerStatus | None, verdicts: Sequence[Verdict], *, whole: bool) -> Iterator[str]:
    if server is not None:
        yield from _health_lines(server)
    if not verdicts:
        yield "Nothing went wrong as far as is remembered: no worker was ended, no request ran over its time."
        return
    newest = list(reversed(verdicts))
    shown = newest if whole else newest[:SHOWN_VERDICTS]
    yield f"{_count(len(newest), 'verdict')}, the newest first:"
    for verdict in shown:
        yield ""
        yield from _verdict_lines(verdict)
    if len(shown) < len(newest):
        yield ""
        yield f"and {len(newest) - len(shown)} older ones: veche doctor --all"


def _health_lines(server: ServerStatus) -> Iterator[str]:
    serving = sum(worker.state == "serving" for worker in server.workers)
    name = click.style(server.application, bold=True)
    yield (
        f"{name} (pid {server.pid}) is {server.stage}, up {span(server.seconds)}, "
        f"with {serving} of {_count(server.workers_wanted, 'worker')} serving."
    )
    for worker in server.workers:
        if stands_still(worker):
            words = f"worker {worker.number} (pid {worker.pid}) stands still: its loop last turned "
            yield click.style(f"NOW: {words}{span(worker.beat_seconds or 0.0)} ago", fg="red")
        if worker.threads_lost:
            yield click.style(f"NOW: worker {worker.number} has lost {_count(worker.threads_lost, 'thread')}", fg="red")
    silent = server.totals.get("silent_clients", 0)
    if silent:
        yield f"{_count(silent, 'client')} stayed silent and had to go: that hurts nobody."
    refused = server.totals.get("refused_connections", 0)
    if refused:
        yield f"{_count(refused, 'connection')} refused: too many of one address (--connections-per-address)."
    yield ""


def _verdict_lines(verdict: Verdict) -> Iterator[str]:
    ago = span(max(0.0, time.time() - verdict.moment))
    times = f", {verdict.times} times by now" if verdict.times > 1 else ""
    title = click.style(verdict.kind.value, fg="red", bold=True)
    yield f"{title}  worker {verdict.worker} (pid {verdict.pid}), {ago} ago{times}"
    yield f"  What   {escape_controls(verdict.what)}"
    yield f"  Why    {escape_controls(verdict.why)}"
    yield f"  To do  {escape_controls(verdict.advice)}"
    for line in verdict.evidence.splitlines():
        yield f"    | {escape_controls(line)}"


def _worker_row(worker: WorkerStatus) -> list[str]:
    state = worker.state
    seconds = worker.seconds
    if stands_still(worker):
        state, seconds = "STANDS STILL", worker.beat_seconds or 0.0
    if worker.threads_lost:
        state += f", {_count(worker.threads_lost, 'thread')} lost"
    if worker.state == "serving" and not worker.accepting:
        state += ", accepts nobody"
    numbers = (worker.connections, worker.websockets, worker.running, worker.requests)
    memory = f"{worker.resident_octets / 2**20:.0f} MiB"
    return [str(worker.number), str(worker.pid), state, span(seconds), *(str(n) for n in numbers), memory]


def _request_row(number: int, request: RequestStatus) -> list[str]:
    name, peer = escape_controls(request.request), escape_controls(request.peer or "-")
    octets = [str(n) if n else "-" for n in (request.octets_in, request.octets_out)]
    return [str(number), span(request.seconds), request.doing, name, peer, *octets]


def stands_still(worker: WorkerStatus) -> bool:
    """Whether its loop has not turned for longer than a loop that turns can be silent."""
    return worker.state != "starting" and (worker.beat_seconds or 0.0) > STANDS_STILL_SECONDS


def _how_bad(worker: WorkerStatus) -> tuple[bool, int, bool, int]:
    return stands_still(worker), worker.threads_lost, worker.state != "serving", worker.running


def _worker_colour(worker: WorkerStatus) -> str | None:
    if stands_still(worker) or worker.threads_lost:
        return "red"
    return None if worker.state == "serving" else "yellow"


def _request_colour(request: RequestStatus) -> str | None:
    if request.doing == "lost":
        return "red"
    return "yellow" if request.doing != "websocket" and request.seconds > LONG_SECONDS else None


def _table(
    head: Sequence[str], rows: Sequence[Sequence[str]], colours: Sequence[str | None], *, right: Sequence[int]
) -> Iterator[str]:
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    for row, colour in zip((head, *rows), (None, *colours), strict=True):
        cells = [
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        line = "  " + "  ".join(cells).rstrip()
        yield click.style(line, fg=colour) if colour else line


def span(seconds: float) -> str:
    """12.3 s, 4 min, 2.5 h, 3.1 d."""
    if seconds < 100:
        return f"{seconds:.1f} s"
    if seconds < 6000:
        return f"{seconds / 60:.0f} min"
    if seconds < 100 * 3600:
        return f"{seconds / 3600:.1f} h"
    return f"{seconds / 86400:.1f} d"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
