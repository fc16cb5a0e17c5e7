"""A worker's side of the scoreboard.

One job: write what the worker does, cheaply enough to do it for every request.
Must not know: connections, applications, who reads.

Entering and leaving are two copies of fixed length and two numbers: about 0.2 us together. The time of a request is the
last tick's, so that nobody asks the kernel for it.
"""

import mmap
import time
from struct import Struct
from typing import Final

from veche.server.scoreboard.counters import Counter
from veche.server.scoreboard.layout import (
    ALIGNED_OCTETS,
    CELL_OCTETS,
    COUNTERS_OCTETS,
    LABEL_OFFSET,
    OVERVIEW_OCTETS,
    PEER_OCTETS,
    PEER_OFFSET,
    PLACES,
    REGION_OCTETS,
    ROW_CELLS,
    RUNNING,
    SLOT_OCTETS,
    SLOTS,
    STATE_BITS,
    STATE_MASK,
    Doing,
    Row,
    SlotCell,
    region_offset,
)
from veche.wire.label import LABEL_OCTETS

CONNECTIONS: Final = int(Row.CONNECTIONS)
ACCEPTING: Final = int(Row.ACCEPTING)
OCTETS_IN: Final = int(SlotCell.OCTETS_IN)
OCTETS_OUT: Final = int(SlotCell.OCTETS_OUT)
TEXTS: Final = Struct(f"{LABEL_OCTETS}s{PEER_OCTETS}s")  # they stand side by side: one call writes both
assert LABEL_OFFSET + LABEL_OCTETS == PEER_OFFSET


class Slot:
    """One request's part of the memory."""

    __slots__ = ("cell", "counted", "label", "number", "peer", "texts")

    def __init__(self, number: int) -> None:
        octet = COUNTERS_OCTETS + number * SLOT_OCTETS
        self.number = number
        self.cell = octet // CELL_OCTETS
        self.counted = False
        self.texts = octet + LABEL_OFFSET
        self.label = slice(octet + LABEL_OFFSET, octet + LABEL_OFFSET + LABEL_OCTETS)
        self.peer = slice(octet + PEER_OFFSET, octet + PEER_OFFSET + PEER_OCTETS)


class Board:
    """What one worker writes: its row, its counters, a slot for each request. Of the loop's thread alone, but `move`.

    cells: the region as numbers, for counters: `board.cells[Counter.REQUESTS] += 1`.
    """

    def __init__(self, overview: mmap.mmap, region: mmap.mmap, place: int) -> None:
        self._overview = memoryview(overview).cast("Q")
        self._row = place * ROW_CELLS
        self._memory = region
        self._write_texts = TEXTS.pack_into
        self.cells = memoryview(region).cast("Q")
        self._free: list[Slot] = []
        self._used = 0
        self._entering = RUNNING
        self._others: list[tuple[int, int]] = []  # their cells: connections, doors open
        self.renew()

    def cut_off(self) -> None:
        """Write where nobody reads: in a child that the application forked the shared memory is its parent's."""
        self._overview = memoryview(mmap.mmap(-1, self._overview.nbytes)).cast("Q")
        self._memory = mmap.mmap(-1, REGION_OCTETS)
        self.cells = memoryview(self._memory).cast("Q")

    def renew(self) -> None:
        """Take the time; call it once a tick."""
        self._entering = (time.monotonic_ns() // 1_000_000) << STATE_BITS | RUNNING

    # One request.

    def enter(self, label: bytes, peer: bytes) -> Slot:
        """Note that a request enters the application. The texts have exactly their fixed lengths (layout.py)."""
        slot = self._free.pop() if self._free else self._another_slot()
        self._write_texts(self._memory, slot.texts, label, peer)
        self.cells[slot.cell] = self._entering
        return slot

    def leave(self, slot: Slot) -> None:
        """Note that the application has let go of the request."""
        self.cells[slot.cell] = 0
        if slot.counted:
            self.count(slot, octets_in=0, octets_out=0)
            slot.counted = False
        self._free.append(slot)

    def move(self, slot: Slot, doing: Doing) -> None:
        """Note what the request does from now on; since when it is there does not change."""
        cell = slot.cell
        self.cells[cell] = self.cells[cell] & ~STATE_MASK | doing

    def read(self, slot: Slot) -> tuple[bytes, bytes, float]:
        """The labels of a request and of its peer, and its seconds in the application, at most a tick too many."""
        since = self.cells[slot.cell] >> STATE_BITS
        seconds = max(0.0, (time.monotonic_ns() // 1_000_000 - since) / 1000)
        return self._memory[slot.label], self._memory[slot.peer], seconds

    def count(self, slot: Slot, *, octets_in: int, octets_out: int) -> None:
        """Note how far a request that takes long has come."""
        self.cells[slot.cell + OCTETS_IN] = octets_in
        self.cells[slot.cell + OCTETS_OUT] = octets_out
        slot.counted = True

    def _another_slot(self) -> Slot:
        number = self._used
        if number < SLOTS - 1:
            self._used = number + 1
            self.cells[Counter.SLOTS_USED] = self._used
        return Slot(number)  # the last one may have several users: none of them is shown

    # The worker.

    def beat(self, *, running: int) -> None:
        """Note that the loop turns, and renew the time. Call it once a tick."""
        self.renew()
        self._overview[self._row + Row.BEAT_NANOSECONDS] = time.monotonic_ns()
        self._overview[self._row + Row.RUNNING] = running
        self._look_around()

    def connections(self, count: int) -> None:
        """Note how many connections are open now: the other workers look at it."""
        cell = self._row + Row.CONNECTIONS
        if count > self._overview[cell]:
            self.cells[Counter.CONNECTIONS] += 1  # one has come
        self._overview[cell] = count

    @property
    def connections_now(self) -> int:
        """What connections() was told last."""
        return self._overview[self._row + CONNECTIONS]

    def accepting(self, *, accepts: bool) -> None:
        """Note whether the doors are open."""
        cell = self._row + Row.ACCEPTING
        if self._overview[cell] and not accepts:
            self.cells[Counter.ACCEPT_PAUSES] += 1
        self._overview[cell] = accepts

    def connections_of_accepting(self) -> list[int]:
        """How many connections each other worker has whose doors are open; a new one is seen at the next beat."""
        view = self._overview
        return [view[count] for count, door in self._others if view[door]]

    def closing_for_ever(self) -> None:
        """Note that the doors are about to be closed, and will not be opened again."""
        self._overview[self._row + Row.CLOSING] = 1

    def is_last_to_close(self) -> bool:
        """Whether all workers end, and nobody else has doors that are open or may open again.

        One that never came to serve has none: it was told to end, too.
        """
        view = self._overview
        if not view[self._row + Row.ALL_END]:
            return False
        rows = range(0, PLACES * ROW_CELLS, ROW_CELLS)
        serving = [row for row in rows if view[row + Row.PID] and view[row + Row.BEAT_NANOSECONDS]]
        return all(row == self._row or view[row + Row.CLOSING] for row in serving)

    def _look_around(self) -> None:
        """Note which places other workers have: reading all of them for each connection would cost 30 us."""
        workers = enumerate(self._overview[Row.PID :: ROW_CELLS].tolist())
        rows = (place * ROW_CELLS for place, pid in workers if pid)
        self._others = [(row + CONNECTIONS, row + ACCEPTING) for row in rows if row != self._row]


def open_board(descriptor: int, place: int) -> Board:
    """The board of a worker that inherited the memory."""
    overview = mmap.mmap(descriptor, OVERVIEW_OCTETS)
    region = mmap.mmap(descriptor, REGION_OCTETS, offset=region_offset(place))
    return Board(overview, region, place)


def private_board() -> Board:
    """A board that nobody reads, for a server without a master."""
    return Board(mmap.mmap(-1, ALIGNED_OCTETS), mmap.mmap(-1, REGION_OCTETS), 0)
