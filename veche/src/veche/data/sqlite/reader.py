"""Reading from SQLite without holding up the event loop.

One job: a query runs inline for a few milliseconds, and in a thread when that was not enough.
Must not know: writing, tasks of the application.

A point query takes 6 µs inline and over 130 µs through a thread, so threads are for the slow ones only.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import apsw
from sqlalchemy.engine import Dialect

from veche.data.sqlite.connections import open_reader, translate
from veche.data.sqlite.dialect import SQLITE
from veche.data.statement import Prepared, Row

INLINE_BUSY_MILLISECONDS: Final = 5
THREADS: Final = 2
STEPS_BETWEEN_LOOKS: Final = 2000  # of SQLite's virtual machine, about 0.1 ms


class TimedConnection:
    """A reading connection whose statements are stopped at a moment."""

    def __init__(self, path: Path, busy_milliseconds: int) -> None:
        self.connection = open_reader(path, busy_milliseconds=busy_milliseconds)
        self._stop_at = 0.0
        self.connection.set_progress_handler(self._is_late, STEPS_BETWEEN_LOOKS)

    def _is_late(self) -> bool:
        return time.monotonic() > self._stop_at

    def fetch(self, sql: str, arguments: tuple[Any, ...], seconds: float) -> list[Row]:
        """Return every row; raises apsw.InterruptError when it takes longer."""
        self._stop_at = time.monotonic() + seconds
        return self.connection.execute(sql, arguments).fetchall()


class SqliteReader:
    """Runs reading statements; each sees what is committed when it starts."""

    def __init__(self, path: Path, *, fuse_seconds: float, slow_seconds: float) -> None:
        self._path = path
        self._fuse_seconds = fuse_seconds
        self._slow_seconds = slow_seconds
        self._inline: TimedConnection | None = None
        self._pool: ThreadPoolExecutor | None = None
        self._idle: list[TimedConnection] = []
        self.reruns = 0

    @property
    def dialect(self) -> Dialect:
        """SQLite's."""
        return SQLITE

    async def fetch(self, prepared: Prepared[Any], arguments: tuple[Any, ...]) -> Sequence[Row]:
        """Return every row, from a thread if the fuse blew."""
        if self._inline is None:
            self._inline = TimedConnection(self._path, INLINE_BUSY_MILLISECONDS)
        try:
            return self._inline.fetch(prepared.sql, arguments, self._fuse_seconds)
        except (apsw.InterruptError, apsw.BusyError):  # busy: another process recovers or removes the WAL file
            self.reruns += 1
        except (apsw.Error, TypeError, ValueError, OverflowError) as error:
            raise translate(error) from error
        return await self._fetch_in_thread(prepared.sql, arguments)

    async def _fetch_in_thread(self, sql: str, arguments: tuple[Any, ...]) -> list[Row]:
        if self._pool is None:
            self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="sqlite-reader")
        timed = self._idle.pop() if self._idle else TimedConnection(self._path, 1000)
        future = asyncio.get_running_loop().run_in_executor(self._pool, timed.fetch, sql, arguments, self._slow_seconds)
        # The connection is free again when its thread has done with it, not when the caller loses patience.
        future.add_done_callback(lambda done: self._put_back(timed, done))
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            timed.connection.interrupt()
            raise
        except (apsw.Error, TypeError, ValueError, OverflowError) as error:
            raise translate(error) from error

    def _put_back(self, timed: TimedConnection, done: asyncio.Future[list[Row]]) -> None:
        if not done.cancelled():
            done.exception()  # seen: a cancelled caller no longer asks
        if self._pool is None or len(self._idle) >= THREADS:
            timed.connection.close()
        else:
            self._idle.append(timed)

    async def close(self) -> None:
        """Close the connections, after the statements that still run in threads."""
        pool, self._pool = self._pool, None
        if pool is not None:
            await asyncio.to_thread(pool.shutdown)
        for timed in self._idle:
            timed.connection.close()
        self._idle.clear()
        if self._inline is not None:
            self._inline.connection.close()
            self._inline = None
