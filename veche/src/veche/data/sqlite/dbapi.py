"""As much of DB-API 2.0 (PEP 249) on apsw as SQLAlchemy's engine needs to run migrations.

One job: let Alembic work through the same SQLite library as everything else in the process.
Must not know: migrations. docs/decisions/alembic-through-apsw.md says why this exists.

Unlike Python's sqlite3, DDL stands inside the transaction: a migration that fails leaves nothing behind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import apsw
import apsw.ext

apilevel = "2.0"
threadsafety = 1
paramstyle = "qmark"
sqlite_version = apsw.sqlite_lib_version()
sqlite_version_info = tuple(int(part) for part in sqlite_version.split("."))


class Error(Exception):
    """The base of this module's errors (PEP 249)."""


class DatabaseError(Error):
    """An error of the database."""


class OperationalError(DatabaseError):
    """The statement cannot be run, or the file cannot be used."""


class IntegrityError(DatabaseError):
    """A constraint refused a row."""


class InterfaceError(Error):
    """Never raised; SQLAlchemy asks for the name."""


class DataError(DatabaseError):
    """Never raised; SQLAlchemy asks for the name."""


class InternalError(DatabaseError):
    """Never raised; SQLAlchemy asks for the name."""


class ProgrammingError(DatabaseError):
    """Never raised; SQLAlchemy asks for the name."""


class NotSupportedError(DatabaseError):
    """Never raised; SQLAlchemy asks for the name."""


def _translate(error: apsw.Error) -> DatabaseError:
    kind = IntegrityError if isinstance(error, apsw.ConstraintError) else OperationalError
    return kind(f"{type(error).__name__}: {error}")


class Cursor:
    """One statement and its rows; all rows are read at once, as migrations read little."""

    arraysize = 1
    lastrowid: int | None = None

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._rows: list[tuple[Any, ...]] = []
        self.description: tuple[tuple[Any, ...], ...] | None = None
        self.rowcount = -1

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> Cursor:
        """Run one statement, in a transaction that is begun if none is open."""
        connection = self._connection.begun()
        try:
            # Asked beforehand: apsw's cursor no longer knows its columns once it has given the last row.
            described = apsw.ext.query_info(connection, sql).description
            self._rows = connection.execute(sql, tuple(parameters)).fetchall()
        except apsw.Error as error:
            raise _translate(error) from error
        self.description = tuple((name, None, None, None, None, None, None) for name, *_rest in described) or None
        self.rowcount = connection.changes()
        self.lastrowid = connection.last_insert_rowid()
        return self

    def executemany(self, sql: str, rows: Sequence[Sequence[Any]]) -> Cursor:
        """Run one statement for each row of parameters."""
        for row in rows:
            self.execute(sql, row)
        self.rowcount = len(rows)
        return self

    def fetchone(self) -> tuple[Any, ...] | None:
        """Return the next row, or None."""
        return self._rows.pop(0) if self._rows else None

    def fetchmany(self, size: int | None = None) -> list[tuple[Any, ...]]:
        """Return the next rows."""
        count = size or self.arraysize
        taken, self._rows = self._rows[:count], self._rows[count:]
        return taken

    def fetchall(self) -> list[tuple[Any, ...]]:
        """Return the rows that are left."""
        taken, self._rows = self._rows, []
        return taken

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return iter(self.fetchall())

    def close(self) -> None:
        """Forget the rows."""
        self._rows = []


class Connection:
    """An apsw connection that begins a transaction by itself, as DB-API asks."""

    isolation_level: str | None = ""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    def begun(self) -> apsw.Connection:
        """Return the connection with a transaction open."""
        if not self._connection.in_transaction:
            try:
                self._connection.execute("BEGIN IMMEDIATE")
            except apsw.Error as error:
                raise _translate(error) from error
        return self._connection

    def cursor(self) -> Cursor:
        """Return a new cursor."""
        return Cursor(self)

    def commit(self) -> None:
        """Make everything durable."""
        self._end("COMMIT")

    def rollback(self) -> None:
        """Undo everything."""
        self._end("ROLLBACK")

    def _end(self, how: str) -> None:
        if self._connection.in_transaction:
            try:
                self._connection.execute(how)
            except apsw.Error as error:
                raise _translate(error) from error

    def create_function(
        self, name: str, argument_count: int, function: Callable[..., Any], *, deterministic: bool = False
    ) -> None:
        """Register an SQL function; SQLAlchemy adds REGEXP."""
        self._connection.create_scalar_function(name, function, argument_count, deterministic=deterministic)

    def close(self) -> None:
        """Close the connection; what is not committed is undone."""
        self._connection.close()


def connect(*_arguments: Any, **_options: Any) -> Connection:
    """Refuse: the caller opens the apsw connection and hands it over by SQLAlchemy's `creator`."""
    raise InterfaceError("open the file with veche.data.sqlite.connections and wrap it in Connection")
