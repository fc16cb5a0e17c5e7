"""One SQLite file as a Database.

One job: put reader, writer and the calling thread's own connection together.
Must not know: models, units of work.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Final, cast

import apsw
from sqlalchemy.engine import Dialect

from veche.data.sqlite.connections import open_writer, translate
from veche.data.sqlite.dialect import SQLITE
from veche.data.sqlite.reader import SqliteReader
from veche.data.sqlite.turns import FileLock
from veche.data.sqlite.violations import violation
from veche.data.sqlite.writer import SqliteTransaction, SqliteWriter
from veche.data.statement import Row

# What begins otherwise waits for its turn to write; a reading WITH waits needlessly, which is harmless.
READING: Final = {"SELECT", "VALUES", "PRAGMA", "EXPLAI"}


class SqliteDatabase:
    """A file of SQLite; nothing is opened before the first use.

    read_fuse_seconds: a read that takes longer starts anew in a thread; slow_read_seconds: there it is stopped.
    wait_seconds: how long a unit of work waits for the writers before it.
    """

    def __init__(
        self,
        name: str | Path,
        *,
        read_fuse_seconds: float = 0.02,
        slow_read_seconds: float = 10.0,
        wait_seconds: float = 5.0,
    ) -> None:
        if str(name) in {"", ":memory:"} or str(name).startswith("file:"):
            raise ValueError(f"{name!r} is not a file; each connection to it would see another database; give a path")
        self.path = Path(name).absolute()
        self._wait_seconds = wait_seconds
        self._reader = SqliteReader(self.path, fuse_seconds=read_fuse_seconds, slow_seconds=slow_read_seconds)
        self._writer = SqliteWriter(self.path, wait_seconds=wait_seconds)
        self._own = threading.Lock()
        self._own_connection: tuple[int, apsw.Connection, FileLock] | None = None

    @property
    def dialect(self) -> Dialect:
        """SQLite's."""
        return SQLITE

    @property
    def reader(self) -> SqliteReader:
        """Runs single reading statements."""
        return self._reader

    def transaction(self, deadline_seconds: float) -> SqliteTransaction:
        """Return a new transaction, not yet begun."""
        return SqliteTransaction(self._writer, deadline_seconds)

    def execute_query(self, sql: str, parameters: Sequence[object] = ()) -> list[Row]:
        """Run one statement, committed when this returns, and return its rows; `?` stands for a parameter.

        Blocks the calling thread; in a coroutine use a unit of work. Raises the errors of veche.data.errors.
        """
        with self._own:
            connection, turn = self._open_own()
            try:
                values = cast("tuple[apsw.SQLiteValue, ...]", tuple(parameters))  # apsw refuses what is none of these
                if sql.lstrip()[:6].upper() in READING:
                    return connection.execute(sql, values).fetchall()
                turn.acquire_within(self._wait_seconds)
                try:
                    return connection.execute(sql, values).fetchall()
                finally:
                    turn.release()
            except apsw.ConstraintError as error:
                raise violation(error, connection, None, ()) from error
            except (apsw.Error, TypeError, ValueError, OverflowError) as error:
                raise translate(error) from error

    def _open_own(self) -> tuple[apsw.Connection, FileLock]:
        if self._own_connection is None or self._own_connection[0] != os.getpid():
            # After a fork the parent's connection is left alone: closing it here would drop the parent's locks.
            lock = FileLock(self.path.with_name(self.path.name + "-writing"))
            connection = open_writer(self.path, busy_milliseconds=int(self._wait_seconds * 1000))
            self._own_connection = os.getpid(), connection, lock
        return self._own_connection[1], self._own_connection[2]

    async def close(self) -> None:
        """Close everything; the database may be used again afterwards."""
        await self._reader.close()
        await self._writer.close()
        self.close_own()

    def close_own(self) -> None:
        """Close what execute_query() opened in this process."""
        with self._own:
            if self._own_connection is not None and self._own_connection[0] == os.getpid():
                self._own_connection[1].close()
                self._own_connection[2].close()
            self._own_connection = None
