"""The master's side of the scoreboard.

One job: make the memory, hand out places in it, and read them, also after their worker has died.
Must not know: processes, what is done with what it reads.
"""

import fcntl
import mmap
import os
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from msgspec import Struct

from veche.server.scoreboard.counters import COUNTER_CELLS, FIRST_TOTAL, Counter
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
    SLOT_CELLS,
    SLOT_OCTETS,
    SLOTS,
    STATE_BITS,
    STATE_MASK,
    Doing,
    Row,
    SlotCell,
    region_offset,
)
from veche.wire.label import LABEL_OCTETS, label_text

STATES: Final = frozenset(int(doing) for doing in Doing if doing)
LARGEST: Final = 2**63 - 1
READS: Final = 3  # a slot that changes each time is taken as it is: it changes because its request is quick


class RequestReading(Struct, frozen=True):
    """One request in the application."""

    request: str  # "GET /path?query", cut when long
    peer: str
    doing: Doing
    seconds: float
    octets_in: int
    octets_out: int


class WorkerReading(Struct, frozen=True):
    """One worker, as its place shows it."""

    pid: int
    beat_seconds: float | None  # since its loop turned last; None before it serves
    connections: int
    running: int
    accepting: bool
    counters: tuple[int, ...]
    in_flight: int  # requests in the application
    requests: tuple[RequestReading, ...]  # the longest first


class Place:
    """One seat in the memory; it is read as long as the master keeps it."""

    def __init__(self, number: int, overview: memoryview, region: mmap.mmap) -> None:
        self.number = number
        self._row = overview[number * ROW_CELLS : (number + 1) * ROW_CELLS]
        self._region = region
        self._cells = memoryview(region).cast("Q")

    def occupy(self, pid: int) -> None:
        """Note whose place it is now."""
        self._row[Row.PID] = pid

    def all_end(self) -> None:
        """Tell the worker that all workers end, and that nobody serves on their sockets after them."""
        self._row[Row.ALL_END] = 1

    def clear(self) -> None:
        """Make it as if nobody had been here."""
        for cell in range(ROW_CELLS):
            self._row[cell] = 0
        for number in range(self._slots_used() + 1):
            for cell in SlotCell:
                self._cells[_slot_cell(number) + cell] = 0
        for cell in range(COUNTER_CELLS):
            self._cells[cell] = 0

    def beat_seconds(self) -> float | None:
        """How long ago its loop turned last; None before it serves."""
        beat = self._row[Row.BEAT_NANOSECONDS]
        return None if beat == 0 else (time.monotonic_ns() - beat) / 1e9

    def counters(self) -> tuple[int, ...]:
        """Every counter, in the order of Counter."""
        return tuple(self._cells[:COUNTER_CELLS].tolist())

    def read(self, *, most_requests: int) -> WorkerReading:
        """All of it, of the requests the longest."""
        row = self._row.tolist()
        return WorkerReading(
            pid=row[Row.PID],
            beat_seconds=self.beat_seconds(),
            connections=row[Row.CONNECTIONS],
            running=row[Row.RUNNING],
            accepting=bool(row[Row.ACCEPTING]),
            counters=self.counters(),
            in_flight=self.in_flight(),
            requests=tuple(self.requests(most=most_requests)),
        )

    def in_flight(self) -> int:
        """How many requests are in the application."""
        words = self._words()
        return len(words) - words.count(0)

    def requests(self, *, most: int = SLOTS, newest: int = 0, without: int | None = None) -> list[RequestReading]:
        """The requests in the application, the longest first; at most so many, because reading each takes its time.

        newest: how many are read of those that came last, besides. without: the number of a slot that is left out.
        """
        now = time.monotonic_ns() // 1_000_000
        words = enumerate(self._words())
        busy = sorted((word >> STATE_BITS, number) for number, word in words if word and number != without)
        chosen = busy[:most] + busy[most:][max(0, len(busy) - most - newest) :]
        found = [self._read_slot(number, now) for _, number in chosen]
        return [slot for slot in found if slot is not None]

    def request(self, number: int) -> RequestReading | None:
        """The request in one slot; None when there is none. Any number may be asked for."""
        if not 0 <= number < self._slots_used():
            return None
        return self._read_slot(number, time.monotonic_ns() // 1_000_000)

    def _words(self) -> list[int]:
        first = _slot_cell(0)
        words: list[int] = self._cells[first : _slot_cell(self._slots_used()) : SLOT_CELLS].tolist()
        return words

    def _slots_used(self) -> int:
        return min(self._cells[Counter.SLOTS_USED], SLOTS - 1)  # whatever a worker that broke its memory wrote there

    def _read_slot(self, number: int, now: int) -> RequestReading | None:
        octet = COUNTERS_OCTETS + number * SLOT_OCTETS
        octets = self._region[octet : octet + SLOT_OCTETS]
        for _ in range(READS):
            again = self._region[octet : octet + SLOT_OCTETS]
            if again == octets:
                break
            octets = again
        cells = memoryview(octets)[:LABEL_OFFSET].cast("Q")
        word = cells[SlotCell.WORD]
        state = word & STATE_MASK
        if state not in STATES:
            return None  # it has just ended
        return RequestReading(
            request=label_text(octets[LABEL_OFFSET : LABEL_OFFSET + LABEL_OCTETS]),
            peer=label_text(octets[PEER_OFFSET : PEER_OFFSET + PEER_OCTETS]),
            doing=Doing(state),
            seconds=max(0.0, (now - (word >> STATE_BITS)) / 1000),
            octets_in=cells[SlotCell.OCTETS_IN],
            octets_out=cells[SlotCell.OCTETS_OUT],
        )


def _slot_cell(number: int) -> int:
    return (COUNTERS_OCTETS + number * SLOT_OCTETS) // CELL_OCTETS


class Scoreboard:
    """The memory of one master and its workers.

    descriptor: what workers inherit. ended: the totals of all workers whose places were given back.
    """

    def __init__(self) -> None:
        self.descriptor = _memory()
        os.ftruncate(self.descriptor, ALIGNED_OCTETS)
        self._overview = memoryview(mmap.mmap(self.descriptor, OVERVIEW_OCTETS)).cast("Q")
        self._free = list(range(PLACES))[::-1]
        self._places = 0  # for how many there is memory
        self.ended = [0] * COUNTER_CELLS

    def take_place(self) -> Place:
        """A clean place. Raises OSError when all are taken, or the memory cannot grow."""
        if not self._free:
            raise OSError(f"all {PLACES} places of the scoreboard are taken: too many workers start or end at once")
        number = self._free[-1]
        if number >= self._places:
            os.ftruncate(self.descriptor, region_offset(number + 1))
            self._places = number + 1
        region = mmap.mmap(self.descriptor, REGION_OCTETS, offset=region_offset(number))
        self._free.pop()
        place = Place(number, self._overview, region)
        place.clear()
        return place

    def give_back(self, place: Place) -> None:
        """Keep the totals of a worker that has ended, and its place for another one."""
        for cell, count in enumerate(place.counters()):
            self.ended[cell] += count if cell >= FIRST_TOTAL else 0
        place.clear()
        self._free.append(place.number)

    def totals(self, places: Sequence[Place]) -> list[int]:
        """Every counter, summed over those who ended and those who are there."""
        columns = zip(self.ended, *(place.counters() for place in places), strict=True)
        return [sum(column) & LARGEST for column in columns]  # whatever a worker that broke its memory wrote there

    def close(self) -> None:
        """Give the descriptor back."""
        with suppress(OSError):
            os.close(self.descriptor)


def _memory() -> int:
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("veche-scoreboard", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        # An application inherits it: were it cut, whoever reads it next would be ended by SIGBUS.
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK)
        return descriptor
    with tempfile.TemporaryFile() as file:  # already without a name
        return os.dup(file.fileno())
