"""Writing to PostgreSQL: one transaction on one connection.

One job: BEGIN, statements, COMMIT or ROLLBACK, and what is known when that fails. Must not know: models, retries.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg.rows import TupleRow
from sqlalchemy.engine import Dialect

from veche.data.errors import DatabaseUnavailable, OutcomeUnknown, TransactionConflict
from veche.data.postgres.connections import Connection, ConnectionPool, NoConnection
from veche.data.postgres.dialect import POSTGRESQL
from veche.data.postgres.sqlstates import translate
from veche.data.statement import Prepared, Row
from veche.data.waiting import finish


class PostgresTransaction:
    """BEGIN … COMMIT or ROLLBACK on a connection of its own. READ COMMITTED: lock the rows you decide by."""

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool
        self._connection: Connection | None = None

    @property
    def dialect(self) -> Dialect:
        """PostgreSQL's."""
        return POSTGRESQL

    async def begin(self) -> None:
        """Take a connection, and begin; raises DatabaseUnavailable."""
        try:
            await self._begin_once()
        except NoConnection:
            raise
        except DatabaseUnavailable:
            await self._begin_once()

    async def _begin_once(self) -> None:
        self._connection = await self._pool.take()
        try:
            await self._connection.execute("BEGIN")
        except BaseException as error:
            await self.rollback()
            if isinstance(error, psycopg.Error):
                raise translate(error) from error
            raise

    async def fetch(self, prepared: Prepared[Any], arguments: tuple[Any, ...]) -> Sequence[Row]:
        """Return every row."""
        cursor = await self._run(prepared, arguments)
        return await cursor.fetchall() if cursor.description is not None else []

    async def execute(self, prepared: Prepared[Any], arguments: tuple[Any, ...]) -> int:
        """Return how many rows were written."""
        return (await self._run(prepared, arguments)).rowcount

    async def execute_many(self, prepared: Prepared[Any], rows: Sequence[tuple[Any, ...]]) -> None:
        """Run one writing statement for each row of arguments, without waiting for an answer in between."""
        assert self._connection is not None, "begin() comes first"
        try:
            await self._connection.cursor().executemany(prepared.sql, rows)
        except psycopg.Error as error:
            raise translate(error, prepared.plan.table) from error

    async def _run(self, prepared: Prepared[Any], arguments: tuple[Any, ...]) -> psycopg.AsyncCursor[TupleRow]:
        assert self._connection is not None, "begin() comes first"
        try:
            return await self._connection.execute(prepared.sql, arguments)
        except psycopg.Error as error:
            raise translate(error, prepared.plan.table) from error

    async def commit(self) -> None:
        """Make it durable. A cancelled caller still waits for the answer: then everyone knows what happened."""
        assert self._connection is not None, "begin() comes first"
        try:
            await finish(asyncio.ensure_future(self._commit(self._connection)))
        finally:
            await self.rollback()

    async def _commit(self, connection: Connection) -> None:
        try:
            cursor = await connection.execute("COMMIT")
        except psycopg.Error as error:
            ours = translate(error)
            if isinstance(ours, DatabaseUnavailable):
                raise OutcomeUnknown(
                    f"the connection was lost during COMMIT: {error}; look before repeating"
                ) from error
            raise ours from error
        if cursor.statusmessage != "COMMIT":  # PostgreSQL answers ROLLBACK when an earlier statement had failed
            raise TransactionConflict("PostgreSQL rolled the transaction back instead of committing it")

    async def rollback(self) -> None:
        """Undo what is open and give the connection back; may be called twice."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await finish(asyncio.ensure_future(self._leave(connection)))

    async def _leave(self, connection: Connection) -> None:
        try:
            if connection.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
                await connection.execute("ROLLBACK")
        except psycopg.Error:
            pass  # give_back() closes a connection that is not idle; the server then rolls back by itself
        await self._pool.give_back(connection)
