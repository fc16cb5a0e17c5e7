"""A few connections to one PostgreSQL database.

One job: lend each connection to one caller at a time, and refuse who would have to wait too long.
Must not know: statements, transactions.

Not psycopg_pool: it connects in the background with pauses of a second and more between tries, while the request that
waits learns nothing. Here the caller connects, so that a refused connection is an answer at once, and a server that is
back is used by the next request. docs/decisions/postgres-pool.md says what was tried.
"""

from __future__ import annotations

import asyncio
import select
import time
from collections.abc import Mapping
from typing import Any, Final, TypeAlias

import psycopg
from psycopg.pq import TransactionStatus
from psycopg.rows import TupleRow

from veche.data.errors import DatabaseUnavailable
from veche.data.postgres.sqlstates import translate

Connection: TypeAlias = psycopg.AsyncConnection[TupleRow]
LIFETIME_SECONDS: Final = 30 * 60.0  # a server's memory for a session grows; a balancer moves us only when we reconnect
WAITING_PER_CONNECTION: Final = 20


class NoConnection(DatabaseUnavailable):
    """All connections were in use for too long; to ask again at once would double the wait and help nobody."""


class ConnectionPool:
    """Lends connections; opens them when they are needed, in the loop that is then running."""

    def __init__(self, parameters: Mapping[str, Any], *, size: int, wait_seconds: float) -> None:
        self._parameters = dict(parameters)
        self._size = size
        self._wait_seconds = wait_seconds
        self._start()

    def _start(self) -> None:
        self._free = asyncio.Semaphore(self._size)  # first come, first served
        self._waiting = 0
        self._idle: list[Connection] = []  # the last one used is the next one: the others may be closed for age
        self._born: dict[Connection, float] = {}  # every connection that is idle or lent

    async def take(self) -> Connection:
        """Return a connection that nobody else uses; raises NoConnection, or DatabaseUnavailable from connecting."""
        await self._wait_for_turn()
        try:
            return await self._idle_one() or await self._connect()
        except BaseException:
            self._free.release()
            raise

    async def _wait_for_turn(self) -> None:
        if self._waiting >= self._size * WAITING_PER_CONNECTION:
            raise NoConnection(f"{self._waiting} requests wait for PostgreSQL already; try again")
        self._waiting += 1
        try:
            async with asyncio.timeout(self._wait_seconds):
                await self._free.acquire()
        except TimeoutError as error:
            raise NoConnection(
                f"all {self._size} connections to PostgreSQL were in use for {self._wait_seconds} s; try again"
            ) from error
        finally:
            self._waiting -= 1

    async def _idle_one(self) -> Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if time.monotonic() - self._born[connection] < LIFETIME_SECONDS and not server_has_gone(connection):
                return connection
            del self._born[connection]
            await connection.close()
        return None

    async def _connect(self) -> Connection:
        try:
            connection = await psycopg.AsyncConnection.connect(
                **self._parameters, autocommit=True, cursor_factory=psycopg.AsyncRawCursor
            )
        except psycopg.Error as error:
            raise translate(error) from error
        self._born[connection] = time.monotonic()
        return connection

    async def give_back(self, connection: Connection) -> None:
        """Hand the connection to the next; one that is broken or inside a transaction is closed."""
        if connection not in self._born:  # lent before close()
            await connection.close()
            return
        try:
            if connection.closed or connection.info.transaction_status != TransactionStatus.IDLE:
                del self._born[connection]
                await connection.close()
            else:
                self._idle.append(connection)
        finally:
            self._free.release()

    async def close(self) -> None:
        """Close every idle connection; those that are lent are closed when they come back."""
        idle = self._idle
        self._start()
        for connection in idle:
            await connection.close()


def server_has_gone(connection: psycopg.Connection[Any] | psycopg.AsyncConnection[Any]) -> bool:
    """Return whether an idle connection was closed by the server meanwhile; asks the kernel, not the server."""
    if connection.closed:
        return True
    watch = select.poll()
    watch.register(connection.fileno(), select.POLLIN)
    return bool(watch.poll(0))
