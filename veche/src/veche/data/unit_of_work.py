"""One use case, one transaction; what it has to say is said after the commit.

One job: begin, write, commit or undo, and keep the messages until the commit.
Must not know: what the messages mean, which engine runs.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import Any, Final, TypeAlias, TypeVar

import sqlalchemy as sa

from veche.data.errors import (
    ConstraintKind,
    ConstraintViolated,
    DataError,
    ForeignAwait,
    NotFound,
    TransactionConflict,
    UnitClosed,
    UnitExpired,
)
from veche.data.executor import Database, Reader, Transaction
from veche.data.model import Model
from veche.data.statement import Prepared, Row, Statement
from veche.data.waiting import ForeignAwaits
from veche.publish import Change

R = TypeVar("R")
Publish: TypeAlias = Callable[[Sequence[Change]], None]
DEADLINE_SECONDS: Final = 1.0


class Busy:
    """Around each await of a unit's own."""

    def __init__(self, watch: ForeignAwaits | None) -> None:
        self._watch = watch

    def __enter__(self) -> None:
        if self._watch is not None:
            self._watch.busy = True

    def __exit__(self, *error: object) -> None:
        if self._watch is not None:
            self._watch.busy = False


NOT_WATCHED: Final = Busy(None)


class Unit(Reader):
    """A transaction that is open: reads see its own writes; nothing is visible outside before commit()."""

    def __init__(self, transaction: Transaction, publish: Publish, deadline: asyncio.Timeout) -> None:
        super().__init__(transaction)
        self._transaction = transaction
        self._publish = publish
        self._deadline = deadline
        self._changes: dict[str, int] = {}
        self._closed_because = ""
        self.committed = False
        loop = asyncio.get_running_loop()
        self.foreign_awaits = ForeignAwaits(loop) if loop.get_debug() else None

    async def insert(self, model: Model) -> None:
        """Write a new row; raises ConstraintViolated."""
        kind = type(model)
        await self._write(_insert(kind), {name: getattr(model, name) for name in kind.__struct_fields__})

    async def insert_all(self, models: Sequence[Model]) -> None:
        """Write new rows of one table; on PostgreSQL many times faster than one by one. Raises ConstraintViolated."""
        if not models:
            return
        self._refuse_if_closed()
        kind = type(models[0])
        prepared = _insert(kind).prepare(self._transaction.dialect)
        names = kind.__struct_fields__
        if any(type(model) is not kind for model in models):
            raise TypeError(f"insert_all takes rows of one table; expected only {kind.__name__}")
        rows = [prepared.arguments({name: getattr(model, name) for name in names}) for model in models]
        await self._own(self._transaction.execute_many(prepared, rows))

    async def update(self, model: Model, *fields: str) -> None:
        """Write the named fields of the row with the model's key, or all of them; raises NotFound."""
        kind = type(model)
        key = _key(kind)
        names = fields or tuple(name for name in kind.__struct_fields__ if name not in key)
        values = {f"new_{name}": getattr(model, name) for name in names}
        values |= {f"key_{name}": getattr(model, name) for name in key}
        if not await self._write(_update(kind, names), values):
            raise NotFound(f"no {kind.__name__} has the key {[getattr(model, name) for name in key]}")

    async def delete(self, model: Model) -> None:
        """Delete the row with the model's key; raises NotFound."""
        kind = type(model)
        key = _key(kind)
        if not await self._write(_delete(kind), {f"key_{name}": getattr(model, name) for name in key}):
            raise NotFound(f"no {kind.__name__} has the key {[getattr(model, name) for name in key]}")

    async def run(self, statement: Statement[Any], **parameters: object) -> int:
        """Run an insert, update or delete and return how many rows it wrote."""
        return await self._write(statement, parameters)

    def publish_after_commit(self, topic: str, version: int) -> None:
        """Say, once the commit is done, that the topic has reached this version; the highest of a topic is said."""
        self._refuse_if_closed()
        self._changes[topic] = max(version, self._changes.get(topic, version))

    async def commit(self) -> None:
        """Make everything durable, then publish. Nothing can be done with the unit afterwards."""
        self._refuse_if_closed()
        expires_at = self._deadline.when()
        if self._deadline.expired() or (expires_at is not None and asyncio.get_running_loop().time() > expires_at):
            self.close("it was held too long")
            raise UnitExpired("the unit of work was held longer than its deadline and was rolled back")
        self._deadline.reschedule(None)  # from here on the outcome is the database's, and must be known
        self._closed_because = "it was committed"
        try:
            with self._busy():
                await self._transaction.commit()
        except asyncio.CancelledError:
            # The transaction ends before it lets a cancellation through: what is committed is published.
            self._say()
            raise
        self._say()

    def close(self, because: str) -> None:
        """Let nothing more happen in this unit."""
        self._closed_because = self._closed_because or because
        if self.foreign_awaits is not None:
            self.foreign_awaits.close()

    def _busy(self) -> Busy:
        return NOT_WATCHED if self.foreign_awaits is None else Busy(self.foreign_awaits)

    def _say(self) -> None:
        self.committed = True
        if self._changes:
            self._publish([Change(topic, version) for topic, version in self._changes.items()])

    async def _write(self, statement: Statement[Any], parameters: Mapping[str, object]) -> int:
        self._refuse_if_closed()
        prepared = statement.prepare(self._transaction.dialect)
        arguments = prepared.arguments(parameters)
        return await self._own(self._transaction.execute(prepared, arguments))

    async def _fetch(self, prepared: Prepared[Any], parameters: Mapping[str, object]) -> Sequence[Row]:
        self._refuse_if_closed()
        arguments = prepared.arguments(parameters)
        return await self._own(self._transaction.fetch(prepared, arguments))

    async def _own(self, statement: Awaitable[R]) -> R:
        try:
            with self._busy():
                return await statement
        except DataError as error:
            self.close(f"it failed: {error}")
            raise

    def _refuse_if_closed(self) -> None:
        if self._closed_because:
            raise UnitClosed(f"this unit of work can do nothing more: {self._closed_because}; begin a new one")


class UnitsOfWork:
    """Begins units of work on one database, and reads from it."""

    def __init__(self, database: Database, publish: Publish, *, deadline_seconds: float = DEADLINE_SECONDS) -> None:
        self._database = database
        self._publish = publish
        self._deadline_seconds = deadline_seconds
        self.reader = Reader(database.reader)

    @asynccontextmanager
    async def begin(self, *, deadline_seconds: float | None = None) -> AsyncIterator[Unit]:
        """Begin a unit; leaving it without commit() rolls back.

        Raises UnitExpired when it is held longer than its deadline (waiting for the turn is not counted). In asyncio's
        debug mode, which tests switch on, raises ForeignAwait when the body awaited anything but the unit.
        """
        seconds = self._deadline_seconds if deadline_seconds is None else deadline_seconds
        transaction = self._database.transaction(seconds)
        await transaction.begin()
        late = asyncio.timeout(seconds)
        unit = Unit(transaction, self._publish, late)
        try:
            async with late:
                yield unit
        except TimeoutError as error:
            if not late.expired():
                raise
            raise UnitExpired(f"the unit of work was held for over {seconds} s and was rolled back") from error
        finally:
            unit.close("it was left")
            await transaction.rollback()
        if unit.foreign_awaits is not None and unit.foreign_awaits.seen:
            raise ForeignAwait(
                "something else than the unit was awaited while it was open, and every other writer waited with it; "
                "await it before or after (only asyncio's debug mode looks for this)"
            )

    async def run(self, work: Callable[[Unit], Awaitable[R]]) -> R:
        """Run work(unit) and commit; repeat the whole of it when other transactions stood in its way.

        So does an `id` of new_id() that another process made in the same millisecond.

        The work must not do anything outside the unit that may not happen twice.
        """
        import stamina

        async for attempt in stamina.retry_context(
            on=_worth_repeating, attempts=5, timeout=3.0, wait_initial=0.01, wait_max=0.2, wait_jitter=0.05
        ):
            with attempt:
                async with self.begin() as unit:
                    result = await work(unit)
                    if not unit.committed:
                        await unit.commit()
        return result


def _worth_repeating(error: Exception) -> bool:
    if isinstance(error, ConstraintViolated):
        return error.kind is ConstraintKind.PRIMARY_KEY and error.columns[-1:] == ("id",)
    return isinstance(error, TransactionConflict)


def _key(kind: type[Model]) -> tuple[str, ...]:
    return tuple(column.name for column in kind.__table__.primary_key.columns)


@lru_cache(maxsize=500)
def _insert(kind: type[Model]) -> Statement[Any]:
    return Statement(sa.insert(kind.__table__))


@lru_cache(maxsize=500)
def _update(kind: type[Model], fields: tuple[str, ...]) -> Statement[Any]:
    columns = kind.__table__.columns
    values = {name: sa.bindparam(f"new_{name}", type_=columns[name].type) for name in fields}
    return Statement(sa.update(kind.__table__).where(*_has_key(kind)).values(values))


@lru_cache(maxsize=500)
def _delete(kind: type[Model]) -> Statement[Any]:
    return Statement(sa.delete(kind.__table__).where(*_has_key(kind)))


def _has_key(kind: type[Model]) -> list[sa.ColumnElement[bool]]:
    columns = kind.__table__.columns
    return [columns[name] == sa.bindparam(f"key_{name}", type_=columns[name].type) for name in _key(kind)]
