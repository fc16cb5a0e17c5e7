"""Connections to one SQLite file, opened the one right way.

One job: a connection with our pragmas, and apsw's errors in the words of veche.data.errors.
Must not know: statements of the application, tasks, locks between processes.

apsw brings its own SQLite (3.51.3 or newer: older ones can corrupt a WAL file that two connections write). Nothing in a
process that uses this package may open the same file with Python's sqlite3: the POSIX locks of two libraries break
each other.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import apsw

from veche.data.errors import DatabaseUnavailable, DataError, StatementTimedOut, StatementWrong, ValueRefused

OLDEST_SAFE_SQLITE: Final = (3, 51, 3)
WRITER_PRAGMAS: Final = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",  # acknowledged means on disk
    "PRAGMA foreign_keys=ON",
    "PRAGMA temp_store=MEMORY",
    "PRAGMA cache_size=-16000",
    "PRAGMA journal_size_limit=67108864",
)
READER_PRAGMAS: Final = ("PRAGMA query_only=ON", "PRAGMA temp_store=MEMORY", "PRAGMA cache_size=-16000")
EVERY_CONNECTION: Final = ("PRAGMA case_sensitive_like=ON",)  # as PostgreSQL's LIKE
STATEMENTS_KEPT: Final = 300


def open_writer(path: Path, *, busy_milliseconds: int) -> apsw.Connection:
    """Return a connection that may write; makes the file when it is missing (not its folder)."""
    flags = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
    # Switching a new file to WAL needs it alone for a moment, so the pragmas wait; afterwards the caller's bound holds.
    connection = _open(path, flags, 5000, WRITER_PRAGMAS)
    connection.set_busy_timeout(busy_milliseconds)
    return connection


def open_reader(path: Path, *, busy_milliseconds: int) -> apsw.Connection:
    """Return a connection that cannot write; raises DatabaseUnavailable when there is no file."""
    # Not SQLITE_OPEN_READONLY: the first reader after a crash has to recover the WAL file.
    return _open(path, apsw.SQLITE_OPEN_READWRITE, busy_milliseconds, READER_PRAGMAS)


def _open(path: Path, flags: int, busy_milliseconds: int, pragmas: tuple[str, ...]) -> apsw.Connection:
    version = tuple(int(part) for part in apsw.sqlite_lib_version().split("."))
    if version < OLDEST_SAFE_SQLITE:
        raise DatabaseUnavailable(
            f"SQLite {version} can corrupt WAL files; install an apsw with SQLite 3.51.3 or newer"
        )
    try:
        connection = apsw.Connection(str(path), flags=flags, statementcachesize=STATEMENTS_KEPT)
    except apsw.CantOpenError as error:
        raise DatabaseUnavailable(
            f"{path} cannot be opened: {error}; check that the folder exists and is writable, and migrate first"
        ) from error
    try:
        connection.set_busy_timeout(busy_milliseconds)
        for pragma in (*pragmas, *EVERY_CONNECTION):
            connection.execute(pragma).fetchall()
        # SQLite's own lower() knows ASCII only; SQLAlchemy's ilike() is lower(a) LIKE lower(b).
        connection.create_scalar_function("lower", _lower, 1, deterministic=True)
    except apsw.Error as error:
        connection.close()
        raise translate(error) from error
    return connection


def _lower(*arguments: apsw.SQLiteValue) -> apsw.SQLiteValue:
    (value,) = arguments
    return value.lower() if isinstance(value, str) else value


def translate(error: Exception) -> DataError:
    """Return the error of this package for one of apsw's that is not about a constraint."""
    match error:
        case apsw.InterruptError():
            return StatementTimedOut("the statement ran longer than it may and was stopped; nothing was written")
        case apsw.BusyError() | apsw.LockedError():
            return DatabaseUnavailable(f"the SQLite file is locked by another program: {error}; try again")
        case apsw.SQLError() | apsw.RangeError() | apsw.BindingsError() | apsw.MisuseError():
            return StatementWrong(f"SQLite cannot run this statement: {error}")
        case apsw.MismatchError() | apsw.TooBigError():
            return ValueRefused(f"SQLite cannot keep this value: {error}; nothing was written")
        case apsw.ReadOnlyError():
            return StatementWrong(f"this connection only reads: {error}; write in a unit of work")
        case apsw.Error():  # full, I/O error, corrupt, not a database, no permission
            return DatabaseUnavailable(f"SQLite cannot serve: {type(error).__name__}: {error}; look at disk and file")
        case _:  # apsw reports a value it cannot bind with Python's own TypeError, OverflowError, UnicodeError
            return ValueRefused(f"SQLite cannot keep this value: {error}; nothing was written")
