"""The three places where messages go: a text file, a file of JSON lines, a stream.

One job: write each entry whole, also when several processes share the file and when the file is rotated away.
Must not know: who logs, what the entry says.
"""

import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, TextIO

from veche.log.formats import json_entry, text_entry
from veche.log.sink import Level

Clock = Callable[[], float]

FILE_MODE: Final = 0o640  # a log names people; the world need not read it


class _AppendedFile:
    """A file where each entry is one write(2) with O_APPEND, so entries of several processes never mix.

    Before each write the name is looked up: when it was moved or removed (logrotate), the file is opened anew.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()
        file.parent.mkdir(parents=True, exist_ok=True)
        self._descriptor = -1
        self._reopen()

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

    def append(self, entry: bytes) -> None:
        """Write one entry. On a full disk it goes to stderr: a log must not cost a request its answer."""
        with self._lock:
            try:
                if self._descriptor < 0 or self._was_rotated():
                    self._reopen()
                rest = memoryview(entry)
                while rest:
                    rest = rest[os.write(self._descriptor, rest) :]
            except OSError as error:
                lost = entry.decode("utf-8", "backslashreplace")
                sys.stderr.write(f"log {self._file} cannot be written ({error.strerror}); the entry was: {lost}")

    def close(self) -> None:
        """Give the descriptor back; a later entry opens the file again."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class TextLog:
    """Entries of one line each in a text file: `2026-11-20T15:30:00.000Z INFO message name=value`."""

    def __init__(self, file_name: str, path: str | os.PathLike[str] = ".", *, clock: Clock = time.time) -> None:
        self._file = _AppendedFile(Path(path) / file_name)
        self._clock = clock

    def log_message(self, message: str, *, level: Level = Level.INFO, **fields: object) -> None:
        self._file.append(text_entry(self._clock(), message, level, fields).encode("utf-8"))

    def close(self) -> None:
        self._file.close()


class JsonLog:
    """Entries of one JSON object per line in a file: time, level, message and the fields."""

    def __init__(self, file_name: str, path: str | os.PathLike[str] = ".", *, clock: Clock = time.time) -> None:
        self._file = _AppendedFile(Path(path) / file_name)
        self._clock = clock

    def log_message(self, message: str, *, level: Level = Level.INFO, **fields: object) -> None:
        self._file.append(json_entry(self._clock(), message, level, fields))

    def close(self) -> None:
        self._file.close()


class StreamLog:
    """Text entries in an open stream; whoever opened the stream closes it."""

    def __init__(self, stream: TextIO, *, clock: Clock = time.time) -> None:
        self._stream = stream
        self._clock = clock

    def log_message(self, message: str, *, level: Level = Level.INFO, **fields: object) -> None:
        self._stream.write(text_entry(self._clock(), message, level, fields))
        self._stream.flush()

    def close(self) -> None:
        self._stream.flush()
