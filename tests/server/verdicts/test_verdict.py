"""Which end gets which verdict, and that the words say who did it and what to do."""

import signal
from typing import Any

import pytest

from veche.server.scoreboard.layout import Doing
from veche.server.scoreboard.reader import RequestReading
from veche.server.verdicts import Incident, IncidentKind
from veche.server.verdicts.verdict import Ending, Kind, Leaving, Verdict, verdict_of_ending, verdict_of_incident


def ended(return_code: int, **facts: Any) -> Verdict:
    known: dict[str, Any] = {
        "our_kind": None,
        "our_reason": "",
        "our_signal": signal.SIGKILL if facts.get("our_kind") else 0,
        "memory_kills": 0,
        "resident_octets": 0,
        "failure": "",
        "failure_traceback": "",
        "culprit": None,
        "requests": (),
        "in_flight": len(facts.get("requests", ())) + ("culprit" in facts),
        "thread_stacks": "",
        "task_stacks": "",
    }
    return verdict_of_ending(Ending(worker=3, pid=4711, return_code=return_code, **(known | facts)))


def reading(request: str, seconds: float, doing: Doing = Doing.RUNNING) -> RequestReading:
    return RequestReading(request=request, peer="192.0.2.7:5", doing=doing, seconds=seconds, octets_in=0, octets_out=0)


def test_an_exit_by_itself_is_the_applications() -> None:
    verdict = ended(7)
    assert (verdict.kind, verdict.what) == (Kind.EXITED, "exited with code 7")
    assert "os._exit" in verdict.advice


def test_an_end_that_the_worker_announced_is_told_by_its_cause() -> None:
    by_signal = ended(0, leaving=Leaving.TERMINATED)
    assert by_signal.kind is Kind.KILLED_FROM_OUTSIDE
    assert "because of a SIGTERM; not by us" in by_signal.what
    assert ended(1, leaving=Leaving.NO_MEMORY).kind is Kind.OUT_OF_MEMORY
    assert ended(7, leaving=Leaving.TERMINATED).kind is Kind.EXITED  # os._exit(7), while it drained


def test_an_application_that_does_not_start_keeps_its_traceback() -> None:
    verdict = ended(3, failure="importing site failed: KeyError", failure_traceback="Traceback\n  line\n")
    assert verdict.kind is Kind.NOT_STARTED
    assert verdict.what == "exited with code 3: importing site failed: KeyError"
    assert verdict.evidence == "Traceback\n  line"


def test_a_kill_that_the_kernel_counted_is_for_want_of_memory() -> None:
    verdict = ended(-signal.SIGKILL, memory_kills=1, resident_octets=800 * 2**20)
    assert verdict.kind is Kind.OUT_OF_MEMORY
    assert "by the kernel: memory ran out; it held 800 MiB" in verdict.what


def test_a_kill_that_nobody_counted_was_somebody() -> None:
    verdict = ended(-signal.SIGKILL)
    assert verdict.kind is Kind.KILLED_FROM_OUTSIDE
    assert verdict.what.startswith("killed by signal 9 (SIGKILL); not by us: somebody's `kill -9`")


def test_our_own_kill_is_never_taken_for_the_kernels() -> None:  # gunicorn: "Perhaps out of memory?" for its own
    verdict = ended(-signal.SIGKILL, our_kind=Kind.LOOP_STALLED, our_reason="it hung", memory_kills=1)
    assert verdict.kind is Kind.LOOP_STALLED
    assert verdict.what == "killed by signal 9 (SIGKILL) by us: it hung"


def test_a_fault_while_it_is_asked_for_its_stacks_is_not_ours_and_keeps_what_was_known() -> None:
    verdict = ended(-signal.SIGSEGV, our_kind=Kind.LOOP_STALLED, our_reason="it hung", our_signal=0)
    assert verdict.kind is Kind.LOOP_STALLED
    assert verdict.what == (
        "killed by signal 11 (SIGSEGV) while it was asked for its stacks, not by us (a fault in C code): it hung"
    )
    assert "blocking call" in verdict.advice


def test_a_kill_before_ours_is_not_ours() -> None:
    stalled: dict[str, Any] = {"our_kind": Kind.LOOP_STALLED, "our_reason": "it hung", "our_signal": 0}
    assert "not by us: it hung" in ended(-signal.SIGKILL, **stalled).what
    assert ended(-signal.SIGKILL, **stalled, memory_kills=1).kind is Kind.OUT_OF_MEMORY


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGILL, signal.SIGFPE])
def test_a_fault_in_c_code_keeps_its_stack(number: signal.Signals) -> None:
    verdict = ended(-number, thread_stacks='File "a.py", line 3 in f\n')
    assert verdict.kind is Kind.FAULT
    assert number.name in verdict.what
    assert 'File "a.py", line 3 in f' in verdict.evidence


def test_a_signal_without_a_name_is_a_number() -> None:
    assert ended(-40).what == "killed by signal 40 (signal 40); not by us"


@pytest.mark.parametrize("kind", [Kind.LOOP_STALLED, Kind.NOT_READY, Kind.NOT_ENDED, Kind.KILLED_BY_US])
def test_whatever_we_kill_for_has_a_reason_and_an_advice(kind: Kind) -> None:
    verdict = ended(-signal.SIGKILL, our_kind=kind, our_reason="r")
    assert verdict.why
    assert verdict.advice


def test_the_evidence_names_the_requests_the_longest_first_and_websockets_last() -> None:
    requests = [reading("GET /chat", 900, Doing.WEBSOCKET), reading("GET /quick", 1), reading("GET /slow", 31.24)]
    lines = ended(-9, requests=requests).evidence.splitlines()
    assert lines[1] == "  GET /slow from 192.0.2.7:5, running for 31.2 s"
    assert [line.split()[1] for line in lines[1:]] == ["/slow", "/quick", "/chat"]


def test_of_a_loop_that_stood_still_the_request_that_ran_comes_first_then_the_longest() -> None:
    requests = [reading(f"GET /waits{number}", 100 - number) for number in range(30)]
    stalled: dict[str, Any] = {"our_kind": Kind.LOOP_STALLED, "our_reason": "it hung", "requests": requests}
    lines = ended(-9, **stalled, culprit=reading("GET /blocks", 5)).evidence.splitlines()
    assert lines[:2] == ["In the loop's thread then:", "  GET /blocks from 192.0.2.7:5, running for 5.0 s"]
    assert lines[2] == "Besides, the longest first:"
    assert [line.split()[1] for line in lines[3:-1]] == [f"/waits{number}" for number in range(20)]
    assert lines[-1] == "  and 10 more"


@pytest.mark.parametrize(
    ("code", "facts"),
    [(-9, {"our_kind": Kind.LOOP_STALLED, "our_reason": "it hung"}), (-signal.SIGSEGV, {}), (1, {})],
    ids=["stalled", "fault", "exited"],
)
def test_when_it_is_not_known_what_ran_the_newest_come_first_and_those_last_that_wait(
    code: int, facts: dict[str, Any]
) -> None:
    waiting = [reading(f"GET /read{number}", 1, Doing.READING) for number in range(3)]
    running = [reading(f"GET /run{number}", 10 - number) for number in range(3)]
    lines = ended(code, **facts, requests=[reading("GET /chat", 1, Doing.WEBSOCKET), *waiting, *running]).evidence
    assert "which of them ran is not known" in lines
    shown = [line.split()[1] for line in lines.splitlines() if line.startswith("  GET")]
    assert shown == ["/run2", "/run1", "/run0", "/read0", "/read1", "/read2", "/chat"]


def test_the_evidence_is_bounded() -> None:
    evidence = ended(-9, requests=[reading("GET /", 1.0)] * 100).evidence
    assert len(evidence.splitlines()) == 22
    assert evidence.endswith("and 80 more")


def test_each_kind_of_incident_has_words() -> None:
    for kind in IncidentKind:
        incident = Incident(
            kind=kind, request="GET /x", peer="h:1", seconds=60.04, stacks="S\n", threads_lost=2, threads=8
        )
        verdict = verdict_of_incident(incident, worker=1, pid=2)
        assert verdict.advice
        assert verdict.evidence == "S"
        assert "GET /x from h:1 took 60.0 s" in verdict.what or "2 of 8 threads are lost" in verdict.what


@pytest.mark.parametrize(
    ("kind", "setting"),
    [
        (IncidentKind.REQUEST_OVERDUE, "--request-seconds"),
        (IncidentKind.HANDSHAKE_OVERDUE, "--websocket-handshake-seconds"),
    ],
)
def test_what_is_overdue_is_told_with_the_setting_that_bounds_it(kind: IncidentKind, setting: str) -> None:
    assert setting in verdict_of_incident(Incident(kind=kind), worker=1, pid=2).why
