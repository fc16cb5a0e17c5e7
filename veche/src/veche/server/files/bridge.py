"""Files before the application: a bridge around the application's bridge.

One job: send a request for a file of a mount to an exchange of our own, and every other one on.
Must not know: how a file is found (mounts.py), what is answered for it (answer.py), sockets.
"""

import asyncio
import os
from collections.abc import Sequence
from typing import Final

from veche.log import Level
from veche.server.bridges.exchange import (
    Bridge,
    ClientDisconnected,
    Exchange,
    FileTooShort,
    Outlet,
    Reporter,
)
from veche.server.bridges.in_front import BridgeInFront
from veche.server.bridges.own_answer import OwnAnswer
from veche.server.bridges.starting import StartTask
from veche.server.files.answer import FileAnswer, answer_with
from veche.server.files.mounts import Mount, NeedsSlash
from veche.server.scoreboard import Board
from veche.wire.h1 import RequestHead, ResponseRefused

INLINE_OCTETS: Final = 65536  # read and written at once; more goes by write_file, in a Task
READING: Final = ("GET", "HEAD")


class FilesBridge(BridgeInFront):
    """See the module. `running` counts files that are being sent, too."""

    def __init__(
        self,
        inner: Bridge,
        mounts: Sequence[Mount],
        *,
        cache_control: str,
        start_task: StartTask,
        board: Board,
        reporter: Reporter,
    ) -> None:
        super().__init__(inner)
        self._mounts = sorted(mounts, key=lambda mount: -len(mount.prefix))
        self._prefixes = tuple(mount.prefix for mount in mounts)
        self._without_slash = {mount.prefix[:-1]: mount for mount in mounts if mount.prefix != b"/"}
        self._cache_control = cache_control
        self.start_task = start_task
        self.board = board
        self.reporter = reporter
        self.sending: set[asyncio.Task[None]] = set()

    def open_exchange(self, outlet: Outlet, head: RequestHead) -> Exchange:
        """Return the exchange for a request."""
        line = head.line
        if line.path.startswith(self._prefixes):
            exchange = self._file_exchange(outlet, head)
            if exchange is not None:
                return exchange
        elif line.path in self._without_slash and self._without_slash[line.path].has_index:
            return self._to_slash(outlet, head)
        return super().open_exchange(outlet, head)

    def _file_exchange(self, outlet: Outlet, head: RequestHead) -> "FileExchange | None":
        line = head.line
        mount = next(mount for mount in self._mounts if line.path.startswith(mount.prefix))
        try:
            file = mount.open(line.path, line.raw_path)
        except NeedsSlash:
            return self._to_slash(outlet, head)
        if file is None:
            return None
        if line.method not in READING:
            file.close()
            return FileExchange(self, outlet, head, 405, [(b"allow", b"GET, HEAD")])
        answer = answer_with(mount, file, line.method, head.fields, self._cache_control)
        return FileExchange(self, outlet, head, answer.status, answer.fields, answer=answer)

    def _to_slash(self, outlet: Outlet, head: RequestHead) -> "FileExchange":
        line = head.line
        query = b"?" + line.query if line.query else b""
        return FileExchange(self, outlet, head, 308, [(b"location", line.raw_path + b"/" + query)])

    @property
    def running(self) -> int:
        return super().running + len(self.sending)

    def cancel_all(self) -> None:
        super().cancel_all()
        for task in list(self.sending):
            task.cancel()


class FileExchange(OwnAnswer):
    """One request that is answered with a file, a part of one, or a status alone."""

    def __init__(
        self,
        bridge: FilesBridge,
        outlet: Outlet,
        head: RequestHead,
        status: int,
        fields: list[tuple[bytes, bytes]],
        *,
        answer: FileAnswer | None = None,
    ) -> None:
        self._bridge = bridge
        self._outlet = outlet
        self._head = head
        self._status = status
        self._fields = fields
        self._answer = answer
        self._task: asyncio.Task[None] | None = None
        self._gone = False

    @property
    def running(self) -> bool:
        """Return whether the file is still being sent."""
        return self._task is not None and not self._task.done()

    def start(self) -> None:
        """Answer now; what is large goes on in a Task."""
        answer = self._answer
        try:
            self._outlet.start_response(self._status, self._fields)
            if answer is None or self._head.line.is_head or answer.start == answer.end:
                self._outlet.write_body(b"", more=False)
            elif answer.end - answer.start <= INLINE_OCTETS:
                self._send_at_once(answer)
            else:
                self._task = self._bridge.start_task(self._send(answer))
                if not self._task.done():
                    self._bridge.sending.add(self._task)
                    self._task.add_done_callback(self._bridge.sending.discard)
                return
        except (OSError, ResponseRefused) as error:
            self._cut(error)
        if answer is not None:
            answer.file.close()

    def _send_at_once(self, answer: FileAnswer) -> None:
        octets = os.pread(answer.file.descriptor, answer.end - answer.start, answer.start)
        if len(octets) < answer.end - answer.start:
            raise FileTooShort("the file became shorter between two calls")
        self._outlet.write_body(octets, more=False)

    async def _send(self, answer: FileAnswer) -> None:
        slot = self._bridge.board.enter(self._head.line.label, self._outlet.peer_label)
        try:
            await self._outlet.write_file(answer.file.descriptor, answer.start, answer.end - answer.start)
            self._outlet.write_body(b"", more=False)
        except ClientDisconnected:
            pass
        except asyncio.CancelledError:
            if not self._gone:
                self._outlet.fail_response(503)
        except OSError as error:
            self._cut(error)
        finally:
            self._bridge.board.leave(slot)
            answer.file.close()

    def _cut(self, error: Exception) -> None:
        self._bridge.reporter.log_message(
            "a file could not be sent",
            level=Level.ERROR,
            target=self._head.line.target.decode("ascii"),
            reason=str(error),
        )
        self._outlet.fail_response(500)

    def peer_lost(self) -> None:
        """Stop sending."""
        self._gone = True
        if self._task is not None:
            self._task.cancel()
