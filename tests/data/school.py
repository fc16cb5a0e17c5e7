"""The tables that the data tests work on: a tiny school with rooms."""

from __future__ import annotations

import asyncio
import datetime
import enum
from collections.abc import Awaitable, Callable

import sqlalchemy as sa

from veche.data import (
    Check,
    Database,
    Field,
    ForeignKey,
    Index,
    Model,
    Ref,
    Unique,
    UnitsOfWork,
    create_tables,
    field,
    new_id,
    open_database,
    ref,
)
from veche.publish import Change

METADATA = sa.MetaData()
MOMENT = datetime.datetime(2026, 1, 31, 9, 5, 0, 123456, tzinfo=datetime.UTC)


class Level(enum.Enum):
    """How hard a course is."""

    EASY = "easy"
    HARD = "hard"


class SchoolModel(Model, abstract=True, metadata=METADATA):
    """The base of all tables of the school."""


class TenantModel(SchoolModel, abstract=True):
    """A row of one community."""

    community_id: Field[int] = field(primary_key=True, default=1)
    id: Field[int] = field(primary_key=True, default_factory=new_id)


class Person(SchoolModel, table="person", scope="reference"):
    """Somebody."""

    id: Field[int] = field(primary_key=True, default_factory=new_id)
    name: Field[str] = field(min_length=1, max_length=20, unique=True)


class Course(
    TenantModel,
    table="course",
    scope="tenant",
    constraints=(
        Unique("community_id", "slug"),
        Index("community_id", "title"),
        Check("seats_or_closed", "seats > 0 OR closed"),
    ),
):
    """A course."""

    title: Field[str] = field(max_length=40)
    slug: Field[str] = field(max_length=40)
    seats: Field[int] = field(default=10)
    closed: Field[bool] = field(default=False)
    level: Field[Level] = field(default=Level.EASY)
    tags: Field[list[str]] = field(default_factory=list)
    summary: Field[str | None] = field(default=None)
    starts_at: Field[datetime.datetime] = field(default=MOMENT)
    day: Field[datetime.date | None] = field(default=None)
    weight: Field[float] = field(default=1.0)
    picture: Field[bytes | None] = field(default=None)
    teacher_id: Ref[Person] = ref(on_delete="CASCADE")


class Lesson(
    TenantModel,
    table="lesson",
    scope="tenant",
    constraints=(ForeignKey(("community_id", "course_id"), "course"), Index("community_id", "course_id")),
):
    """A lesson of a course; a course with lessons cannot be deleted."""

    course_id: Field[int]
    title: Field[str]


class Room(TenantModel, table="room", scope="tenant"):
    """Where people talk."""

    title: Field[str] = field(default="Room")
    revision: Field[int] = field(default=0)


class Message(
    TenantModel,
    table="message",
    scope="tenant",
    constraints=(
        ForeignKey(("community_id", "room_id"), "room", on_delete="CASCADE"),
        Unique("community_id", "room_id", "revision"),
    ),
):
    """What somebody said in a room."""

    room_id: Field[int]
    revision: Field[int]
    text: Field[str]


class School:
    """One database with the tables, and what was published."""

    def __init__(self, url: str) -> None:
        self.database = open_database(url)
        self.published: list[Change] = []
        # Not the default of one second: a machine that runs everybody's tests may be slow.
        self.units = UnitsOfWork(self.database, self.published.extend, deadline_seconds=20)

    def run(self, work: Callable[[], Awaitable[None]]) -> None:
        async def whole() -> None:
            create_tables(self.database, METADATA)
            try:
                await work()
            finally:
                await self.database.close()

        asyncio.run(whole())


def units_of(database: Database) -> UnitsOfWork:
    """Return units of work that tell nobody."""
    return UnitsOfWork(database, lambda changes: None, deadline_seconds=20)
