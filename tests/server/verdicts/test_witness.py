"""What a worker sees is told, and a flood of it hurts nobody."""

import threading

from veche.server.scoreboard import Counter, Doing, open_board, peer_label
from veche.server.scoreboard.reader import Scoreboard
from veche.server.verdicts import Incident, IncidentKind
from veche.server.verdicts.witness import TOLD_EACH_SECOND, Witness
from veche.wire.label import request_label


class Seen:
    """A witness on a board that can be read."""

    def __init__(self) -> None:
        scoreboard = Scoreboard()
        self.place = scoreboard.take_place()
        self.board = open_board(scoreboard.descriptor, self.place.number)
        self.told: list[Incident] = []
        self.witness = Witness(self.board, self.told.append)
        self.slot = self.board.enter(request_label("GET", b"/x"), peer_label(("192.0.2.7", 5)))


def test_a_request_over_its_time_is_told_with_its_stack_and_shown_as_lost() -> None:
    seen = Seen()
    seen.witness.request_overdue(seen.slot, lambda: "the stack")
    [incident] = seen.told
    assert (incident.kind, incident.request, incident.peer) == (
        IncidentKind.REQUEST_OVERDUE,
        "GET /x",
        "192.0.2.7:5",
    )
    assert incident.stacks == "the stack"
    assert seen.place.requests()[0].doing is Doing.LOST
    assert seen.place.counters()[Counter.OVERDUE] == 1


def test_a_websocket_that_was_not_accepted_in_time_is_told_as_such() -> None:
    seen = Seen()
    seen.witness.handshake_overdue(seen.slot, lambda: "the stack")
    [incident] = seen.told
    assert (incident.kind, incident.request) == (IncidentKind.HANDSHAKE_OVERDUE, "GET /x")
    assert seen.place.counters()[Counter.OVERDUE] == 1


def test_a_lost_thread_is_named_with_its_stack_and_counted_back_when_it_returns() -> None:
    seen = Seen()
    seen.witness.thread_lost(seen.slot, threading.get_ident(), lost=1, threads=8)
    [incident] = seen.told
    assert "in test_a_lost_thread_is_named" in incident.stacks
    assert (incident.threads_lost, incident.threads) == (1, 8)
    assert seen.place.counters()[Counter.THREADS_LOST] == 1
    seen.witness.thread_found(lost=0)
    assert seen.place.counters()[Counter.THREADS_LOST] == 0
    assert seen.place.counters()[Counter.THREADS_EVER_LOST] == 1


def test_a_flood_is_counted_and_only_its_beginning_is_told() -> None:
    seen = Seen()
    taken = []

    def stacks() -> str:
        taken.append(1)
        return ""

    for _ in range(1000):
        seen.witness.request_overdue(seen.slot, stacks)
    assert len(seen.told) == len(taken) <= 2 * TOLD_EACH_SECOND  # the clock's second may end in between
    assert seen.place.counters()[Counter.OVERDUE] == 1000


def test_what_was_not_told_is_mentioned_by_the_next_that_is() -> None:
    seen = Seen()
    for _ in range(TOLD_EACH_SECOND + 5):
        seen.witness.request_overdue(seen.slot, str)
    seen.witness._second = 0  # a second later
    seen.witness.request_overdue(seen.slot, str)
    assert sum(incident.untold for incident in seen.told) == TOLD_EACH_SECOND + 6 - len(seen.told)


def test_a_worker_without_threads_says_so_in_a_flood_too() -> None:
    seen = Seen()
    for _ in range(TOLD_EACH_SECOND + 5):
        seen.witness.request_overdue(seen.slot, str)
    seen.witness.threads_used_up(lost=7, threads=8)
    assert seen.told[-1].kind is IncidentKind.THREADS_USED_UP


def test_a_stack_that_cannot_be_taken_costs_nothing() -> None:
    def stacks() -> str:
        raise LookupError("the application's awaitable")

    seen = Seen()
    seen.witness.request_overdue(seen.slot, stacks)
    assert "no stack could be taken: LookupError" in seen.told[0].stacks
