"""What the master answers: who does what now, what went wrong last.

One job: the control socket, its two questions, and the history of verdicts.
Must not know: how workers are started and ended, how answers are shown.
"""

import os
import selectors
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from veche.server.processes.telling.answering import NEVER, AnsweringDoor
from veche.server.processes.telling.status import ServerStatus
from veche.server.runtime_files import control_path

SOCKET_UMASK: Final = 0o177  # 0600: whoever may ask sees paths, queries and addresses
STATUS: Final = b"status\n"


class Control:
    """The door for `veche status` and `veche doctor`. Without one the server serves all the same, and complains."""

    def __init__(
        self,
        selector: selectors.BaseSelector,
        setting: str,
        status: Callable[[], ServerStatus],
        complain: Callable[[str], None],
    ) -> None:
        self._status = status
        self._door: AnsweringDoor | None = None
        self._path: Path | None = None
        self._inode = 0
        try:
            self._path = control_path(setting, os.getpid())
            if self._path is not None:
                listener = _listen(self._path)
                self._inode = self._path.stat().st_ino
                self._door = AnsweringDoor(selector, listener, end=b"\n", answer=self._answer, complain=complain)
        except OSError as error:
            complain(f"there is no control socket, so `veche status` does not find this server: {error}")

    def deadline(self) -> float:
        """When `expire` should be called."""
        return self._door.deadline() if self._door is not None else NEVER

    def expire(self, now: float) -> None:
        """Let go of askers who take too long."""
        if self._door is not None:
            self._door.expire(now)

    def close(self) -> None:
        """Take the socket away, unless its name is another server's by now."""
        if self._door is None or self._path is None:
            return
        self._door.close()
        with suppress(OSError):
            if self._path.stat().st_ino == self._inode:
                self._path.unlink()

    def _answer(self, question: bytes) -> bytes:
        if question != STATUS:
            return b'{"error": "the only question is: status"}\n'
        return msgspec.json.encode(self._status()) + b"\n"


def _listen(path: Path) -> socket.socket:
    """Bind beside the path and move the socket there: a server that takes over from another is never without one."""
    beside = path.with_name(f"{path.name}.{os.getpid()}")
    beside.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    mask = os.umask(SOCKET_UMASK)
    try:
        listener.bind(os.fspath(beside))
        listener.listen()
        beside.replace(path)
    except OSError:
        listener.close()
        raise
    finally:
        os.umask(mask)
    return listener
