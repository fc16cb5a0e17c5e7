"""Where everything stands in the scoreboard's memory.

One job: offsets, sizes, states, labels of fixed length.
Must not know: who writes, who reads, what memory it is.

    overview   one row of 8 cells for each place (a place is a worker's seat; it outlives the worker)
    region 0   counters, then slots of 256 octets, one for each request in the application
    region 1   …

A cell is an unsigned 64-bit number in the machine's order. The memory is sparse: what nobody wrote costs nothing.
A slot is six cells and two texts. Its first cell is `since_milliseconds << 8 | state`, 0 when the slot is free, and is
written last: a reader that finds the same slot twice has read a whole one, so no writer pays for a sequence number.
"""

from enum import IntEnum
from typing import Final

from veche.wire.label import LABEL_OCTETS

CELL_OCTETS: Final = 8
ALIGNED_OCTETS: Final = 65536  # a multiple of every page size: regions are mapped one by one

PLACES: Final = 512
ROW_CELLS: Final = 8
OVERVIEW_OCTETS: Final = PLACES * ROW_CELLS * CELL_OCTETS
assert OVERVIEW_OCTETS <= ALIGNED_OCTETS

COUNTERS_OCTETS: Final = ALIGNED_OCTETS
SLOT_OCTETS: Final = 256
SLOT_CELLS: Final = SLOT_OCTETS // CELL_OCTETS
SLOTS: Final = 16384  # requests over this are served as ever, and not seen: they share the slot after the last
REGION_OCTETS: Final = COUNTERS_OCTETS + SLOTS * SLOT_OCTETS

LABEL_OFFSET: Final = 48
PEER_OFFSET: Final = LABEL_OFFSET + LABEL_OCTETS
PEER_OCTETS: Final = SLOT_OCTETS - PEER_OFFSET
NO_PEER: Final = bytes(PEER_OCTETS)


class Row(IntEnum):
    """The cells of a place in the overview: what other workers and the master look at often."""

    PID = 0  # 0: nobody has this place
    BEAT_NANOSECONDS = 1  # of the monotonic clock: when the worker's loop last turned; 0 before it serves
    CONNECTIONS = 2
    RUNNING = 3  # requests in the application
    ACCEPTING = 4
    CLOSING = 5  # the doors are closed for ever, or about to be
    ALL_END = 6  # the master's word: all workers end, and nobody comes after them


class Doing(IntEnum):
    """What a request in the application is doing; hot code uses the numbers below."""

    FREE = 0
    RUNNING = 1  # in the application's own code, or awaiting something of its own
    QUEUED = 2  # waits for a thread
    READING = 3  # the application waits for the client to send the body
    WRITING = 4  # the application waits for the client to read the response
    WEBSOCKET = 5
    LOST = 6  # its deadline is over, and its thread still runs


RUNNING: Final = int(Doing.RUNNING)
STATE_BITS: Final = 8
STATE_MASK: Final = (1 << STATE_BITS) - 1


class SlotCell(IntEnum):
    """The cells of a slot."""

    WORD = 0
    OCTETS_IN = 1
    OCTETS_OUT = 2


def region_offset(place: int) -> int:
    """Where the region of a place begins."""
    return ALIGNED_OCTETS + place * REGION_OCTETS


def peer_label(client: tuple[str, int | None] | None) -> bytes:
    """The client as a slot shows it: exactly PEER_OCTETS."""
    if client is None:
        return NO_PEER
    host, port = client
    text = host if port is None else f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return text.encode("utf-8", "replace")[:PEER_OCTETS].ljust(PEER_OCTETS, b"\0")
