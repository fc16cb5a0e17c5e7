"""Where the octets of a log end: an open descriptor, or a file by its name.

One job: write each entry whole, also when several processes share the place and when a file is rotated away.
Must not know: entries' formats, who waits. Everything here may block: a thread of its own calls it (lines.py).
"""

import fcntl
import os
import select
import stat
from pathlib import Path
from typing import Final

STANDARD_ERROR: Final = 2
PIPE_OCTETS: Final = 4096  # PIPE_BUF: writes up to it are never mixed with other processes'
FILE_MODE: Final = 0o640  # a log names people; the world need not read it


class Descriptor:
    """An open descriptor, perhaps shared with other processes."""

    def __init__(self, number: int) -> None:
        self._number = number

    def put(self, octets: bytes, entries: int) -> None:
        """Write them all; into a pipe in parts that nobody's octets get into, as far as whole lines allow."""
        is_parted = entries > 1 and len(octets) > PIPE_OCTETS and stat.S_ISFIFO(os.fstat(self._number).st_mode)
        position = 0
        while position < len(octets):
            end = len(octets)
            if is_parted and end - position > PIPE_OCTETS:
                line_end = octets.rfind(b"\n", position, position + PIPE_OCTETS) + 1
                end = line_end or octets.index(b"\n", position) + 1
            self._put_part(octets[position:end])
            position = end

    def close(self) -> None:
        """Close it, unless it is a standard stream: those are everybody's."""
        if self._number > STANDARD_ERROR:
            os.close(self._number)

    def _put_part(self, octets: bytes) -> None:
        rest = memoryview(octets)
        while rest:
            try:
                rest = rest[os.write(self._number, rest) :]
            except BlockingIOError:  # somebody who shares it has set it not to block
                waiting = select.poll()
                waiting.register(self._number, select.POLLOUT)
                waiting.poll()


class Duplicate(Descriptor):
    """A descriptor of our own for what a standard stream's number means now.

    The application may close descriptor 2, and the next file or socket that it opens gets the number.
    """

    def __init__(self, number: int) -> None:
        try:
            own = fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, STANDARD_ERROR + 1)
        except OSError:  # it is closed already: every entry is one that could not be written
            own = -1
        super().__init__(own)

    def close(self) -> None:
        """Keep it: a later entry goes there, too. Whoever holds us last gives it back."""

    def __del__(self) -> None:
        super().close()


class NamedFile:
    """A file opened by its name, with O_APPEND, so that writes of several processes never mix.

    Before each write the name is looked up: when it was moved or removed (logrotate), the file is opened anew.
    """

    def __init__(self, file: Path) -> None:
        """Raises OSError, as `put` does."""
        self._file = file
        self._descriptor = -1
        self._reopen()

    def put(self, octets: bytes, entries: int) -> None:
        """Write them all."""
        if self._descriptor < 0 or self._was_rotated():
            self._reopen()
        Descriptor(self._descriptor).put(octets, entries)

    def _reopen(self) -> None:
        self.close()
        self._descriptor = os.open(self._file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)

    def _was_rotated(self) -> bool:
        try:
            there = os.stat(self._file)
        except FileNotFoundError:
            return True
        here = os.fstat(self._descriptor)
        return (there.st_ino, there.st_dev) != (here.st_ino, here.st_dev)

    def close(self) -> None:
        """Give the descriptor back; a later entry opens the file again."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class AppendedFile:
    """A NamedFile that cannot fail: what a full disk has no room for goes to standard error."""

    def __init__(self, file: Path) -> None:
        self._path = file
        file.parent.mkdir(parents=True, exist_ok=True)
        self._file = NamedFile(file)
        self._otherwise = Duplicate(STANDARD_ERROR)

    def put(self, octets: bytes, entries: int) -> None:
        """Write one entry. On a full disk it goes to stderr: a log must not cost a request its answer."""
        try:
            self._file.put(octets, entries)
        except OSError as error:
            # Not sys.stderr: whoever waits in it holds its lock, at which the interpreter would abort when it ends.
            words = f"log {self._path} cannot be written ({error.strerror}); the entry was: "
            self._otherwise.put(words.encode("utf-8", "backslashreplace") + octets, entries)

    def close(self) -> None:
        """Give the descriptor back; a later entry opens the file again."""
        self._file.close()
