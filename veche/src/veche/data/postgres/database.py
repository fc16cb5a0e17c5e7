"""One PostgreSQL database as a Database.

One job: put reader, transactions and the calling thread's own connection together.
Must not know: models, units of work.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Mapping, Sequence
from typing import Any, Final

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import TupleRow
from sqlalchemy.engine import Dialect

from veche.data.errors import DataError
from veche.data.postgres.connections import ConnectionPool, server_has_gone
from veche.data.postgres.dialect import POSTGRESQL
from veche.data.postgres.reader import PostgresReader
from veche.data.postgres.sqlstates import translate
from veche.data.postgres.transaction import PostgresTransaction
from veche.data.statement import Row

# `?` outside of texts, quoted names and comments.
PLACEHOLDER: Final = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*|/\*.*?\*/|(\?)", re.DOTALL)


class PostgresDatabase:
    """A database of a PostgreSQL server; what is not given comes from PGHOST, PGPORT, PGDATABASE, PGUSER, PGPASSWORD.

    parameters: more of libpq's own, such as {"sslmode": "verify-full"}. pool_size: connections of this process.
    """

    def __init__(
        self,
        host: str | None = None,
        port: int | None = None,
        name: str | None = None,
        password: str | None = None,
        *,
        user: str | None = None,
        parameters: Mapping[str, str] | None = None,
        pool_size: int = 5,
        pool_wait_seconds: float = 1.0,
        statement_timeout_seconds: float = 5.0,
        lock_timeout_seconds: float = 2.0,
    ) -> None:
        given = {"host": host, "port": port, "dbname": name, "password": password, "user": user}
        self._given: dict[str, Any] = dict(parameters or {}) | {
            key: value for key, value in given.items() if value is not None
        }
        limits = {
            "statement_timeout": int(statement_timeout_seconds * 1000),
            "lock_timeout": int(lock_timeout_seconds * 1000),
            # A unit of work that stopped talking must not hold its locks for ever.
            "idle_in_transaction_session_timeout": int(statement_timeout_seconds * 2000),
            "timezone": "UTC",
        }
        options = " ".join(f"-c {setting}={value}" for setting, value in limits.items())
        self._parameters: dict[str, Any] = {
            "connect_timeout": 3,
            "keepalives_idle": 5,
            "keepalives_interval": 2,
            "keepalives_count": 2,
            "application_name": "veche",
        }
        self._parameters |= self._given
        self._parameters["options"] = f"{self._given.get('options', '')} {options}".strip()
        self._pool = ConnectionPool(self._parameters, size=pool_size, wait_seconds=pool_wait_seconds)
        self._reader = PostgresReader(self._pool)
        self._own = threading.Lock()
        self._own_connection: tuple[int, psycopg.Connection[TupleRow]] | None = None

    @classmethod
    def from_url(cls, url: str) -> PostgresDatabase:
        """Return the database of "postgresql://user:password@host:port/name?sslmode=require"."""
        try:
            known: dict[str, Any] = dict(conninfo_to_dict(url))
        except psycopg.Error as error:
            raise ValueError(f"this address of a PostgreSQL database cannot be read: {error}") from error
        port = known.pop("port", None)
        return cls(
            known.pop("host", None),
            int(port) if port else None,
            known.pop("dbname", None),
            known.pop("password", None),
            user=known.pop("user", None),
            parameters={key: str(value) for key, value in known.items()},
        )

    def connect_for_migration(self, wait_seconds: float) -> psycopg.Connection[TupleRow]:
        """Return a connection without our time limits, but for waiting on locks; raises DatabaseUnavailable."""
        options = f"-c lock_timeout={int(wait_seconds * 1000)} -c timezone=UTC"
        try:
            return psycopg.connect(
                **self._parameters | {"options": f"{self._given.get('options', '')} {options}".strip()}
            )
        except psycopg.Error as error:
            raise translate(error) from error

    @property
    def dialect(self) -> Dialect:
        """PostgreSQL's."""
        return POSTGRESQL

    @property
    def reader(self) -> PostgresReader:
        """Runs single reading statements."""
        return self._reader

    def transaction(self, deadline_seconds: float) -> PostgresTransaction:
        """Return a new transaction, not yet begun; the unit of work keeps its deadline."""
        return PostgresTransaction(self._pool)

    def execute_query(self, sql: str, parameters: Sequence[object] = ()) -> list[Row]:
        """Run one statement, committed when this returns, and return its rows; `?` stands for a parameter.

        Blocks the calling thread; in a coroutine use a unit of work. Raises the errors of veche.data.errors.
        """
        with self._own:
            try:
                return self._execute(numbered(sql), parameters)
            except psycopg.Error as error:
                raise self._lost(error) from error

    def _execute(self, sql: str, parameters: Sequence[object]) -> list[Row]:
        connection = self._open_own()
        # Without parameters the simple protocol is used, which takes several statements at once.
        cursor = connection.execute(sql.encode(), tuple(parameters) or None)
        return cursor.fetchall() if cursor.description is not None else []

    def _lost(self, error: psycopg.Error) -> DataError:
        if self._own_connection is not None and self._own_connection[1].closed:
            self._own_connection = None
        return translate(error)

    def _open_own(self) -> psycopg.Connection[TupleRow]:
        own = self._own_connection
        if own is None or own[0] != os.getpid() or server_has_gone(own[1]):
            # After a fork the parent's connection is left alone: closing it here would end the parent's session.
            opened = psycopg.connect(**self._parameters, autocommit=True, cursor_factory=psycopg.RawCursor)
            self._own_connection = own = os.getpid(), opened
        return own[1]

    async def close(self) -> None:
        """Close everything; the database may be used again afterwards."""
        await self._pool.close()
        self.close_own()

    def close_own(self) -> None:
        """Close what execute_query() opened in this process."""
        with self._own:
            if self._own_connection is not None and self._own_connection[0] == os.getpid():
                self._own_connection[1].close()
            self._own_connection = None


def numbered(sql: str) -> str:
    """Return the SQL with each `?` as $1, $2, …; those inside texts, quoted names and comments stay."""
    count = 0

    def replace(match: re.Match[str]) -> str:
        nonlocal count
        if match[1] is None:
            return match[0]
        count += 1
        return f"${count}"

    return PLACEHOLDER.sub(replace, sql)
