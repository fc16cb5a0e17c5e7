"""Compiled once, executed often; equal answers from either engine."""

from __future__ import annotations

import datetime
import math

import msgspec
import pytest
import sqlalchemy as sa

from data.school import MOMENT, Course, Level, Person, Room, School
from veche.data import Statement, StatementWrong, ValueRefused, upsert
from veche.data.postgres.dialect import POSTGRESQL
from veche.data.sqlite.dialect import SQLITE
from veche.data.statement import PlanCache

BY_IDS = Statement(sa.select(Person.name).where(Person.id.in_(sa.bindparam("ids"))).order_by(Person.name))
NOT_IDS = Statement(sa.select(Person.name).where(Person.id.not_in(sa.bindparam("ids"))).order_by(Person.name))


class CourseWithTeacher(msgspec.Struct):
    title: str
    teacher: str
    starts_at: datetime.datetime
    note: str = "none"


def people(school: School) -> list[Person]:
    return [Person(id=number, name=name) for number, name in enumerate(("Ада", "Боб", "Вера"), 1)]


def test_every_value_comes_back_as_it_was(school: School) -> None:
    one = Course(
        title="Ёжик 🦔 \\ ' \" % :x $1 ?", slug="s", teacher_id=1, seats=2**63 - 1, closed=True, level=Level.HARD,
        tags=["", "ё", "\u2028"], summary="", starts_at=datetime.datetime.max.replace(tzinfo=datetime.UTC),
        day=datetime.date.min, weight=1e-300, picture=bytes(range(256)),
    )  # fmt: skip
    far = datetime.timezone(datetime.timedelta(hours=5, minutes=45))
    other = Course(title="B", slug="b", teacher_id=1, starts_at=MOMENT.astimezone(far), weight=math.inf, seats=-(2**63))

    async def work() -> None:
        async with school.units.begin() as unit:
            await unit.insert(people(school)[0])
            one.closed = True
            await unit.insert(one)
            other.closed = True
            await unit.insert(other)
            await unit.commit()
        found = await school.units.reader.all(Statement(sa.select(Course).order_by(Course.title.desc()), Course))
        assert found == [one, other]
        assert all(each.starts_at.tzinfo is datetime.UTC for each in found)
        assert type(found[0].closed) is bool
        assert type(found[0].level) is Level

    school.run(work)


def test_lists_go_as_one_parameter(school: School) -> None:
    async def work() -> None:
        async with school.units.begin() as unit:
            for person in people(school):
                await unit.insert(person)
            await unit.commit()
        reader = school.units.reader
        assert await reader.all(BY_IDS, ids=[1, 3]) == [("Ада",), ("Вера",)]
        assert await reader.all(BY_IDS, ids=(2,)) == [("Боб",)]
        assert await reader.all(BY_IDS, ids=[]) == []
        assert await reader.all(NOT_IDS, ids={1, 3}) == [("Боб",)]
        assert len(await reader.all(NOT_IDS, ids=[])) == 3
        literal = Statement(sa.select(Person.name).where(Person.name.in_(["Ада", "Боб"])).order_by(Person.name))
        assert await reader.all(literal) == [("Ада",), ("Боб",)]
        inner = Statement(sa.select(Person.id).where(Person.id.in_(sa.select(Person.id).where(Person.id > 2))))
        assert await reader.all(inner) == [(3,)]
        with pytest.raises(ValueRefused, match="expected int"):
            await reader.all(BY_IDS, ids=["1"])
        with pytest.raises(ValueRefused, match="is not a list"):
            await reader.all(BY_IDS, ids="123")

    school.run(work)


def test_a_shape_takes_columns_by_name(school: School) -> None:
    sql = sa.select(Course.title, Person.name.label("teacher"), Course.starts_at).join_from(
        Course, Person, Course.teacher_id == Person.id
    )

    async def work() -> None:
        async with school.units.begin() as unit:
            await unit.insert(people(school)[0])
            await unit.insert(Course(title="A", slug="a", teacher_id=1))
            await unit.commit()
        found = await school.units.reader.first(Statement(sql, CourseWithTeacher))
        assert found == CourseWithTeacher(title="A", teacher="Ада", starts_at=MOMENT)

    school.run(work)


def test_sums_and_averages_are_plain_numbers(school: School) -> None:
    sql = sa.select(sa.func.sum(Room.revision), sa.func.avg(Room.revision), sa.func.max(Room.revision) * 1.5)

    async def work() -> None:
        async with school.units.begin() as unit:
            for number in (1, 2):
                await unit.insert(Room(id=number, revision=number))
            await unit.commit()
        (row,) = await school.units.reader.all(Statement(sql))
        assert row == (3, 1.5, 3.0)
        assert [type(value) for value in row] == [int, float, float]

    school.run(work)


def test_rows_can_be_returned_by_a_write_and_conflicts_ignored(school: School) -> None:
    unless_there = Statement(
        upsert(Person)
        .values(id=sa.bindparam("id"), name=sa.bindparam("name"))
        .on_conflict_do_nothing(index_elements=[Person.name])
    )
    or_rename = Statement(
        upsert(Person)
        .values(id=sa.bindparam("id"), name=sa.bindparam("name"))
        .on_conflict_do_update(index_elements=[Person.id], set_={"name": sa.bindparam("name")})
    )
    raised = Statement(sa.update(Room).values(revision=Room.revision + 1).returning(Room), Room)

    async def work() -> None:
        async with school.units.begin() as unit:
            assert await unit.run(unless_there, id=1, name="Ада") == 1
            assert await unit.run(unless_there, id=2, name="Ада") == 0
            assert await unit.run(or_rename, id=1, name="Боб") == 1
            await unit.insert(Room(id=1))
            assert await unit.all(raised) == [Room(id=1, revision=1)]
            await unit.commit()
        assert await school.units.reader.value(Statement(sa.select(Room.revision))) == 1

    school.run(work)


def test_a_reader_writes_nothing(school: School) -> None:
    async def work() -> None:
        with pytest.raises(StatementWrong, match="only reads"):
            await school.units.reader.all(Statement(sa.delete(Room)))

    school.run(work)


def test_a_wrong_statement_is_our_bug_and_says_so(school: School) -> None:
    async def work() -> None:
        with pytest.raises(StatementWrong, match="nowhere"):
            await school.units.reader.all(Statement(sa.text("SELECT 1 FROM nowhere")))

    school.run(work)


class TestParameters:
    @pytest.mark.parametrize("dialect", [SQLITE, POSTGRESQL])
    def test_missing_and_unknown_ones_are_refused(self, dialect: sa.Dialect) -> None:
        prepared = BY_IDS.prepare(dialect)
        with pytest.raises(TypeError, match="'ids' is missing"):
            prepared.arguments({})
        with pytest.raises(TypeError, match=r"unknown parameters \['id'\]"):
            prepared.arguments({"ids": [], "id": 3})

    def test_the_same_one_may_stand_twice(self) -> None:
        both = Statement(
            sa.select(Person).where(sa.or_(Person.name == sa.bindparam("x"), Person.name > sa.bindparam("x")))
        )
        assert both.prepare(SQLITE).arguments({"x": "a"}) == ("a", "a")
        assert both.prepare(POSTGRESQL).arguments({"x": "a"}) == ("a",)

    def test_one_with_a_value_may_be_left_out(self) -> None:
        some = Statement(sa.select(Person).limit(sa.bindparam("limit", 5, type_=sa.Integer())))
        assert some.prepare(POSTGRESQL).arguments({}) == (5,)
        assert some.prepare(POSTGRESQL).arguments({"limit": 7}) == (7,)


class TestPlans:
    def test_one_shape_is_compiled_once_and_each_statement_keeps_its_own_values(self) -> None:
        plans = PlanCache()
        prepared = [
            plans.prepare(sa.select(Person).where(Person.name == name).limit(limit), Person, SQLITE)
            for name, limit in (("a", 1), ("b", 2))
        ]
        assert prepared[0].plan is prepared[1].plan
        assert [each.arguments({}) for each in prepared] == [("a", 1, 0), ("b", 2, 0)]
        lists = [plans.prepare(sa.select(Person).where(Person.id.in_(ids)), Person, SQLITE) for ids in ([1], [2, 3])]
        assert lists[0].plan is lists[1].plan
        assert [each.arguments({}) for each in lists] == [("[1]",), ("[2, 3]",)]
        assert len(plans) == 2

    def test_different_shapes_and_dialects_are_kept_apart(self) -> None:
        plans = PlanCache()
        sql = sa.select(Person).where(Person.name == "a")
        one = plans.prepare(sql, Person, SQLITE)
        assert plans.prepare(sql, None, SQLITE).plan is not one.plan
        assert plans.prepare(sql, Person, POSTGRESQL).plan is not one.plan
        assert plans.prepare(sa.select(Person).where(Person.name.is_(None)), Person, SQLITE).plan is not one.plan

    def test_the_least_recently_used_one_goes_first(self) -> None:
        plans = PlanCache(size=2)
        one, two, three = (sa.select(column) for column in (Person.id, Person.name, Room.id))
        first = plans.prepare(one, None, SQLITE).plan
        plans.prepare(two, None, SQLITE)
        assert plans.prepare(one, None, SQLITE).plan is first
        plans.prepare(three, None, SQLITE)
        assert len(plans) == 2
        assert plans.prepare(one, None, SQLITE).plan is first

    def test_a_statement_prepares_itself_once_per_dialect(self) -> None:
        assert BY_IDS.prepare(SQLITE) is BY_IDS.prepare(SQLITE)


class TestShapes:
    @pytest.mark.parametrize(
        ("sql", "shape", "expected"),
        [
            (sa.select(Person.name), Person, r"fields \['id'\] are not selected"),
            (sa.select(Person, Course.title), Person, r"\['title'\] are not its fields"),
            (sa.select(Person.id, Course.id, Person.name), Person, r"\['id'\] are repeated"),
            (sa.select(Course.title), CourseWithTeacher, "are not selected"),
        ],
    )
    def test_that_cannot_be_filled_are_refused_when_prepared(
        self, sql: sa.Select[*tuple[object, ...]], shape: type, expected: str
    ) -> None:
        with pytest.raises(StatementWrong, match=expected):
            Statement(sql, shape).prepare(SQLITE)
