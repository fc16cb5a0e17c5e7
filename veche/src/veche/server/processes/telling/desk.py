"""Where the master tells what it knows.

One job: hold together the control socket, the kept verdicts and the metrics, for the master's loop.
Must not know: how workers are started and ended.
"""

import os
import selectors
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec

from veche.server.processes.telling.control import Control
from veche.server.processes.telling.status import ServerStatus
from veche.server.processes.words import Words
from veche.server.runtime_files import verdicts_path
from veche.server.settings import ServerSettings
from veche.server.settings.diagnosis import METRICS_OFF
from veche.server.verdicts.history import History
from veche.server.verdicts.verdict import Verdict

if TYPE_CHECKING:
    from veche.server.processes.telling.metrics_door import MetricsDoor


class Desk:
    """It opens when the first workers have been started: nothing here delays them."""

    def __init__(
        self,
        selector: selectors.BaseSelector,
        settings: ServerSettings,
        words: Words,
        *,
        first_address: str,
        status: Callable[[], ServerStatus],
        totals: Callable[[], list[int]],
        starts: Callable[[], int],
        predecessor: int | None,
    ) -> None:
        self._selector = selector
        self._settings = settings
        self._words = words
        self._first_address = first_address
        self._status = status
        self._totals = totals
        self._starts = starts
        self._predecessor = predecessor
        self._ends: dict[str, int] = {}
        self._metrics: MetricsDoor | None = None
        self._history = History(None)
        self._control: Control | None = None

    def open(self) -> None:
        """Take questions from now on. What cannot be opened is complained of, and the server goes on without it."""
        try:
            kept = self._history.all()
            file = verdicts_path(self._settings.verdicts_file, self._first_address)
            if file is not None and not os.access(file.parent, os.W_OK | os.X_OK):
                self._words.complain(
                    f"--verdicts-file (VECHE_VERDICTS_FILE): {file} cannot be written: {file.parent.absolute()} is no "
                    "folder in which this user may write; until it is, `veche doctor` knows nothing when the server "
                    "has gone"
                )
            self._history = History(file)
            for verdict in kept:
                self._history.add(verdict)
        except OSError as error:
            self._words.complain(f"verdicts are not kept in a file: {error}")
        self._control = Control(self._selector, self._settings.control_socket, self._whole_status, self._words.complain)
        if self._settings.metrics_bind != METRICS_OFF:
            from veche.server.processes.telling.metrics_door import MetricsDoor

            permissions = int(self._settings.socket_permissions, 8)
            bind = self._settings.metrics_bind
            self._metrics = MetricsDoor(
                self._selector,
                bind,
                permissions,
                self._metrics_text,
                say=self._words.say,
                complain=self._words.complain,
                predecessor=self._predecessor,
            )
            self._metrics.tend(time.monotonic())  # who hears that we serve may ask at once

    def _whole_status(self) -> ServerStatus:
        return msgspec.structs.replace(self._status(), verdicts=self._history.all())

    def _metrics_text(self) -> str:
        from veche.server.processes.telling.metrics import metrics_text

        return metrics_text(self._status(), self._totals(), self._starts(), self._ends)

    def ended(self, verdict: Verdict | None) -> None:
        """Count a worker that has ended, and keep the verdict on it; without one it ended as it was asked to."""
        word = verdict.kind.value if verdict is not None else "stopped"
        self._ends[word] = self._ends.get(word, 0) + 1
        if verdict is not None:
            self.keep(verdict)

    def keep(self, verdict: Verdict) -> None:
        """Remember a verdict for `veche doctor`."""
        self._history.add(verdict)

    def deadline(self) -> float:
        """When `tend` should be called."""
        doors = self._control.deadline() if self._control is not None else self._history.deadline()
        metrics = self._metrics.deadline() if self._metrics is not None else doors
        return min(doors, metrics, self._history.deadline())

    def tend(self, now: float) -> None:
        """Do what is due."""
        if self._control is not None:
            self._control.expire(now)
        if self._metrics is not None:
            self._metrics.tend(now)
        if self._history.deadline() <= now:
            try:
                self._history.write(now)
            except OSError as error:
                self._words.complain(f"verdicts are no longer kept in a file: {error}")
                self._history.forget_file()

    def close(self) -> None:
        """Take no more questions, and leave what was learnt."""
        with suppress(OSError):
            self._history.write(time.monotonic())
        if self._control is not None:
            self._control.close()
        if self._metrics is not None:
            self._metrics.close()
