"""The last verdicts, in memory and in a file that outlives us.

One job: keep a bounded number, equal ones in a row as one.
Must not know: who judges, who reads.
"""

import os
from collections import deque
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import msgspec

from veche.server.verdicts.verdict import Verdict

KEPT: Final = 50
EVIDENCE_LIMIT: Final = 8000  # characters; the log has all of it
FILE_MODE: Final = 0o600
WRITE_SECONDS: Final = 1.0  # the least between two writes
NEVER: Final = float("inf")

_decode = msgspec.json.Decoder(list[Verdict]).decode


class History:
    """file: where it is kept too; None is nowhere."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._write_at = NEVER
        self._written = NEVER
        self._verdicts: deque[Verdict] = deque(read_verdicts(file) if file is not None else (), maxlen=KEPT)

    def add(self, verdict: Verdict) -> None:
        """Keep one more."""
        if len(verdict.evidence) > EVIDENCE_LIMIT:
            cut = verdict.evidence[:EVIDENCE_LIMIT] + "\n… (the log has all of it)"
            verdict = msgspec.structs.replace(verdict, evidence=cut)
        last = self._verdicts[-1] if self._verdicts else None
        if last is not None and (last.kind, last.worker, last.advice) == (verdict.kind, verdict.worker, verdict.advice):
            self._verdicts.pop()
            verdict = msgspec.structs.replace(verdict, times=last.times + 1)
        self._verdicts.append(verdict)
        if self._file is not None and self._write_at == NEVER:
            self._write_at = 0.0 if self._written == NEVER else self._written + WRITE_SECONDS

    def all(self) -> tuple[Verdict, ...]:
        """The oldest first."""
        return tuple(self._verdicts)

    def deadline(self) -> float:
        """When `write` should be called, on the clock of time.monotonic()."""
        return self._write_at

    def write(self, now: float) -> None:
        """Write what is new into the file; many verdicts at once are one write. Raises OSError."""
        if self._write_at != NEVER:
            self._write_at, self._written = NEVER, now
            self._write()

    def forget_file(self) -> None:
        """Go on in memory alone."""
        self._file = None

    def _write(self) -> None:
        """Replace the file as a whole, so that nobody reads half of it."""
        if self._file is None:
            return
        new = self._file.with_name(f"{self._file.name}.{os.getpid()}.new")
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, FILE_MODE)
        with open(descriptor, "wb") as stream:
            stream.write(msgspec.json.encode(list(self._verdicts)))
        new.replace(self._file)


def read_verdicts(file: Path) -> Iterable[Verdict]:
    """What a file keeps; nothing when there is none, or when it is not one of ours."""
    try:
        return _decode(file.read_bytes())
    except (OSError, msgspec.MsgspecError):
        return []
