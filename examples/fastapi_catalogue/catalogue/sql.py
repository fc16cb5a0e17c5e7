"""Courses in a SQL database, by SQLAlchemy.

One job: meet the contract of repository.py with tables.
Must not know: HTTP, who asks.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import CheckConstraint, MetaData, String, delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from catalogue.model import Course, CourseChange, NewCourse
from catalogue.repository import AlreadyThere, ChangedMeanwhile, NotFound

DEFAULT_URL: Final = "sqlite+aiosqlite:///catalogue.sqlite"
MIGRATIONS: Final = Path(__file__).parents[1] / "migrations"


class Base(DeclarativeBase):
    """Every constraint has a name, so that migrations can speak of it."""

    metadata = MetaData(
        naming_convention={
            "pk": "pk_%(table_name)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
        }
    )


class CourseRow(Base):
    __tablename__ = "course"
    __table_args__ = (CheckConstraint("price_cents >= 0", name="price_not_negative"),)

    slug: Mapped[str] = mapped_column(String(60), primary_key=True)
    title: Mapped[str] = mapped_column(String(120))
    price_cents: Mapped[int]
    revision: Mapped[int] = mapped_column(unique=True)


class CounterRow(Base):
    """One row: the catalogue's count of changes. A sequence would not do: its numbers become visible out of order."""

    __tablename__ = "counter"

    name: Mapped[str] = mapped_column(String(20), primary_key=True)
    value: Mapped[int]


class SqlRepository:
    """The contract's SQL side, in one session."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def all(self, *, after: str = "", limit: int = 50) -> Sequence[Course]:
        rows = await self._session.scalars(
            select(CourseRow).where(CourseRow.slug > after).order_by(CourseRow.slug).limit(limit)
        )
        return [Course.model_validate(row) for row in rows]

    async def get(self, slug: str) -> Course:
        return Course.model_validate(await self._row(slug))

    async def add(self, new: NewCourse) -> Course:
        row = CourseRow(**new.model_dump(), revision=await self._next_revision())
        self._session.add(row)
        try:
            await self._session.flush()
        except IntegrityError as error:
            raise AlreadyThere(f"There is a course {new.slug!r} already.") from error
        return Course.model_validate(row)

    async def change(self, slug: str, change: CourseChange, *, seen_revision: int) -> Course:
        revision = await self._next_revision()  # first: from here on nobody else can write what we are about to read
        row = await self._row(slug)
        if row.revision != seen_revision:
            raise ChangedMeanwhile(f"{slug!r} is at revision {row.revision}; you saw {seen_revision}. Read it again.")
        row.title, row.price_cents, row.revision = change.title, change.price_cents, revision
        await self._session.flush()
        return Course.model_validate(row)

    async def remove(self, slug: str) -> None:
        removed = await self._session.execute(delete(CourseRow).where(CourseRow.slug == slug).returning(CourseRow.slug))
        if removed.first() is None:
            raise NotFound(f"There is no course {slug!r}.")

    async def changed_since(self, revision: int, *, limit: int = 50) -> Sequence[Course]:
        rows = await self._session.scalars(
            select(CourseRow).where(CourseRow.revision > revision).order_by(CourseRow.revision).limit(limit)
        )
        return [Course.model_validate(row) for row in rows]

    async def _row(self, slug: str) -> CourseRow:
        row = await self._session.get(CourseRow, slug)
        if row is None:
            raise NotFound(f"There is no course {slug!r}.")
        return row

    async def _next_revision(self) -> int:
        """One more than the last. Whoever asks holds the counter's row until the end of his transaction."""
        raised = update(CounterRow).where(CounterRow.name == "course").values(value=CounterRow.value + 1)
        return (await self._session.execute(raised.returning(CounterRow.value))).scalar_one()


class SqlUnit:
    """One transaction."""

    def __init__(self, session: AsyncSession, after_commit: Callable[[], None]) -> None:
        self._session = session
        self._after_commit = after_commit
        self.courses = SqlRepository(session)

    async def commit(self) -> None:
        await self._session.commit()
        self._after_commit()  # nobody hears of what may still be rolled back


class SqlUnits:
    """`async with units() as unit:`; leaving without commit() rolls back."""

    def __init__(self, engine: AsyncEngine, after_commit: Callable[[], None] = lambda: None) -> None:
        self._sessions = async_sessionmaker(engine)
        self._after_commit = after_commit

    @asynccontextmanager
    async def __call__(self) -> AsyncIterator[SqlUnit]:
        async with self._sessions() as session:
            yield SqlUnit(session, self._after_commit)


async def refuse_unless_migrated(engine: AsyncEngine) -> None:
    """Raise RuntimeError with the command that helps, unless the database has every migration.

    The server does not migrate: it has several workers, and the operator chooses the moment.
    """
    async with engine.connect() as connection:
        current = await connection.run_sync(lambda c: MigrationContext.configure(c).get_current_heads())
    if set(current) != set(ScriptDirectory(str(MIGRATIONS)).get_heads()):
        raise RuntimeError(f"{engine.url} is at migration {current or 'none'}; run: alembic upgrade head")
