"""What happened, why, and what to do, in words.

One job: from the facts of an end or of an incident to a Verdict.
Must not know: processes, logs; who keeps verdicts (history.py).
"""

import os
import signal
from collections.abc import Sequence
from enum import Enum
from typing import Final

from msgspec import Struct

from veche.server.scoreboard.layout import Doing
from veche.server.scoreboard.reader import RequestReading
from veche.server.verdicts.incidents import Incident, IncidentKind

MOST_REQUESTS: Final = 20


class Kind(Enum):
    """What is told apart."""

    REQUEST_OVERDUE = "request-overdue"
    HANDSHAKE_OVERDUE = "handshake-overdue"
    THREAD_LOST = "thread-lost"
    THREADS_USED_UP = "threads-used-up"
    LOOP_STALLED = "loop-stalled"
    STOPPED_FROM_OUTSIDE = "stopped-from-outside"
    OUT_OF_MEMORY = "out-of-memory"
    KILLED_FROM_OUTSIDE = "killed-from-outside"
    FAULT = "fault"
    EXITED = "exited"
    NOT_STARTED = "not-started"
    NOT_READY = "not-ready"
    NOT_ENDED = "not-ended"
    KILLED_BY_US = "killed-by-us"


class Leaving(Enum):
    """Why a worker says that it leaves by itself."""

    TERMINATED = "terminated"  # a TERM has come: whether it was the master's, only the master knows
    NO_MEMORY = "no-memory"


class Verdict(Struct, frozen=True, kw_only=True):
    """One thing that went wrong. evidence: requests and stacks, on lines of their own."""

    kind: Kind
    worker: int
    pid: int
    what: str
    why: str
    advice: str
    evidence: str = ""
    moment: float = 0.0  # seconds since 1970
    times: int = 1  # this and how many like it since


class Ending(Struct, frozen=True, kw_only=True):
    """How a worker ended, and what was known of it then."""

    worker: int
    pid: int
    return_code: int  # as subprocess gives it: negative is a signal
    our_kind: Kind | None  # why we killed it, or were going to
    our_reason: str
    our_signal: int  # by which we killed it; 0: we had not yet
    memory_kills: int  # by the kernel for want of memory, in our cgroup (or machine) since the last look
    resident_octets: int  # of memory, when it was last seen
    leaving: Leaving | None = None  # what it said of its end
    failure: str  # why the application did not start, in the worker's words
    failure_traceback: str
    culprit: RequestReading | None  # the one that the loop's thread ran, if the worker could still tell
    requests: Sequence[RequestReading]  # the others: the longest and the newest
    in_flight: int  # how many there were in all
    thread_stacks: str
    task_stacks: str


FAULTS: Final = frozenset({signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGFPE, signal.SIGABRT})


def signal_name(number: int) -> str:
    """SIGKILL for 9; "signal 40" for one without a name."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def verdict_of_ending(ending: Ending) -> Verdict:
    """The verdict on a worker that ended though nobody had asked it to, or not in the time it was given."""
    kind, what, why, advice = _judge(ending)
    return Verdict(
        kind=kind,
        worker=ending.worker,
        pid=ending.pid,
        what=what,
        why=why,
        advice=advice,
        evidence=_evidence(ending, kind),
    )


def _judge(ending: Ending) -> tuple[Kind, str, str, str]:
    code = ending.return_code
    if ending.failure:
        return (
            Kind.NOT_STARTED,
            f"exited with code {code}: {ending.failure}",
            "the application raised while it was imported, or refused to start",
            "mend it: the next worker starts with the code as it is then",
        )
    if ending.leaving is not None and code == LEFT_WITH[ending.leaving]:
        return LEFT[ending.leaving]
    if code >= 0:
        return (
            Kind.EXITED,
            f"exited with code {code}",
            "the application, or a library it uses, ended the process by itself",
            "look for os._exit in the application (sys.exit ends no worker); what it printed stands above in the log",
        )
    killed = f"killed by signal {-code} ({signal_name(-code)})"
    by_us = -code == ending.our_signal
    for_memory = -code == signal.SIGKILL and ending.memory_kills > 0
    if ending.our_kind is not None and (by_us or not for_memory):
        why, advice = OURS[ending.our_kind]
        who = "by us" if by_us else f"while it was asked for its stacks, not by us{_fault(-code)}"
        return ending.our_kind, f"{killed} {who}: {ending.our_reason}", why, advice
    if for_memory:
        held = f"; it held {_size(ending.resident_octets)}" if ending.resident_octets else ""
        return (
            Kind.OUT_OF_MEMORY,
            f"{killed} by the kernel: memory ran out{held}",
            "the kernel counted a process killed for want of memory at that moment, in our control group or machine",
            "give the container more memory, run fewer workers, or find what grows; "
            "--recycle-rss-octets replaces a worker before the kernel does",
        )
    if -code == signal.SIGKILL:
        return (
            Kind.KILLED_FROM_OUTSIDE,
            f"{killed}; not by us: somebody's `kill -9` (the kernel counted nobody killed for want of memory)",
            "another process sent it the signal",
            "look at who may send signals here: an operator, a supervisor, an orchestrator's liveness probe",
        )
    if -code in FAULTS:
        return (
            Kind.FAULT,
            f"{killed}; not by us: {FAULT_WORDS.get(-code, 'a fault in C code')}",
            "C code of the application or of a library it uses failed; its stack stands in the evidence",
            "the first line of the stack names the call; upgrade or replace the package it belongs to",
        )
    return (
        Kind.KILLED_FROM_OUTSIDE,
        f"{killed}; not by us{': somebody asked this worker alone to end' if -code == signal.SIGTERM else ''}",
        "another process sent it the signal",
        "signals are for the master's pid; it passes on to its workers what they must know",
    )


def _fault(number: int) -> str:
    return " (a fault in C code)" if number in FAULTS else ""


LEFT_WITH: Final = {Leaving.TERMINATED: 0, Leaving.NO_MEMORY: 1}  # another code is the application's own end meanwhile

LEFT: Final = {
    Leaving.TERMINATED: (
        Kind.KILLED_FROM_OUTSIDE,
        "drained and ended because of a SIGTERM; not by us: somebody asked this worker alone to end",
        "another process sent it the signal",
        "signals are for the master's pid; it passes on to its workers what they must know",
    ),
    Leaving.NO_MEMORY: (
        Kind.OUT_OF_MEMORY,
        "ended by itself: memory ran out, and it could accept nobody any more",
        "Python got no memory (MemoryError), though the kernel killed nobody: a limit of this process (ulimit -v, "
        "LimitAS= of the unit), or a machine that does not overcommit",
        "raise that limit, run fewer threads, or find what grows; "
        "--recycle-rss-octets replaces a worker before it has nothing left",
    ),
}

FAULT_WORDS: Final = {
    int(signal.SIGSEGV): "a fault in C code, of the application or a library",
    int(signal.SIGBUS): "a fault in C code, or a mapped file that shrank",
    int(signal.SIGABRT): "C code gave up, or somebody's `kill -ABRT`",
    int(signal.SIGILL): "an instruction this processor does not have: a wheel built for another one",
}

OURS: Final = {
    Kind.LOOP_STALLED: (
        "code that blocks ran in the event loop's thread, so that nobody else was served by this worker",
        "find the blocking call in the stacks and await it, or run it in a thread (asyncio.to_thread); "
        "if it is right that it takes so long, raise --loop-stall-seconds",
    ),
    Kind.STOPPED_FROM_OUTSIDE: (
        "the kernel says that the process was stopped: somebody sent it SIGSTOP (or a debugger did), no code of it ran",
        "find who sent the signal: an operator, a supervisor, a debugger that let go of it; `kill -CONT` within "
        "--loop-stall-seconds lets a stopped worker go on, and 0 waits for ever",
    ),
    Kind.NOT_READY: (
        "importing or starting the application took too long; the stacks show where it was",
        "make the start quicker or raise --startup-seconds",
    ),
    Kind.NOT_ENDED: (
        "a request, a thread or the application's own shut-down goes on; the stacks show where",
        "let long work notice the end (http.disconnect, lifespan.shutdown), or raise --drain-seconds",
    ),
    Kind.KILLED_BY_US: ("an operator asked for it, or the worker did not speak our language", "see the reason"),
}


def verdict_of_incident(incident: Incident, *, worker: int, pid: int) -> Verdict:
    """The verdict on something that went wrong inside a worker that serves on."""
    took = f"{incident.request} from {incident.peer or 'an unnamed client'} took {incident.seconds:.1f} s"
    match incident.kind:
        case IncidentKind.REQUEST_OVERDUE:
            kind, what = Kind.REQUEST_OVERDUE, f"{took}: answered 504 and cancelled; the worker serves on"
            why = "the application did not begin its response within --request-seconds"
            advice = "the last line of the stack is what it waited for: give that a time limit of its own"
        case IncidentKind.HANDSHAKE_OVERDUE:
            kind = Kind.HANDSHAKE_OVERDUE
            what = f"{took} without accepting its WebSocket: answered 504 and cancelled; the worker serves on"
            why = "the application neither accepted nor denied it within --websocket-handshake-seconds"
            advice = (
                "send websocket.accept, or websocket.close, before what takes long; "
                "the last line of the stack is what it waited for"
            )
        case IncidentKind.THREAD_LOST:
            kind = Kind.THREAD_LOST
            what = f"{took}: answered 504; its thread is lost ({incident.threads_lost} of {incident.threads})"
            why = "the application did not answer within --request-seconds, and no thread can be stopped from outside"
            advice = "the last line of the stack is where the thread stands: give that call a time limit of its own"
        case IncidentKind.THREADS_USED_UP:
            kind = Kind.THREADS_USED_UP
            what = f"{incident.threads_lost} of {incident.threads} threads are lost: the worker is being replaced"
            why = "each of them stands in a request whose time is over"
            advice = "see the verdicts on the lost threads before this one"
    if incident.untold:
        what += f" (and {incident.untold} more like it before, which are only counted)"
    return Verdict(
        kind=kind, worker=worker, pid=pid, what=what, why=why, advice=advice, evidence=incident.stacks.rstrip("\n")
    )


def _evidence(ending: Ending, kind: Kind) -> str:
    parts = [*ending.failure_traceback.splitlines(), *_request_lines(ending, kind)]
    threads = readable_thread_stacks(ending.thread_stacks)
    if threads:
        parts.append("Its threads (the most recent call first):")
        parts += [f"  {line}" for line in threads]
    if ending.task_stacks:
        parts.append("Its Tasks (the most recent call last):")
        parts += [f"  {line}" for line in ending.task_stacks.splitlines()]
    return "\n".join(parts)


def _request_lines(ending: Ending, kind: Kind) -> list[str]:
    """The request that did it first, as far as it is known, then the others; how many are not shown."""
    lines = []
    culprit, others = ending.culprit if kind in DONE_BY_ONE else None, list(ending.requests)
    if culprit is not None:
        lines += ["In the loop's thread then:", f"  {request_words(culprit)}"]
    elif ending.culprit is not None:
        others.append(ending.culprit)
    if not others:
        return lines
    if culprit is None and kind in DONE_BY_ONE and len(others) > 1:
        # What runs came last, unless it had waited before; those that wait for their client are not it.
        others.sort(key=lambda request: (SUSPICION.get(request.doing, 1), request.seconds))
        lines.append("In the application then; which of them ran is not known, the newest are the likeliest:")
    else:
        others.sort(key=lambda request: (request.doing is Doing.WEBSOCKET, -request.seconds))
        lines.append("In the application then:" if culprit is None else "Besides, the longest first:")
    shown = others[:MOST_REQUESTS]
    lines += [f"  {request_words(request)}" for request in shown]
    left = ending.in_flight - len(shown) - (culprit is not None)
    return [*lines, f"  and {left} more"] if left > 0 else lines


# One request ended the worker: whatever ran in that moment. In other ends the longest are worth a look.
DONE_BY_ONE: Final = frozenset({Kind.LOOP_STALLED, Kind.FAULT, Kind.EXITED})
SUSPICION: Final = {Doing.RUNNING: 0, Doing.WEBSOCKET: 2}


def readable_thread_stacks(text: str) -> list[str]:
    """faulthandler's lines without the server's own below the application's, and without threads that are all ours."""
    shown: list[str] = []
    for block in text.strip().split("\n\n"):
        lines = block.splitlines()
        last = max((number for number, line in enumerate(lines) if _is_theirs(line)), default=-1)
        is_current = "Current thread" in block and "in _tell_stacks" not in block  # that one was only asked
        if last >= 0 or is_current or "Fatal" in block:
            shown += lines[: last + 1] if last >= 0 else lines
    return shown


def _is_theirs(line: str) -> bool:
    return line.lstrip().startswith("File ") and not any(part in line for part in NOT_THEIRS)


NOT_THEIRS: Final = (
    f"{os.sep}veche{os.sep}server{os.sep}",
    f"{os.sep}veche{os.sep}wire{os.sep}",
    f"{os.sep}asyncio{os.sep}",
    f"{os.sep}threading.py",
    "<frozen ",
)


def request_words(request: RequestReading) -> str:
    """One request on one line."""
    peer = request.peer or "an unnamed client"
    return f"{request.request} from {peer}, {request.doing.name.lower()} for {request.seconds:.1f} s"


def _size(octets: int) -> str:
    return f"{octets / 2**20:.0f} MiB"
