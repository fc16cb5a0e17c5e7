"""USR2 in the old master: a new one is started beside it, and takes over when it serves.

One job: begin it, hear of it, and give it up when it takes too long.
Must not know: workers, and how this master drains.
"""

import os
import selectors
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from veche.log import Level
from veche.server.processes.listener import Listener
from veche.server.processes.succession.inheritance import Successor, start_successor
from veche.server.processes.words import Words

NEVER: Final = float("inf")


class Handover:
    """taken_over(pid): that new master serves. folder: where it is started; None for here."""

    def __init__(
        self,
        selector: selectors.BaseSelector,
        words: Words,
        *,
        folder: str | None,
        patience_seconds: float,
        taken_over: Callable[[int], None],
    ) -> None:
        self._selector = selector
        self._words = words
        self._folder = folder
        self._patience_seconds = patience_seconds
        self._taken_over = taken_over
        self._successor: Successor | None = None

    @property
    def goes_on(self) -> bool:
        """Whether there is a new master, ready or not."""
        return self._successor is not None

    def deadline(self) -> float:
        """When `enforce` should be called."""
        return self._successor.deadline if self._successor is not None else NEVER

    def begin(self, listeners: Sequence[Listener]) -> None:
        """Start a new master on these sockets."""
        if os.getpid() == 1:
            self._words.say("USR2: process 1 of a container ends with it; replace the container instead", Level.ERROR)
            return
        try:
            deadline = time.monotonic() + self._patience_seconds
            successor = self._successor = start_successor(listeners, deadline, self._folder)
        except OSError as error:
            self._words.say(f"USR2: a new master cannot be started ({error}); this one serves on", Level.ERROR)
            return
        self._selector.register(successor.control, selectors.EVENT_READ, lambda _events: self._hear())
        self._words.say(f"USR2: a new master starts (pid {successor.process.pid}); this one serves until that one does")

    def call_off(self) -> None:
        """End a new master that does not serve yet: this one stops."""
        if self._successor is not None and not self._successor.is_ready:
            self._successor.is_called_off = True
            self._successor.end()

    def enforce(self, now: float) -> None:
        """Kill a new master that takes too long."""
        if self._successor is not None and now >= self._successor.deadline:
            self._successor.deadline = NEVER
            self._words.say("the new master was not ready in time; ending it", Level.ERROR)
            self._successor.process.kill()

    def look(self) -> None:
        """See whether the new master has ended; call it after SIGCHLD."""
        successor = self._successor
        if successor is None or successor.process.poll() is None:
            return
        self._successor = None
        if successor.is_ready:
            return
        with suppress(KeyError, ValueError):
            self._selector.unregister(successor.control)
        successor.control.close()
        if successor.is_called_off:
            return
        self._words.say(
            f"the new master (pid {successor.process.pid}) ended with {successor.process.returncode} before it "
            "served; its reason stands above. This one serves on",
            Level.ERROR,
        )

    def _hear(self) -> None:
        successor = self._successor
        if successor is None:
            return  # its end was seen first; this event is of the same look
        more = successor.hear()
        if successor.is_ready or not more:
            self._selector.unregister(successor.control)
            successor.control.close()
        if successor.is_ready:
            successor.deadline = NEVER
            self._taken_over(successor.process.pid)
