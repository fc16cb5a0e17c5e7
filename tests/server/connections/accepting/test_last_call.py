"""When doors are closed for ever: whoever is let in is answered or refused, and only the last one refuses."""

import asyncio
import errno
import select
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from veche.log import Level
from veche.server.connections.accepting.doors import Doors
from veche.server.scoreboard import Board, open_board
from veche.server.scoreboard.reader import Place, Scoreboard

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="other kernels have no filter on a listening socket")


class LateClient(socket.socket):
    """A listening socket to which somebody comes between the accept(2) that found nobody and the close(2)."""

    late: socket.socket | None = None

    def accept(self) -> tuple[socket.socket, object]:
        try:
            return super().accept()
        except BlockingIOError:
            if self.late is None:
                self.late = socket.socket(self.family)
                self.late.settimeout(0)
                self.late.connect_ex(self.getsockname())
            raise


class Nothing:
    """A log in which there is nothing to write."""

    def log_message(self, message: str, *, level: Level = Level.INFO, **fields: object) -> None:
        raise AssertionError(message)


@contextmanager
def listening(listener: socket.socket) -> Iterator[socket.socket]:
    with listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        listener.settimeout(0)
        yield listener


def seat(scoreboard: Scoreboard, pid: int) -> tuple[Place, Board]:
    place = scoreboard.take_place()
    place.occupy(pid)
    return place, open_board(scoreboard.descriptor, place.number)


def close_for_ever(listener: socket.socket, board: Board) -> list[socket.socket]:
    """Close a door in it; whoever was taken in."""
    taken_in: list[socket.socket] = []
    loop = asyncio.new_event_loop()
    try:
        doors = Doors(board, room=lambda: 100, loop=loop, reporter=Nothing())
        doors.add(listener, lambda accepted, _host: taken_in.append(accepted))
        doors.open()
        doors.close_for_ever(take_in=True)
    finally:
        loop.close()
    return taken_in


def outcome(late: socket.socket | None) -> int:
    """What became of a client: the error of its connection, 0 for none."""
    assert late is not None
    select.select([], [late], [], 20)
    return late.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)


def test_who_comes_between_the_last_accept_and_the_close_is_refused_and_not_reset() -> None:
    place, board = seat(Scoreboard(), 11)
    place.all_end()
    with listening(LateClient()) as listener, socket.create_connection(listener.getsockname()):
        assert isinstance(listener, LateClient)
        (taken_in,) = close_for_ever(listener, board)
        taken_in.close()
        assert outcome(listener.late) == errno.ECONNREFUSED


@pytest.mark.parametrize(
    ("all_end", "other", "is_last"),
    [
        (True, "none", True),
        (True, "has closed", True),
        (True, "starts", True),  # it never serves: it was told to end, too
        (True, "serves", False),
        (False, "none", False),  # one is recycled; its replacement starts
        (False, "has closed", False),
    ],
)
def test_only_the_last_worker_of_a_server_that_ends_closes_the_socket_for_others(
    *, all_end: bool, other: str, is_last: bool
) -> None:
    scoreboard = Scoreboard()
    place, board = seat(scoreboard, 11)
    board.beat(running=0)
    if other != "none":
        _, its_board = seat(scoreboard, 12)
        if other != "starts":
            its_board.beat(running=0)
        if other == "has closed":
            its_board.closing_for_ever()
    if all_end:
        place.all_end()
    with listening(socket.socket()) as listener, listener.dup() as of_the_other:
        address = listener.getsockname()
        close_for_ever(listener, board)
        if is_last:
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(address, timeout=20)
        else:
            with socket.create_connection(address, timeout=20):
                of_the_other.settimeout(20)
                of_the_other.accept()[0].close()


def test_two_that_close_at_once_both_see_that_nobody_is_left_and_say_nothing_of_it() -> None:
    scoreboard = Scoreboard()
    seats = [seat(scoreboard, pid) for pid in (11, 12)]
    for place, board in seats:
        place.all_end()
        board.beat(running=0)
        board.closing_for_ever()
    with listening(socket.socket()) as listener, listener.dup() as of_the_other:
        of_the_other.settimeout(0)
        with socket.create_connection(listener.getsockname()):
            (taken_in,) = close_for_ever(listener, seats[0][1])
            taken_in.close()
            assert close_for_ever(of_the_other, seats[1][1]) == []
