"""Shared memory in which every worker says what it does, and which the master reads even after the worker's death."""

from veche.server.scoreboard.counters import Counter
from veche.server.scoreboard.layout import NO_PEER, Doing, peer_label
from veche.server.scoreboard.memory import resident_octets
from veche.server.scoreboard.writer import Board, Slot, open_board, private_board

__all__ = [
    "NO_PEER",
    "Board",
    "Counter",
    "Doing",
    "Slot",
    "open_board",
    "peer_label",
    "private_board",
    "resident_octets",
]
