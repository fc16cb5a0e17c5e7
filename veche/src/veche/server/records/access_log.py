"""One line for each request, collected and written many at a time.

One job: keep finished requests until their octets have left and their turn to be written has come.
Must not know: HTTP, sockets, formats, descriptors.

For each request the loop only keeps the facts; lines are made of some dozens at once, at most FLUSH_SECONDS late, and
written by another thread (veche.log).
"""

import asyncio
import time
from typing import Final, Protocol

from veche.server.records.finished import FinishedRequest
from veche.server.records.formats import Format

FLUSH_SECONDS: Final = 0.1
FLUSH_REQUESTS: Final = 128  # formatting them takes a fifth of a millisecond


class Sent(Protocol):
    """Where a response went."""

    def octets_unsent(self) -> int:
        """How much of what was written has not been taken by the kernel; 0 when the connection is lost."""


class Lines(Protocol):
    """Where whole lines go."""

    def write(self, octets: bytes, *, entries: int) -> None:
        """Take so many lines; never blocks."""

    def close(self) -> None:
        """Write what waits, for a moment at most."""


class AccessLog:
    """Of one worker; used in the loop's thread only."""

    def __init__(self, loop: asyncio.AbstractEventLoop, form: Format, writer: Lines) -> None:
        self._loop = loop
        self._form = form
        self._writer = writer
        self._done: list[FinishedRequest] = []
        self._leaving: list[tuple[FinishedRequest, Sent]] = []
        self._timer: asyncio.TimerHandle | None = None

    def note(self, request: FinishedRequest, sent: Sent | None) -> None:
        """Log a request whose response is complete; sent: where it still waits to leave."""
        if sent is not None:
            self._leaving.append((request, sent))
        else:
            request.written = request.answered
            self._done.append(request)
        if self._timer is None:
            self._timer = self._loop.call_later(FLUSH_SECONDS, self._flush_in_time)
        elif len(self._done) >= FLUSH_REQUESTS:
            self.flush()

    def turn_ended(self, now: float) -> None:
        """Note the time for those whose octets have left by now."""
        leaving, self._leaving = self._leaving, []
        for request, sent in leaving:
            if sent.octets_unsent():
                self._leaving.append((request, sent))
            else:
                request.written = now
                self._done.append(request)

    def flush(self) -> None:
        """Give all lines to the writer."""
        if self._leaving:
            self.turn_ended(time.monotonic())
        done, self._done = self._done, []
        if done:
            form, now, passed = self._form, time.time(), time.monotonic()
            lines = b"".join([form(request, now - (passed - request.answered)) for request in done])
            self._writer.write(lines, entries=len(done))

    def _flush_in_time(self) -> None:
        self._timer = None
        self.flush()
        if self._leaving:  # slow peers: looked at again
            self._timer = self._loop.call_later(FLUSH_SECONDS, self._flush_in_time)

    def close(self) -> None:
        """Log what is known of everything, also of what has not left."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        now = time.monotonic()
        for request, _ in self._leaving:
            request.written = now
            self._done.append(request)
        self._leaving.clear()
        self.flush()
        self._writer.close()
