"""`wsgi.file_wrapper` (PEP 3333, "Optional Platform-Specific File Handling").

One job: an iterable over a file, and what of it sendfile(2) may send.
Must not know: connections, threads.
"""

import io
import os
import stat
import tempfile
from collections.abc import Iterator
from typing import IO, Final

BLOCK_OCTETS: Final = 65536
Region = tuple[int, int, int]  # a descriptor, an offset, and how many octets follow it


class FileWrapper:
    """An iterable over a file, in blocks; closing it closes the file. An application returns it as it is."""

    def __init__(self, file: IO[bytes], block_octets: int = BLOCK_OCTETS) -> None:
        self._file = file
        self._block_octets = block_octets

    def __iter__(self) -> Iterator[bytes]:
        while block := self._file.read(self._block_octets):
            yield block

    def close(self) -> None:
        """Close the file, if it can be closed."""
        close = getattr(self._file, "close", None)
        if close is not None:
            close()

    def region(self) -> Region | None:
        """Return what is left of a regular file; None for anything else. The caller closes the descriptor.

        It is a duplicate, so that an application that closes its file meanwhile cannot make us send another one that
        was given the same number.
        """
        try:
            file = _plain_file(self._file)
            if file is None:
                return None
            offset = file.tell()
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                return None
            return os.dup(file.fileno()), offset, max(status.st_size - offset, 0)
        except (OSError, ValueError):  # ValueError: it is closed already; whoever reads it will say so
            return None


def _plain_file(file: object) -> "io.FileIO | io.BufferedReader | io.BufferedRandom | None":
    """Return the file whose octets are those of its descriptor; a GzipFile has a descriptor, too, and others."""
    for _ in range(3):  # Django's FieldFile holds a File, which holds a file
        if isinstance(file, io.FileIO):
            return file
        if isinstance(file, (io.BufferedReader, io.BufferedRandom)):
            return file if isinstance(file.raw, io.FileIO) else None
        inner = getattr(file, "file", None)
        if inner is None:
            return None
        hands_on = isinstance(file, tempfile._TemporaryFileWrapper) or getattr(file, "read", None) == inner.read
        if not hands_on:
            return None
        file = inner
    return None
