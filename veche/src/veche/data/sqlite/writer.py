"""Writing to SQLite: one transaction at a time, whoever asks.

One job: the writer's connection, and a transaction on it.
Must not know: models, messages, retries.

Statements run inline on the loop's thread. COMMIT waits for the disk, so it alone hops to a thread.
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

from veche.data.errors import DatabaseUnavailable, DataError, UnitExpired
from veche.data.sqlite.connections import open_writer, translate
from veche.data.sqlite.dialect import SQLITE
from veche.data.sqlite.turns import WritersTurn
from veche.data.sqlite.violations import violation
from veche.data.statement import Prepared, Row
from veche.data.waiting import finish

STEPS_BETWEEN_LOOKS: Final = 2000
FOREIGN_WRITER_MILLISECONDS: Final = 5000


class SqliteWriter:
    """The connection that writes, and the thread that waits for the disk."""

    def __init__(self, path: Path, *, wait_seconds: float) -> None:
        self.path = path
        self.wait_seconds = wait_seconds
        self.turn = WritersTurn(path)
        self.stop_at: float | None = None
        self._connection: apsw.Connection | None = None
        self._thread: ThreadPoolExecutor | None = None

    @property
    def connection(self) -> apsw.Connection:
        """The open connection; opened at the first use."""
        if self._connection is None:
            self._connection = open_writer(self.path, busy_milliseconds=0)
            self._connection.set_progress_handler(self._is_late, STEPS_BETWEEN_LOOKS)
        return self._connection

    def _is_late(self) -> bool:
        return self.stop_at is not None and time.monotonic() > self.stop_at

    async def in_thread(self, sql: str, busy_milliseconds: int) -> None:
        """Run one statement that may wait, while the loop goes on."""
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="sqlite-writer")
        connection = self.connection

        def run() -> None:
            connection.set_busy_timeout(busy_milliseconds)
            try:
                connection.execute(sql)
            finally:
                connection.set_busy_timeout(0)

        await asyncio.get_running_loop().run_in_executor(self._thread, run)

    async def close(self) -> None:
        """Close connection, thread and lock files."""
        thread, self._thread = self._thread, None
        if thread is not None:
            await asyncio.to_thread(thread.shutdown)
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self.turn.close()


class SqliteTransaction:
    """BEGIN IMMEDIATE … COMMIT or ROLLBACK, with the turn held in between."""

    def __init__(self, writer: SqliteWriter, deadline_seconds: float) -> None:
        self._writer = writer
        self._deadline_seconds = deadline_seconds
        self._holds_turn = False

    @property
    def dialect(self) -> Dialect:
        """SQLite's."""
        return SQLITE

    async def begin(self) -> None:
        """Wait for the turn, and begin; raises DatabaseUnavailable when the turn does not come in time."""
        writer = self._writer
        try:
            async with asyncio.timeout(writer.wait_seconds):
                await writer.turn.acquire()
        except TimeoutError as error:
            raise DatabaseUnavailable(
                f"the writers of {writer.path.name} were busy for {writer.wait_seconds} s; try again"
            ) from error
        self._holds_turn = True
        try:
            await self._begin_immediate()
        except BaseException as error:
            self._end()
            if isinstance(error, apsw.Error):
                raise translate(error) from error
            raise
        writer.stop_at = time.monotonic() + self._deadline_seconds

    async def _begin_immediate(self) -> None:
        try:
            self._writer.connection.execute("BEGIN IMMEDIATE")
        except apsw.BusyError:  # a program that does not know our lock files writes: wait for it, off the loop
            begun = asyncio.ensure_future(self._writer.in_thread("BEGIN IMMEDIATE", FOREIGN_WRITER_MILLISECONDS))
            await finish(begun)

    async def fetch(self, prepared: Prepared[Any], arguments: tuple[Any, ...]) -> Sequence[Row]:
        """Return every row; raises ConstraintViolated, UnitExpired and the other errors of this package."""
        connection = self._writer.connection
        try:
            return connection.execute(prepared.sql, arguments).fetchall()
        except apsw.ConstraintError as error:
            raise violation(error, connection, prepared, arguments) from error
        except (apsw.Error, TypeError, ValueError, OverflowError) as error:
            raise self._translate(error) from error

    async def execute(self, prepared: Prepared[Any], arguments: tuple[Any, ...]) -> int:
        """Return how many rows were written."""
        await self.fetch(prepared, arguments)
        return self._writer.connection.changes()

    async def execute_many(self, prepared: Prepared[Any], rows: Sequence[tuple[Any, ...]]) -> None:
        """Run one writing statement for each row of arguments; one by one, so that a refused row is known."""
        for arguments in rows:
            await self.fetch(prepared, arguments)

    async def commit(self) -> None:
        """Make it durable. A cancelled caller still waits for the disk: then everyone knows what happened."""
        self._writer.stop_at = None
        task = asyncio.ensure_future(self._writer.in_thread("COMMIT", FOREIGN_WRITER_MILLISECONDS))
        try:
            await finish(task)
        except apsw.Error as error:  # disk full, I/O error: SQLite has written nothing
            raise translate(error) from error
        finally:
            self._end()

    async def rollback(self) -> None:
        """Undo everything and give the turn back; may be called twice."""
        self._end()

    def _end(self) -> None:
        if not self._holds_turn:
            return
        self._holds_turn = False
        self._writer.stop_at = None
        try:
            if self._writer.connection.in_transaction:
                self._writer.connection.execute("ROLLBACK")
        finally:
            self._writer.turn.release()

    def _translate(self, error: Exception) -> DataError:
        if isinstance(error, apsw.InterruptError):
            return UnitExpired(f"the unit of work was stopped after {self._deadline_seconds} s and rolled back")
        return translate(error)
