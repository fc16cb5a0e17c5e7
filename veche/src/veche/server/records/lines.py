"""Lines into a descriptor that may be slow: a pipe nobody reads, a full disk, a terminal that was stopped.

One job: a thread that writes, and a bound on what waits for it, so that a log never makes a request wait.
Must not know: what the lines say.
"""

import os
import stat
import threading
from collections import deque
from contextlib import suppress
from typing import Final

PIPE_OCTETS: Final = 4096  # PIPE_BUF: writes up to it are never mixed with other processes'
CLOSE_SECONDS: Final = 1.0
LOST: Final = b"%d lines of the access log are missing here: they came faster than they could be written\n"


class LineWriter:
    """`write` never blocks; what does not fit into `limit_octets` is dropped, counted, and said when there is room."""

    def __init__(self, descriptor: int, *, limit_octets: int) -> None:
        self.lost = 0  # lines since the last time that this was said
        self._descriptor = descriptor
        self._limit_octets = limit_octets
        self._is_pipe = stat.S_ISFIFO(os.fstat(descriptor).st_mode)
        self._waiting: deque[bytes] = deque()
        self._waiting_octets = 0
        self._change = threading.Condition()
        self._closed = False
        self._thread: threading.Thread | None = None

    def write(self, lines: bytes) -> None:
        """Hand over whole lines."""
        with self._change:
            if self._closed or self._waiting_octets + len(lines) > self._limit_octets:
                self.lost += lines.count(b"\n")
                return
            if self.lost:
                lines = LOST % self.lost + lines
                self.lost = 0
            self._waiting.append(lines)
            self._waiting_octets += len(lines)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="access-log", daemon=True)
                self._thread.start()
            self._change.notify()

    def close(self) -> None:
        """Write what waits, for CLOSE_SECONDS at most; standard error stays open, a file is closed."""
        with self._change:
            self._closed = True
            self._change.notify()
        if self._thread is not None:
            self._thread.join(CLOSE_SECONDS)
        if self._descriptor > 2 and not (self._thread is not None and self._thread.is_alive()):
            os.close(self._descriptor)

    def _run(self) -> None:
        while True:
            with self._change:
                while not (self._waiting or self._closed):
                    self._change.wait()
                if not self._waiting:
                    return
                lines = b"".join(self._waiting)
                self._waiting.clear()
            with suppress(OSError):  # nobody reads the pipe any more, or the disk is full: there is nobody to tell
                self._write_all(lines)
            with self._change:
                self._waiting_octets -= len(lines)

    def _write_all(self, lines: bytes) -> None:
        position = 0
        while position < len(lines):
            end = len(lines)
            if self._is_pipe and end - position > PIPE_OCTETS:
                line_end = lines.rfind(b"\n", position, position + PIPE_OCTETS) + 1
                end = line_end or position + PIPE_OCTETS
            position += os.write(self._descriptor, lines[position:end])
