"""The shared memory: what a worker writes is what the master reads, during its life and after it."""

import os

import pytest

from veche.server.scoreboard import Board, Counter, Doing, open_board, peer_label
from veche.server.scoreboard.layout import PEER_OCTETS, PLACES, SLOTS
from veche.server.scoreboard.reader import Place, Scoreboard
from veche.wire.label import LABEL_OCTETS, label_text, request_label


def seat(scoreboard: Scoreboard) -> tuple[Place, Board]:
    place = scoreboard.take_place()
    return place, open_board(scoreboard.descriptor, place.number)


def enter(board: Board, target: bytes = b"/", client: tuple[str, int] = ("127.0.0.1", 1)) -> object:
    return board.enter(request_label("GET", target), peer_label(client))


def test_a_request_in_the_application_is_read_with_its_line_its_peer_and_what_it_does() -> None:
    place, board = seat(Scoreboard())
    slot = board.enter(request_label("POST", b"/orders?id=7"), peer_label(("192.0.2.7", 4711)))
    board.move(slot, Doing.READING)
    board.count(slot, octets_in=10, octets_out=20)
    [request] = place.requests()
    assert (request.request, request.peer, request.doing) == ("POST /orders?id=7", "192.0.2.7:4711", Doing.READING)
    assert (request.octets_in, request.octets_out) == (10, 20)
    assert 0 <= request.seconds < 60
    board.leave(slot)
    assert place.requests() == []


def test_only_the_longest_are_read_when_there_are_many() -> None:
    place, board = seat(Scoreboard())
    for number in range(10):
        slot = board.enter(request_label("GET", b"/%d" % number), peer_label(None))
        board.cells[slot.cell] -= (10 - number) * 60_000 << 8  # the first came ten minutes ago
    reading = place.read(most_requests=2)
    assert reading.in_flight == 10
    assert [request.request for request in reading.requests] == ["GET /0", "GET /1"]
    assert reading.requests[0].seconds > 599


def test_two_workers_have_places_of_their_own() -> None:
    scoreboard = Scoreboard()
    (first, first_board), (second, second_board) = seat(scoreboard), seat(scoreboard)
    enter(first_board, b"/first")
    enter(second_board, b"/second")
    assert [r.request for r in first.requests()] == ["GET /first"]
    assert [r.request for r in second.requests()] == ["GET /second"]


def test_a_slot_that_was_left_is_used_again() -> None:
    place, board = seat(Scoreboard())
    for number in range(100):
        slot = board.enter(request_label("GET", b"/%d" % number), peer_label(None))
        board.count(slot, octets_in=1, octets_out=2)
        board.leave(slot)
    enter(board)
    assert place.counters()[Counter.SLOTS_USED] == 1
    [request] = place.requests()
    assert (request.octets_in, request.octets_out) == (0, 0)  # not what the last one left


def test_more_requests_than_slots_are_served_and_the_surplus_is_not_shown() -> None:
    place, board = seat(Scoreboard())
    slots = [board.enter(request_label("GET", b"/"), peer_label(None)) for _ in range(SLOTS + 5)]
    assert len(place.requests()) == SLOTS - 1
    for slot in slots:
        board.leave(slot)
    assert place.requests() == []


def test_a_place_is_clean_for_the_next_worker_and_the_totals_of_the_last_one_are_kept() -> None:
    scoreboard = Scoreboard()
    place, board = seat(scoreboard)
    place.occupy(4711)
    enter(board)
    board.beat(running=1)
    board.cells[Counter.REQUESTS] += 5
    board.cells[Counter.WEBSOCKETS] = 3
    scoreboard.give_back(place)
    again, board = seat(scoreboard)
    assert again.number == place.number
    reading = again.read(most_requests=10)
    assert (reading.pid, reading.beat_seconds, reading.requests) == (0, None, ())
    board.cells[Counter.REQUESTS] += 2
    totals = scoreboard.totals([again])
    assert totals[Counter.REQUESTS] == 7
    assert totals[Counter.WEBSOCKETS] == 0  # those of the dead are no more


def test_a_beat_says_how_long_ago_the_loop_turned() -> None:
    place, board = seat(Scoreboard())
    assert place.beat_seconds() is None
    board.beat(running=0)
    seconds = place.beat_seconds()
    assert seconds is not None
    assert 0 <= seconds < 30


def test_a_worker_sees_the_connections_of_others_whose_doors_are_open() -> None:
    scoreboard = Scoreboard()
    (_, own), (its_place, open_one), (shut_place, shut_one) = (seat(scoreboard) for _ in range(3))
    its_place.occupy(11)
    shut_place.occupy(12)
    own.connections(1)
    own.accepting(accepts=True)
    open_one.connections(2)
    open_one.accepting(accepts=True)
    shut_one.connections(3)
    own.beat(running=0)
    assert own.connections_of_accepting() == [2]


def test_a_worker_that_wrote_nonsense_is_still_read() -> None:
    place, board = seat(Scoreboard())
    enter(board)
    board.cells[Counter.SLOTS_USED] = 2**64 - 1
    board.cells[8192] = 255  # a state that there is not, in the first slot
    assert place.requests() == []
    place.clear()


def test_there_are_places_for_a_bounded_number_of_workers() -> None:
    scoreboard = Scoreboard()
    places = [scoreboard.take_place() for _ in range(PLACES)]
    with pytest.raises(OSError, match="all 512 places"):
        scoreboard.take_place()
    scoreboard.give_back(places[0])
    assert scoreboard.take_place().number == places[0].number


def test_memory_that_nobody_wrote_costs_nothing() -> None:
    scoreboard = Scoreboard()
    _, board = seat(scoreboard)
    enter(board)
    assert os.fstat(scoreboard.descriptor).st_blocks * 512 < 100_000


@pytest.mark.parametrize(
    ("target", "text"),
    [
        (b"/", "GET /"),
        (b"/" + b"a" * (LABEL_OCTETS - 5), "GET /" + "a" * (LABEL_OCTETS - 5)),
        (b"/" + b"a" * 500, "GET /" + "a" * (LABEL_OCTETS - 8) + "…"),
    ],
)
def test_a_request_has_a_label_of_fixed_length(target: bytes, text: str) -> None:
    label = request_label("GET", target)
    assert len(label) == LABEL_OCTETS
    assert label_text(label) == text


@pytest.mark.parametrize(
    ("client", "text"),
    [
        (("127.0.0.1", 80), "127.0.0.1:80"),
        (("2001:db8::1", 443), "[2001:db8::1]:443"),
        (("/run/client.sock", None), "/run/client.sock"),
        (None, ""),
    ],
)
def test_a_peer_has_a_label_of_fixed_length(client: tuple[str, int | None] | None, text: str) -> None:
    assert len(peer_label(client)) == PEER_OCTETS
    assert label_text(peer_label(client)) == text
    assert len(peer_label(("h" * 500, 1))) == PEER_OCTETS
