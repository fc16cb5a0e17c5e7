"""A request's body, from the loop that receives it to the thread that reads it.

One job: keep it in memory, then on disk, then in a bounded queue; offer it as `wsgi.input`.
Must not know: connections, what the body means.

A body that is whole needs no synchronisation: the loop has finished with it before a thread begins. Only what is larger
than `spool_disk_octets` streams, and its reader waits for the loop.
"""

import io
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterable
from typing import IO, TYPE_CHECKING, Final, NoReturn

from veche.server.bridges.exchange import ClientDisconnected

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer


class _EmptyInput(io.BytesIO):
    """The body of every request that has none: nothing to read, and no place to leave something for the next."""

    def close(self) -> None:
        """Stay open for the others."""

    def write(self, _octets: "ReadableBuffer", /) -> NoReturn:
        raise io.UnsupportedOperation("wsgi.input is for reading")

    def writelines(self, _lines: "Iterable[ReadableBuffer]", /) -> NoReturn:
        raise io.UnsupportedOperation("wsgi.input is for reading")

    def writable(self) -> bool:
        return False


EMPTY: Final[IO[bytes]] = _EmptyInput()


class CollectedBody:
    """What has arrived so far. Used in the loop's thread alone until `hand_out`."""

    def __init__(self, spool_octets: int) -> None:
        self.octets = 0
        self._spool_octets = spool_octets
        self._memory: io.BytesIO | None = None
        self._file: IO[bytes] | None = None

    def add(self, octets: bytes) -> None:
        """Keep a part. Raises OSError when the disk does not take it."""
        self.octets += len(octets)
        if self._file is not None:
            self._file.write(octets)
        elif self.octets > self._spool_octets:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115  # closed by whoever holds the body
            if self._memory is not None:
                self._file.write(self._memory.getvalue())
                self._memory = None
            self._file.write(octets)
        elif self._memory is None:
            self._memory = io.BytesIO(octets)  # no copy; most bodies are one part
        else:  # not a list of parts: a peer that sends single octets would make each of them an object
            self._memory.seek(0, io.SEEK_END)
            self._memory.write(octets)

    def hand_out(self) -> IO[bytes]:
        """Return what has arrived, to be read from its beginning; whoever takes it closes it."""
        kept = self._file or self._memory or io.BytesIO()
        self._file = self._memory = None
        kept.seek(0)
        return kept

    def discard(self) -> None:
        """Give back what is kept."""
        if self._file is not None:
            self._file.close()
        self._file = self._memory = None


class BodyStream(io.RawIOBase):
    """A body of which a part is still to come: what was collected, then what the loop feeds.

    `want_more` is called in the reader's thread when there is room again after `feed` has said that there is none.
    """

    def __init__(self, collected: IO[bytes], limit_octets: int, want_more: Callable[[], None]) -> None:
        self._collected: IO[bytes] | None = collected
        self._limit_octets = limit_octets
        self._want_more = want_more
        self._parts: deque[bytes] = deque()
        self._octets = 0
        self._full = False
        self._ended = False
        self._broken = False
        self._change = threading.Condition()

    # In the loop's thread.

    def feed(self, octets: bytes) -> bool:
        """Take a part; return whether there is room for more."""
        with self._change:
            self._parts.append(octets)
            self._octets += len(octets)
            self._full = self._octets >= self._limit_octets
            self._change.notify()
            return not self._full

    def end(self) -> None:
        """The body is whole."""
        with self._change:
            self._ended = True
            self._change.notify()

    def break_off(self) -> None:
        """Nothing comes any more, and what has come is not the whole: whoever reads gets an OSError."""
        with self._change:
            self._broken = True
            self._change.notify()

    # In the reader's thread.

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        """Put into the buffer what is there, at least one octet; 0 at the end. Raises ClientDisconnected."""
        view = memoryview(buffer).cast("B")
        if self._collected is not None:
            octets = self._collected.read(len(view))
            if octets:
                view[: len(octets)] = octets
                return len(octets)
            self._collected.close()
            self._collected = None
        return self._take(view)

    def _take(self, view: memoryview) -> int:
        with self._change:
            while not (self._parts or self._ended or self._broken):
                self._change.wait()
            if self._broken:
                raise ClientDisconnected("the rest of the request's body will not come")
            if not self._parts:
                return 0
            part = self._parts.popleft()
            if len(part) > len(view):
                self._parts.appendleft(part[len(view) :])
                part = part[: len(view)]
            self._octets -= len(part)
            has_room = self._full and self._octets < self._limit_octets
            if has_room:
                self._full = False
        view[: len(part)] = part
        if has_room:
            self._want_more()
        return len(part)

    def close(self) -> None:
        if self._collected is not None:
            self._collected.close()
            self._collected = None
        super().close()
