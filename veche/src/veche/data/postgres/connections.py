"""How to reach one PostgreSQL database.

One job: the parameters of every connection, and the pool of them.
Must not know: statements, transactions.
"""

from __future__ import annotations

import asyncio
import select
from collections.abc import Mapping
from typing import Any, TypeAlias

import psycopg
import psycopg_pool
from psycopg.rows import TupleRow

from veche.data.errors import DatabaseUnavailable
from veche.data.postgres.sqlstates import translate

Connection: TypeAlias = psycopg.AsyncConnection[TupleRow]


class NoConnection(DatabaseUnavailable):
    """The pool gave none in time; to ask again at once would double the wait and help nobody."""


class ConnectionPool:
    """A few connections that live long; who waits too long for one is refused, so that a queue cannot grow.

    It opens at the first use, in the loop that is then running, and can be used again after close().
    """

    def __init__(self, parameters: Mapping[str, Any], *, size: int, wait_seconds: float) -> None:
        self._parameters = dict(parameters)
        self._size = size
        self._wait_seconds = wait_seconds
        self._pool: psycopg_pool.AsyncConnectionPool[Connection] | None = None
        self._opening = asyncio.Lock()

    async def _open(self) -> psycopg_pool.AsyncConnectionPool[Connection]:
        async with self._opening:
            if self._pool is None:
                pool: psycopg_pool.AsyncConnectionPool[Connection] = psycopg_pool.AsyncConnectionPool(
                    kwargs=self._parameters | {"autocommit": True, "cursor_factory": psycopg.AsyncRawCursor},
                    min_size=0,
                    max_size=self._size,
                    open=False,
                    timeout=self._wait_seconds,
                    max_waiting=self._size * 20,
                    check=_check,
                    max_lifetime=30 * 60.0,
                    # The pool must not go on trying with growing pauses: the next request tries by itself.
                    reconnect_timeout=self._wait_seconds,
                )
                await pool.open()
                self._pool = pool
            return self._pool

    async def take(self) -> Connection:
        """Return a connection that nobody else uses; raises NoConnection when none comes in time."""
        pool = self._pool or await self._open()
        try:
            return await pool.getconn()
        except psycopg_pool.PoolTimeout as error:
            raise NoConnection(
                f"no connection to PostgreSQL within {self._wait_seconds} s: it does not answer, or all {self._size} "
                "connections are in use; try again"
            ) from error
        except psycopg_pool.TooManyRequests as error:
            raise NoConnection("too many requests wait for PostgreSQL already; try again") from error
        except psycopg.Error as error:
            raise translate(error) from error

    async def give_back(self, connection: Connection) -> None:
        """Hand the connection to the next; a broken one is thrown away."""
        if self._pool is not None:
            await self._pool.putconn(connection)
        else:
            await connection.close()

    async def close(self) -> None:
        """Close every connection; those in use are closed when they come back."""
        pool, self._pool = self._pool, None
        if pool is not None:
            await pool.close()


async def _check(connection: Connection) -> None:
    if server_has_gone(connection.fileno()):
        await connection.close()  # else the pool would keep it
        raise psycopg.OperationalError("the server closed this connection while nobody used it")


def server_has_gone(descriptor: int) -> bool:
    """Return whether an idle connection has been closed by the server; asks the kernel, not the server."""
    watch = select.poll()
    watch.register(descriptor, select.POLLIN)
    return bool(watch.poll(0))
