"""What a type checker must know about models; never run, checked by `mypy --strict` with the rest of the tests.

assert_type() holds what is right; each `type: ignore` holds an error that must be found (mypy reports an unused one).
"""

from __future__ import annotations

from typing import Any, assert_type

import sqlalchemy as sa

from data.school import METADATA, Course, Level, Person, SchoolModel
from veche.data import Field, Model, Reader, Statement, Unit, field, find, get


def columns_and_values(course: Course) -> None:
    assert_type(Course.title, sa.Column[str])
    assert_type(Course.summary, sa.Column[str | None])
    assert_type(Course.level, sa.Column[Level])
    assert_type(Course.tags, sa.Column[list[str]])
    assert_type(Course.teacher_id, sa.Column[int])
    assert_type(course.title, str)
    assert_type(course.summary, str | None)
    assert_type(course.level, Level)
    assert_type(course.tags, list[str])
    assert_type(course.teacher_id, int)
    assert_type(Course.title == "x", sa.ColumnElement[bool])
    assert_type(Course.__table__, sa.Table)


def constructors_and_assignments(course: Course) -> None:
    Course(title="A", slug="a", teacher_id=1)
    Course(title="A", slug="a", teacher_id="1")  # type: ignore[arg-type]  # expected
    Course(title="A", slug="a")  # type: ignore[call-arg]  # expected: teacher_id is missing
    Course(title="A", slug="a", teacher_id=1, unknown=1)  # type: ignore[call-arg]  # expected
    Course("A", "a", 1)  # type: ignore[call-arg, arg-type]  # expected: keywords only
    course.title = 3  # type: ignore[assignment]  # expected
    Course.unknown  # type: ignore[attr-defined]  # expected  # noqa: B018


class Wrong(Model, abstract=True, metadata=METADATA):
    """Defaults of the wrong type are found where they stand."""

    number: Field[int] = field(default="x")  # type: ignore[arg-type]  # expected
    text: Field[str] = field(default_factory=list)  # type: ignore[arg-type]  # expected


async def rows_have_types(reader: Reader, unit: Unit, kind: type[Person]) -> None:
    courses = Statement(sa.select(Course), Course)
    assert_type(await reader.all(courses), list[Course])
    assert_type(await unit.first(courses), Course | None)
    pairs = Statement(sa.select(Course.title, Course.seats))
    assert_type(await reader.all(pairs), list[tuple[str, int]])
    assert_type(await reader.value(pairs), str | None)
    count = Statement(sa.select(sa.func.count()).select_from(Course))
    assert_type(await reader.value(count), int | None)
    assert_type(await get(reader, Course, id=1), Course)
    assert_type(await find(reader, kind, id=1), Person | None)
    await unit.insert("course")  # type: ignore[arg-type]  # expected


def generic_code(kind: type[SchoolModel]) -> sa.Select[Any]:
    return sa.select(kind)
