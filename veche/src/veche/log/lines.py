"""Entries to a place that may be slow: a pipe nobody reads, a terminal that was stopped, a disk that hangs.

One job: a thread that writes, and a bound on what waits for it, so that a log never makes anybody wait.
Must not know: what the entries say, what the place is.
"""

import atexit
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final, NamedTuple, Protocol

CLOSE_SECONDS: Final = 1.0
SETTLE_SECONDS: Final = 0.1
PATIENCE_SECONDS: Final = 0.5  # for a place that is slow; and then PATIENCE_SHARE of the time
PATIENCE_SHARE: Final = 0.05


class Place(Protocol):
    """Where octets go."""

    def put(self, octets: bytes, entries: int) -> None:
        """Write them all, however long it takes. entries: how many they are. Raises OSError."""

    def close(self) -> None:
        """Give back what it holds."""


class Piece(NamedTuple):
    """What is written at once."""

    octets: bytes
    entries: int


class LineWriter:
    """`write` never blocks; what does not fit into `limit_octets` is dropped, counted, and said when there is room."""

    def __init__(self, place: Place, *, limit_octets: int, missing: Callable[[int], bytes], name: str) -> None:
        """missing: says, as an entry of this log, how many entries are missing where it stands. name: of the thread."""
        self.lost = 0  # entries since the last time that this was said
        self._place = place
        self._limit_octets = limit_octets
        self._missing = missing
        self._name = name
        self._patience = PATIENCE_SECONDS
        self._patience_of = time.monotonic()
        self._begin()

    def _begin(self) -> None:
        self._process = os.getpid()
        self._change = threading.Condition()  # re-entrant: a signal's handler may log, too
        self._waiting: deque[Piece] = deque()
        self._waiting_octets = 0  # those that are being written included
        self._handed = self._done = 0  # pieces
        self._is_stuck = False  # it was waited for in vain, and has not written all since
        self._closing = False
        self._thread: threading.Thread | None = None

    def write(self, octets: bytes, *, entries: int = 1) -> None:
        """Hand over whole entries."""
        if self._process != os.getpid():  # forked: the thread stayed behind, perhaps with the lock; so did what waited
            self.lost = 0
            self._begin()
        with self._change:
            # Once entries are missing, half must be free again: many short gaps would be more notices than entries.
            room = self._limit_octets // 2 if self.lost else self._limit_octets
            if self._waiting_octets + len(octets) > room:
                self.lost += entries
                return
            self._say_what_is_missing()
            self._hand(Piece(octets, entries))
            self._closing = False
            self._wake()

    def write_soon(self, octets: bytes) -> None:
        """Hand over one entry and give the thread a moment to write it: whoever dies next must not take it along.

        A place that is stuck is not waited for again, and one that is slow only for a small part of the time.
        """
        self.write(octets)
        began = time.monotonic()
        patience = min(PATIENCE_SECONDS, self._patience + (began - self._patience_of) * PATIENCE_SHARE)
        if self._is_stuck or patience <= 0:
            return
        with self._change:
            mine = self._handed
            self._is_stuck = not self._change.wait_for(lambda: self._done >= mine, SETTLE_SECONDS)
        self._patience_of = time.monotonic()
        self._patience = patience - (self._patience_of - began)

    def close(self) -> None:
        """Write what waits, for CLOSE_SECONDS at most, and end; a later entry begins again."""
        atexit.unregister(self.close)
        if self._process != os.getpid():
            return
        with self._change:
            self._closing = True
            self._change.notify_all()
            thread = self._thread
        if thread is not None:
            thread.join(CLOSE_SECONDS)
        with self._change:
            if self._thread is None:  # else it hangs, and what it uses is left to it
                self._place.close()

    def _hand(self, piece: Piece) -> None:
        self._waiting.append(piece)
        self._waiting_octets += len(piece.octets)
        self._handed += 1

    def _say_what_is_missing(self) -> None:
        if self.lost:
            lost, self.lost = self.lost, 0
            self._hand(Piece(self._missing(lost), lost))  # if it is lost itself, so many are missing still

    def _wake(self) -> None:
        if self._thread is not None and self._thread.is_alive():
            self._change.notify_all()
            return
        self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
        try:
            self._thread.start()
        except RuntimeError:  # the kernel gives no more threads, or the interpreter is ending: then as it used to be
            self._thread = None
            self._write_all_now()
        else:
            atexit.register(self.close)

    def _run(self) -> None:
        # The process's signals are for the thread that waits for them.
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        while True:
            with self._change:
                while not (self._waiting or self._closing):
                    self._change.wait()
                if not self._waiting:
                    self._thread = None  # under the lock: whoever hands over next starts another one
                    return
                piece = self._waiting.popleft()
            self._put(piece)

    def _put(self, piece: Piece) -> None:
        try:
            self._place.put(piece.octets, piece.entries)
            written = True
        except OSError:  # nobody will ever read the pipe, or the disk is full
            written = False
        with self._change:
            self._waiting_octets -= len(piece.octets)
            self._done += 1
            self._is_stuck = self._is_stuck and bool(self._waiting)
            if not written:
                self.lost += piece.entries
            elif not self._waiting:  # not after a failure: it would be tried without an end
                self._say_what_is_missing()
            self._change.notify_all()

    def _write_all_now(self) -> None:
        while self._waiting:
            self._put(self._waiting.popleft())
