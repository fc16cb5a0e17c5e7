"""`wsgi.file_wrapper` (PEP 3333, "Optional Platform-Specific File Handling").

One job: an iterable over a file, and what of it sendfile(2) may send.
Must not know: connections, threads.
"""

import io
import os
import stat
from collections.abc import Iterator
from typing import IO, Final

BLOCK_OCTETS: Final = 65536


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

    def region(self) -> tuple[int, int, int] | None:
        """Return a descriptor of its own, the offset and the octets left in a regular file; None for anything else.

        The caller closes the descriptor. It is a duplicate, so that an application that closes its file meanwhile
        cannot make us send another one that was given the same number.
        """
        try:
            descriptor = self._file.fileno()
            offset = self._file.tell()
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                return None
            return os.dup(descriptor), offset, max(status.st_size - offset, 0)
        except (AttributeError, OSError, io.UnsupportedOperation, TypeError):
            return None  # "file-like" is all that PEP 3333 asks for
