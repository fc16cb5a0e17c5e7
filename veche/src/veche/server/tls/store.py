"""The context that new handshakes begin with, kept as fresh as its files.

One job: see that files have changed, and take them up when they are whole and fit together.
Must not know: connections; those that stand keep what they were shown.
"""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from veche.log import Level
from veche.server.errors import TlsError
from veche.server.settings.tls import TlsSettings
from veche.server.tls.contexts import TlsContext, files_of, open_context, report_troubles

if TYPE_CHECKING:
    from veche.server.bridges.exchange import Reporter  # the master checks certificates without loading the bridges

Marks = tuple[tuple[int, int, int] | None, ...]


class TlsStore:
    """`current` is the context of now; call `look` now and then (it costs a stat for each file)."""

    def __init__(self, settings: TlsSettings, protocols: Sequence[str], reporter: "Reporter") -> None:
        """Raises TlsError."""
        self._settings = settings
        self._protocols = protocols
        self._reporter = reporter
        self._files = files_of(settings)
        self._taken = self._seen = self._marks()
        self.current: TlsContext = open_context(settings, protocols)

    def look(self) -> None:
        """Take up files that have changed, and have not changed since the last look: a pair is written one by one."""
        marks = self._marks()
        settled, self._seen = marks == self._seen, marks
        if marks == self._taken or not settled:
            return
        self._taken = marks
        try:
            self.current = open_context(self._settings, self._protocols)
        except TlsError as error:
            self._reporter.log_message(
                f"the changed certificates are not taken up: {error}. New connections get the old ones",
                level=Level.ERROR,
            )
            return
        names = ", ".join(name for identity in self.current.identities for name in identity.certificate.names)
        self._reporter.log_message(f"the certificates have changed; new connections get the new ones ({names})")
        report_troubles(self.current, self._reporter)

    def _marks(self) -> Marks:
        return tuple(_mark(file) for file in self._files)


def _mark(file: str) -> tuple[int, int, int] | None:
    try:
        status = os.stat(file)
    except OSError:
        return None  # between the removal of the old one and the arrival of the new one
    return (status.st_ino, status.st_mtime_ns, status.st_size)
