"""The three places where messages go: a text file, a file of JSON lines, a stream.

One job: make each message an entry, and hand it to a thread that writes.
Must not know: who logs, what the entry says, how it is written.
"""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar, Final, TextIO

from veche.log.formats import FORMATS, Format, FormatName
from veche.log.lines import LineWriter
from veche.log.places import AppendedFile, Duplicate
from veche.log.sink import Level

Clock = Callable[[], float]

LIMIT_OCTETS: Final = 1024 * 1024  # of entries that wait for a place that is slow
STANDARD_STREAMS: Final = (1, 2)
MISSING: Final = "entries are missing here: they came faster than they could be written"


class _FileLog:
    """What both kinds of files share. form_name: how they differ."""

    form_name: ClassVar[FormatName]

    def __init__(
        self,
        file_name: str,
        path: str | os.PathLike[str] = ".",
        *,
        clock: Clock = time.time,
        limit_octets: int = LIMIT_OCTETS,
    ) -> None:
        file = Path(path) / file_name
        form = self._form = FORMATS[self.form_name]
        self._clock = clock
        self._writer = LineWriter(
            AppendedFile(file), limit_octets=limit_octets, missing=_missing(form, clock), name=f"log {file.name}"
        )

    def log_message(self, message: str, *, level: Level = Level.INFO, **fields: object) -> None:
        self._writer.write_soon(self._form(self._clock(), message, level, fields))

    def close(self) -> None:
        """Write what waits; a later entry opens the file again."""
        self._writer.close()


class TextLog(_FileLog):
    """Entries of one line each in a text file: `2026-11-20T15:30:00.000Z INFO message name=value`."""

    form_name = "text"


class JsonLog(_FileLog):
    """Entries of one JSON object per line in a file: time, level, message and the fields."""

    form_name = "json"


class StreamLog:
    """Entries in an open stream; whoever opened the stream closes it.

    A standard stream may be a pipe that nobody reads: a thread writes to it. Any other stream is written to at once.
    """

    def __init__(
        self,
        stream: TextIO,
        *,
        form: FormatName = "text",
        clock: Clock = time.time,
        limit_octets: int = LIMIT_OCTETS,
    ) -> None:
        self._stream = stream
        self._form = FORMATS[form]
        self._clock = clock
        self._writer: LineWriter | None = None
        descriptor = _descriptor(stream)
        if descriptor in STANDARD_STREAMS:
            missing = _missing(self._form, clock)
            self._writer = LineWriter(Duplicate(descriptor), limit_octets=limit_octets, missing=missing, name="log")

    def log_message(self, message: str, *, level: Level = Level.INFO, **fields: object) -> None:
        entry = self._form(self._clock(), message, level, fields)
        if self._writer is not None:
            self._writer.write_soon(entry)
            return
        self._stream.write(entry.decode("utf-8"))
        self._stream.flush()

    def close(self) -> None:
        """Write what waits."""
        if self._writer is not None:
            self._writer.close()
        else:
            self._stream.flush()


def _missing(form: Format, clock: Clock) -> Callable[[int], bytes]:
    return lambda count: form(clock(), MISSING, Level.WARNING, {"missing": count})


def _descriptor(stream: TextIO) -> int:
    """Return the stream's descriptor; -1 for one that has none."""
    try:
        return stream.fileno()
    except (OSError, ValueError):
        return -1
