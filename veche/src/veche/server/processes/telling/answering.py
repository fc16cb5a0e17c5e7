"""A door in the master's loop for those who ask one thing and go: `veche status`, a scraper of metrics.

One job: read one question, write one answer, close; never wait for anybody, never hold more than a few askers.
Must not know: what is asked, what is answered.

The master must not be hurt by whoever connects: askers are few (the next ones wait in the kernel's queue), a question
is short, and both ways together have a deadline.
"""

import selectors
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

QUESTION_LIMIT_OCTETS: Final = 8192
ASKERS: Final = 16
PATIENCE_SECONDS: Final = 2.0
NO_DESCRIPTORS_SECONDS: Final = 1.0
NEVER: Final = float("inf")

Answer = Callable[[bytes], bytes]


class AnsweringDoor:
    """Answers on one listening socket, which it closes in the end.

    end: what a question ends with. answer: the octets for a question; what it raises costs only that asker, and is
    complained of.
    """

    def __init__(
        self,
        selector: selectors.BaseSelector,
        listener: socket.socket,
        *,
        end: bytes,
        answer: Answer,
        complain: Callable[[str], None],
    ) -> None:
        self._selector = selector
        self._listener = listener
        self._end = end
        self._answer = answer
        self._complain = complain
        self._askers: set[_Asker] = set()
        self._open = False
        self._again_at = NEVER  # when it is opened again after there was no descriptor left
        self._complained = False
        listener.setblocking(False)  # noqa: FBT003
        self._set_open(wanted=True)

    def deadline(self) -> float:
        """When `expire` should be called: the next asker's patience ends, or there may be descriptors again."""
        return min([self._again_at, *(asker.deadline for asker in self._askers)])

    def expire(self, now: float) -> None:
        """Let go of those whose time is over."""
        for asker in [asker for asker in self._askers if asker.deadline <= now]:
            self._leave(asker)
        if self._again_at <= now:
            self._set_open(wanted=True)

    def close(self) -> None:
        """Answer nobody any more."""
        for asker in list(self._askers):
            self._leave(asker)
        self._set_open(wanted=False)
        self._listener.close()

    def _accept(self, _events: int) -> None:
        try:
            connection, _ = self._listener.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return  # it has gone already
        except OSError as error:  # no descriptor or no memory: asked again at once, it would fail for ever
            self._refuse_for_a_while(error)
            return
        self._complained = False
        connection.setblocking(False)  # noqa: FBT003
        asker = _Asker(connection, time.monotonic() + PATIENCE_SECONDS)
        self._askers.add(asker)
        self._selector.register(connection, selectors.EVENT_READ, lambda _events: self._hear(asker))
        if len(self._askers) >= ASKERS:
            self._set_open(wanted=False)

    def _refuse_for_a_while(self, error: OSError) -> None:
        self._set_open(wanted=False)
        self._again_at = time.monotonic() + NO_DESCRIPTORS_SECONDS
        if not self._complained:
            self._complained = True
            self._complain(
                f"nobody can be answered now: {error.strerror}; raise the limit of open files (ulimit -n). "
                "Those who ask wait; it is tried again each second"
            )

    def _hear(self, asker: "_Asker") -> None:
        try:
            octets = asker.connection.recv(QUESTION_LIMIT_OCTETS)
        except BlockingIOError:
            return
        except OSError:
            octets = b""
        asker.question += octets
        if not octets or len(asker.question) > QUESTION_LIMIT_OCTETS:
            self._leave(asker)
        elif self._end in asker.question:
            self._selector.modify(asker.connection, selectors.EVENT_WRITE, lambda _events: self._speak(asker))
            try:
                asker.rest = memoryview(self._answer(bytes(asker.question)))
            except Exception as error:  # a fault of ours in telling must never end the master
                self._complain(f"a question could not be answered: {error!r}")
            self._speak(asker)

    def _speak(self, asker: "_Asker") -> None:
        try:
            asker.rest = asker.rest[asker.connection.send(asker.rest) :]
        except BlockingIOError:
            return
        except OSError:
            asker.rest = memoryview(b"")
        if not asker.rest:
            self._leave(asker)

    def _leave(self, asker: "_Asker") -> None:
        self._askers.discard(asker)
        with suppress(KeyError, ValueError):
            self._selector.unregister(asker.connection)
        asker.connection.close()
        self._set_open(wanted=True)

    def _set_open(self, *, wanted: bool) -> None:
        self._again_at = NEVER
        if wanted is self._open:
            return
        self._open = wanted
        if wanted:
            self._selector.register(self._listener, selectors.EVENT_READ, self._accept)
        else:
            self._selector.unregister(self._listener)


class _Asker:
    def __init__(self, connection: socket.socket, deadline: float) -> None:
        self.connection = connection
        self.deadline = deadline
        self.question = bytearray()
        self.rest = memoryview(b"")
