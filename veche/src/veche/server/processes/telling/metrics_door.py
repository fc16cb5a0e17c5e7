"""The bind on which metrics are told.

One job: listen there, again and again until the address is free, and answer scrapers.
Must not know: what the metrics are.
"""

import os
import selectors
from collections.abc import Callable
from typing import Final

from veche.server.errors import AddressError
from veche.server.processes.listener import Listener, close_all, listen_all
from veche.server.processes.telling.answering import NEVER, AnsweringDoor
from veche.server.processes.telling.metrics import END_OF_HEAD, respond

BACKLOG: Final = 16
AGAIN_SECONDS: Final = 1.0


class MetricsDoor:
    """While one master takes over from another, the address is still the older one's: the newer one waits for it."""

    def __init__(
        self,
        selector: selectors.BaseSelector,
        bind: str,
        permissions: int,
        text: Callable[[], str],
        *,
        say: Callable[[str], None],
        complain: Callable[[str], None],
        predecessor: int | None,
    ) -> None:
        """predecessor: the pid of the master that we take over from."""
        self._selector = selector
        self._bind = bind
        self._permissions = permissions
        self._text = text
        self._complain = complain
        self._say = say
        self._predecessor = predecessor
        self._said = False
        self._complained = False
        self._listeners: tuple[Listener, ...] = ()
        self._doors: list[AnsweringDoor] = []
        self._open_at = 0.0

    def deadline(self) -> float:
        """When `tend` should be called."""
        return min([self._open_at, *(door.deadline() for door in self._doors)])

    def tend(self, now: float) -> None:
        """Open, if that is due; let go of scrapers who take too long."""
        for door in self._doors:
            door.expire(now)
        if self._open_at <= now:
            self._open(now)

    def close(self) -> None:
        """Answer nobody any more."""
        for door in self._doors:
            door.close()
        close_all(self._listeners)
        self._open_at = NEVER

    def _open(self, now: float) -> None:
        try:
            self._listeners = listen_all((self._bind,), backlog=BACKLOG, permissions=self._permissions)
        except AddressError as error:
            self._open_at = now + AGAIN_SECONDS
            self._explain(error)
            return
        self._open_at = NEVER
        self._doors = [
            AnsweringDoor(
                self._selector, listener.socket, end=END_OF_HEAD, answer=self._answer, complain=self._complain
            )
            for listener in self._listeners
        ]

    def _explain(self, error: AddressError) -> None:
        # The old master started us: our parent, while it lives. It ran the same command, so it has the address by
        # design, and must not be stopped for it. Whatever else is wrong is said when it has left.
        if self._predecessor is not None and os.getppid() == self._predecessor:
            if not self._said:
                self._said = True
                self._say(
                    f"metrics: the old master (pid {self._predecessor}) still has {self._bind}; "
                    "the address is taken over when that one leaves"
                )
        elif not self._complained:
            self._complained = True
            self._complain(f"no metrics yet: {error}; it is tried again each second")

    def _answer(self, question: bytes) -> bytes:
        return respond(question, self._text())
