"""A worker's witness: it tells what it sees, and does not let a flood of it hurt anybody.

One job: from a fault seen in a bridge to an Incident that is told, a bounded number each second.
Must not know: who is told, what a bridge is.

When a database hangs, a thousand requests run over their time in one tick: their stacks are all the same, taking each
would stop the loop, and sending them all would keep the master from its work.
"""

import time
from collections.abc import Callable
from typing import Final

from veche.server.scoreboard import Board, Counter, Doing, Slot
from veche.server.verdicts.incidents import Incident, IncidentKind, Tell
from veche.server.verdicts.stacks import thread_stack
from veche.wire.label import label_text

TOLD_EACH_SECOND: Final = 10


class Witness:
    """Every method is called in the loop's thread, before what it tells of is cancelled or given up."""

    def __init__(self, board: Board, tell: Tell) -> None:
        self._board = board
        self._tell = tell
        self._second = 0
        self._told = 0
        self._untold = 0

    def request_overdue(self, slot: Slot, stacks: Callable[[], str]) -> None:
        """A request's time is over, and it can be cancelled. stacks: takes them; not called for what is not told."""
        self._board.cells[Counter.OVERDUE] += 1
        self._see(IncidentKind.REQUEST_OVERDUE, slot, stacks)

    def handshake_overdue(self, slot: Slot, stacks: Callable[[], str]) -> None:
        """The same for a WebSocket that was neither accepted nor denied in its time."""
        self._board.cells[Counter.OVERDUE] += 1
        self._see(IncidentKind.HANDSHAKE_OVERDUE, slot, stacks)

    def thread_lost(self, slot: Slot, thread: int, *, lost: int, threads: int) -> None:
        """A request's time is over, and the thread it runs in cannot be stopped.

        thread: its ident. lost: how many are lost now, this one included. threads: how many there may be.
        """
        cells = self._board.cells
        cells[Counter.OVERDUE] += 1
        cells[Counter.THREADS_EVER_LOST] += 1
        cells[Counter.THREADS_LOST] = lost
        self._see(IncidentKind.THREAD_LOST, slot, lambda: thread_stack(thread), lost=lost, threads=threads)

    def thread_found(self, *, lost: int) -> None:
        """A lost thread has come back. lost: how many still are."""
        self._board.cells[Counter.THREADS_LOST] = lost

    def threads_used_up(self, *, lost: int, threads: int) -> None:
        """Too few threads are left: the worker should be replaced. Call it once."""
        self._tell(Incident(kind=IncidentKind.THREADS_USED_UP, threads_lost=lost, threads=threads))

    def _see(
        self, kind: IncidentKind, slot: Slot, stacks: Callable[[], str], *, lost: int = 0, threads: int = 0
    ) -> None:
        label, peer, seconds = self._board.read(slot)
        self._board.move(slot, Doing.LOST)
        if not self._may_tell():
            self._untold += 1
            return
        untold, self._untold = self._untold, 0
        self._tell(
            Incident(
                kind=kind,
                request=label_text(label),
                peer=label_text(peer),
                seconds=seconds,
                stacks=_taken(stacks),
                threads_lost=lost,
                threads=threads,
                untold=untold,
            )
        )

    def _may_tell(self) -> bool:
        second = int(time.monotonic())
        if second != self._second:
            self._second, self._told = second, 0
        self._told += 1
        return self._told <= TOLD_EACH_SECOND


def _taken(stacks: Callable[[], str]) -> str:
    """The stacks, or why there are none: looking must never cost the answer to the request."""
    try:
        return stacks()
    except Exception as error:  # an awaitable of the application may do anything when it is looked at
        return f"no stack could be taken: {error!r}\n"
