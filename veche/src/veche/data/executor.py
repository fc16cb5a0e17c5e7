"""The seam between statements and databases: whoever runs SQL looks like this.

One job: the protocols that each engine implements, and the Reader that everyone reads with.
Must not know: any engine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeVar, TypeVarTuple

from sqlalchemy.engine import Dialect

from veche.data.errors import StatementWrong
from veche.data.statement import Prepared, Row, Statement

R = TypeVar("R")
V = TypeVar("V")
Ts = TypeVarTuple("Ts")


class Executor(Protocol):
    """Runs prepared statements, each for itself or all in one transaction."""

    @property
    def dialect(self) -> Dialect:
        """The dialect in which statements must be prepared."""

    async def fetch(self, prepared: Prepared[Any], arguments: tuple[Any, ...]) -> Sequence[Row]:
        """Return every row; raises the errors of veche.data.errors."""


class Transaction(Executor, Protocol):
    """One transaction: begun before the first statement, ended once."""

    async def begin(self) -> None:
        """Wait for a turn, and begin."""

    async def execute(self, prepared: Prepared[Any], arguments: tuple[Any, ...]) -> int:
        """Return how many rows were written."""

    async def execute_many(self, prepared: Prepared[Any], rows: Sequence[tuple[Any, ...]]) -> None:
        """Run one writing statement for each row of arguments."""

    async def commit(self) -> None:
        """Make everything durable; when it returns, it is on disk. Raises OutcomeUnknown when nobody can say."""

    async def rollback(self) -> None:
        """Undo everything; never raises because the connection is lost already."""


class Database(Protocol):
    """One database. Making one opens nothing: connections are opened at the first use, after any fork."""

    @property
    def dialect(self) -> Dialect:
        """The dialect of its SQL."""

    @property
    def reader(self) -> Executor:
        """Runs single reading statements; each sees what is committed when it starts."""

    def transaction(self, deadline_seconds: float) -> Transaction:
        """Return a new transaction, not yet begun, whose statements together may take so long."""

    def execute_query(self, sql: str, parameters: Sequence[object] = ()) -> list[Row]:
        """Run one statement now, in the calling thread, and return its rows; parameters stand as `?` in the SQL."""

    def close_own(self) -> None:
        """Close what execute_query() opened in this process."""

    async def close(self) -> None:
        """Close what the event loop opened; the database may be used again afterwards."""


class Reader:
    """Reads models. A web handler asks for one by this type."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    async def all(self, statement: Statement[R], **parameters: object) -> list[R]:
        """Return every row."""
        prepared = statement.prepare(self._executor.dialect)
        return prepared.load(await self._fetch(prepared, parameters))

    async def first(self, statement: Statement[R], **parameters: object) -> R | None:
        """Return the first row, or None."""
        prepared = statement.prepare(self._executor.dialect)
        rows = await self._fetch(prepared, parameters)
        return prepared.load(rows[:1])[0] if rows else None

    async def value(self, statement: Statement[tuple[V, *tuple[Any, ...]]], **parameters: object) -> V | None:
        """Return the first column of the first row, or None when there is no row; the statement has no shape."""
        row = await self.first(statement, **parameters)
        return None if row is None else row[0]

    async def _fetch(self, prepared: Prepared[Any], parameters: Mapping[str, object]) -> Sequence[Row]:
        if prepared.plan.writes:
            raise StatementWrong(f"a Reader only reads; write in a unit of work: {prepared.sql:.80}")
        return await self._executor.fetch(prepared, prepared.arguments(parameters))
