"""Accepting, so that connections spread evenly over the workers.

One job: whether this worker accepts now, and how many, on every listening socket.
Must not know: what becomes of a connection, who the other workers are (the scoreboard says how many each has).

All workers wait on the same sockets and all of them are woken, and the quickest would take everybody: the event loop's
own servers accept until the queue is empty. So a worker that has more connections than the one with the fewest, and
some slack, steps back for a moment and lets another take them; whoever still waits then is taken in after all, because
the others are busy or hang. Choices and prices: docs/decisions/accepting.md.
"""

import asyncio
import errno
import fcntl
import os
import socket
from collections.abc import Callable
from typing import Final

from veche.log import Level
from veche.server.bridges.exchange import Reporter
from veche.server.connections.accepting.last_call import let_nobody_in, listen_no_more
from veche.server.scoreboard import Board

ACCEPTS_PER_TURN: Final = 64
STEP_BACK_SECONDS: Final = 0.002
STEP_BACK_FOR_EACH_SECONDS: Final = 0.0005  # for each connection that we have too many
LONGEST_STEP_BACK_SECONDS: Final = 0.01
STEP_BACK_ACCEPTS: Final = 4  # whom nobody wanted while we stepped back
NO_DESCRIPTORS_SECONDS: Final = 1.0
LEAST_SLACK: Final = 2
SLACK_SHIFT: Final = 4  # a sixteenth of what we have

STANDARD_ERROR: Final = 2

Welcome = Callable[[socket.socket, str | None], None]


def share(mine: int, others: list[int]) -> int:
    """How many connections a worker that has `mine` may take now, beside workers that have `others`.

    0 or less: none; it is ahead of its share by so many.
    """
    if not others:
        return ACCEPTS_PER_TURN
    slack = max(LEAST_SLACK, mine >> SLACK_SHIFT)
    return min(ACCEPTS_PER_TURN, min(others) + slack - mine)


def moved_up(accepted: socket.socket) -> socket.socket:
    """Return the connection under a higher number, and leave /dev/null under the one that it got.

    The application has closed a standard stream, and whatever is printed there would be written to this client.
    """
    number = accepted.detach()
    nothing = os.open(os.devnull, os.O_RDWR)
    try:
        moved = socket.socket(fileno=fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, STANDARD_ERROR + 1))
    finally:
        os.dup2(nothing, number)  # inheritable, as standard streams are
        if nothing > STANDARD_ERROR:
            os.close(nothing)
    return moved


class Door:
    """Accept on one listener."""

    def __init__(
        self,
        listener: socket.socket,
        welcome: Welcome,
        *,
        room: Callable[[int], int],
        loop: asyncio.AbstractEventLoop,
        reporter: Reporter,
    ) -> None:
        """welcome: takes each accepted socket, which does not block, and the host at its other end. room(least): how
        many may be accepted now, and `least` of them even if another worker has fewer."""
        self._listener = listener
        self._welcome = welcome
        self._room = room
        self._loop = loop
        self._reporter = reporter
        self._again: asyncio.TimerHandle | None = None
        self._is_open = False
        listener.settimeout(0)

    def open(self) -> None:
        if not self._is_open:
            self._is_open = True
            self._loop.add_reader(self._listener, self._accept)

    def close(self) -> None:
        """Accept no more; who comes waits in the kernel, where other workers may take them."""
        self._is_open = False
        if self._again is not None:
            self._again.cancel()
            self._again = None
        else:
            self._loop.remove_reader(self._listener)

    def accept_all(self) -> None:
        """Take in whoever stands in the kernel's queue, however many."""
        while self._take_in(ACCEPTS_PER_TURN):
            pass

    def _accept(self) -> None:
        room = self._room(0)
        if room > 0:
            self._take_in(room)
        elif self._is_open:
            seconds = STEP_BACK_SECONDS - room * STEP_BACK_FOR_EACH_SECONDS
            self._pause(min(seconds, LONGEST_STEP_BACK_SECONDS), self._accept_leftovers)

    def _accept_leftovers(self) -> None:
        self._resume()
        self._take_in(self._room(STEP_BACK_ACCEPTS))

    def _take_in(self, count: int) -> bool:
        """Accept up to so many; whether there may be more."""
        for _ in range(count):
            try:
                accepted, peer = self._listener.accept()
                if accepted.fileno() <= STANDARD_ERROR:
                    accepted = moved_up(accepted)
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return False
            except OSError as error:  # no descriptor or no memory: asked again at once, it would fail for ever
                if error.errno == errno.EINVAL:
                    return False  # the last one who serves here has ended the listening: we are ending, too
                self._refuse_for_a_while(error)
                return False
            accepted.settimeout(0)
            self._welcome(accepted, peer[0] if isinstance(peer, tuple) else None)  # a Unix peer has no host
        return True

    def _refuse_for_a_while(self, error: OSError) -> None:
        self._reporter.log_message(
            f"cannot accept connections now: {error.strerror}; raise the limit of open files (ulimit -n)",
            level=Level.ERROR,
        )
        if self._is_open:
            self._pause(NO_DESCRIPTORS_SECONDS, self._resume)

    def _pause(self, seconds: float, then: Callable[[], None]) -> None:
        self._loop.remove_reader(self._listener)
        self._again = self._loop.call_later(seconds, then)

    def _resume(self) -> None:
        self._again = None
        self._loop.add_reader(self._listener, self._accept)


class Doors:
    """Every door of one worker."""

    def __init__(
        self,
        board: Board,
        *,
        room: Callable[[], int],
        loop: asyncio.AbstractEventLoop,
        reporter: Reporter,
        is_outdated: Callable[[], bool] | None = None,
    ) -> None:
        """room: how many more connections this worker may have. is_outdated: asked before any is accepted; once it
        says yes, whoever comes waits for another worker."""
        self._is_outdated = is_outdated
        self._board = board
        self._room = room
        self._loop = loop
        self._reporter = reporter
        self._doors: list[tuple[socket.socket, Door]] = []
        self._are_open = False

    def add(self, listener: socket.socket, welcome: Welcome) -> None:
        """Have a door in this listener, closed at first."""
        door = Door(listener, welcome, room=self._share, loop=self._loop, reporter=self._reporter)
        self._doors.append((listener, door))

    def open(self) -> None:
        """Accept, or accept again, if there is room."""
        if self._room() > 0 and not self._are_open:
            self._are_open = True
            for _, door in self._doors:
                door.open()
            self._board.accepting(accepts=True)

    def close(self) -> None:
        """Accept no more."""
        if self._are_open:
            self._are_open = False
            for _, door in self._doors:
                door.close()
            self._board.accepting(accepts=False)

    def close_for_ever(self, *, take_in: bool) -> None:
        """Take in whoever waits, and close the listeners: closing alone would reset them, if nobody else listens."""
        self._board.closing_for_ever()  # before we look whether all others do: the later of two sees both
        self.close()
        is_last = take_in and self._board.is_last_to_close()
        for listener, door in self._doors:
            if is_last:
                let_nobody_in(listener)
            if take_in:
                door.accept_all()
            if is_last:
                listen_no_more(listener)
            listener.close()
        self._doors.clear()

    def _share(self, least: int) -> int:
        board = self._board
        if self._is_outdated is not None and self._is_outdated():
            self.close()
            return 0
        count = share(board.connections_now, board.connections_of_accepting())
        return min(self._room(), max(least, count) if least else count)
