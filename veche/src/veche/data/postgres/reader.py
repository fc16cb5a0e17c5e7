"""Reading from PostgreSQL.

One job: single statements, each on a connection that is lent for it alone. Must not know: transactions.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import psycopg
from sqlalchemy.engine import Dialect

from veche.data.errors import DatabaseUnavailable
from veche.data.postgres.connections import ConnectionPool, NoConnection
from veche.data.postgres.dialect import POSTGRESQL
from veche.data.postgres.sqlstates import translate
from veche.data.statement import Prepared, Row
from veche.data.waiting import finish


class PostgresReader:
    """Runs single reading statements; one that meets a dead connection is repeated once on a new one."""

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool

    @property
    def dialect(self) -> Dialect:
        """PostgreSQL's."""
        return POSTGRESQL

    async def fetch(self, prepared: Prepared[Any], arguments: tuple[Any, ...]) -> Sequence[Row]:
        """Return every row."""
        try:
            return await self._fetch_once(prepared.sql, arguments)
        except NoConnection:
            raise
        except DatabaseUnavailable:
            return await self._fetch_once(prepared.sql, arguments)

    async def _fetch_once(self, sql: str, arguments: tuple[Any, ...]) -> list[Row]:
        connection = await self._pool.take()
        try:
            cursor = await connection.execute(sql, arguments)
            return await cursor.fetchall()
        except psycopg.Error as error:
            raise translate(error) from error
        finally:
            await finish(asyncio.ensure_future(self._pool.give_back(connection)))
