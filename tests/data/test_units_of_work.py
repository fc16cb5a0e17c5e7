"""One use case, one transaction."""

from __future__ import annotations

import asyncio

import pytest
import sqlalchemy as sa
import uvloop

from data.school import METADATA, MOMENT, Course, Lesson, Level, Message, Person, Room, School
from veche.data import (
    ConstraintKind,
    ConstraintViolated,
    ForeignAwait,
    Statement,
    UnitClosed,
    UnitExpired,
    create_tables,
    find,
    get,
    next_revision,
)
from veche.publish import Change

COUNT_COURSES = Statement(sa.select(sa.func.count()).select_from(Course))
COURSES_BY_TITLE = Statement(sa.select(Course).where(Course.title == sa.bindparam("title")), Course)


def test_what_was_inserted_comes_back_equal(school: School) -> None:
    async def work() -> None:
        person = Person(name="Ада")
        course = Course(
            title="Базы данных", slug="db", teacher_id=person.id, tags=["a", "б"], level=Level.HARD, picture=b"\0\xff"
        )
        async with school.units.begin() as unit:
            await unit.insert(person)
            await unit.insert(course)
            assert await unit.all(COURSES_BY_TITLE, title="Базы данных") == [course]
            assert await school.units.reader.value(COUNT_COURSES) == 0
            await unit.commit()
        assert await get(school.units.reader, Course, community_id=1, id=course.id) == course
        assert course.starts_at == MOMENT

    school.run(work)


def test_leaving_without_commit_rolls_back_and_publishes_nothing(school: School) -> None:
    async def work() -> None:
        async with school.units.begin() as unit:
            await unit.insert(Person(name="Ада"))
            unit.publish_after_commit("people", 1)
        assert await find(school.units.reader, Person, name="Ада") is None
        assert school.published == []
        with pytest.raises(UnitClosed, match="left"):
            await unit.insert(Person(name="Ада"))

    school.run(work)


def test_messages_leave_after_the_commit_the_highest_of_each_topic(school: School) -> None:
    async def work() -> None:
        async with school.units.begin() as unit:
            await unit.insert(Person(name="Ада"))
            for version in (1, 3, 2):
                unit.publish_after_commit("people", version)
            assert school.published == []
            await unit.commit()
            assert school.published == [Change("people", 3)]

    school.run(work)


def test_a_refused_row_names_its_constraint(school: School) -> None:
    async def work() -> None:
        ada = Person(name="Ада")
        course = Course(title="A", slug="a", teacher_id=ada.id)
        async with school.units.begin() as unit:
            await unit.insert(ada)
            await unit.insert(course)
            await unit.insert(Lesson(course_id=course.id, title="1"))
            await unit.insert(Room(id=5))
            await unit.commit()
        cases = [
            (Person(name="Ада"), "uq_person_name", ConstraintKind.UNIQUE, "person", ("name",)),
            (Person(name=None), "nn_person_name", ConstraintKind.NOT_NULL, "person", ("name",)),  # type: ignore[arg-type]
            (Person(name=""), "ck_person_name_length", ConstraintKind.CHECK, "person", ()),
            (Person(id=ada.id, name="B"), "pk_person", ConstraintKind.PRIMARY_KEY, "person", ("id",)),
            (
                Course(title="A", slug="a", teacher_id=ada.id),
                "uq_course_community_id_slug",
                ConstraintKind.UNIQUE,
                "course",
                ("community_id", "slug"),
            ),
            (
                Course(title="A", slug="b", teacher_id=ada.id, seats=0),
                "ck_course_seats_or_closed",
                ConstraintKind.CHECK,
                "course",
                (),
            ),
            (
                Course(title="A", slug="c", teacher_id=77),
                "fk_course_teacher_id",
                ConstraintKind.FOREIGN_KEY,
                "course",
                ("teacher_id",),
            ),
            (
                Message(room_id=6, revision=1, text="x"),
                "fk_message_community_id_room_id",
                ConstraintKind.FOREIGN_KEY,
                "message",
                ("community_id", "room_id"),
            ),
        ]
        for model, name, kind, table, columns in cases:
            with pytest.raises(ConstraintViolated) as caught:
                async with school.units.begin() as unit:
                    await unit.insert(model)
            found = caught.value
            assert (found.name, found.kind, found.table, found.columns) == (name, kind, table, columns)
        with pytest.raises(ConstraintViolated) as caught:
            async with school.units.begin() as unit:
                await unit.delete(course)
        assert caught.value.name == "fk_lesson_community_id_course_id"
        assert await school.units.reader.value(COUNT_COURSES) == 1

    school.run(work)


def test_a_unit_held_too_long_is_rolled_back(school: School) -> None:
    async def work() -> None:
        with pytest.raises(UnitExpired):
            async with school.units.begin(deadline_seconds=0.05) as unit:
                await unit.insert(Person(name="Ада"))
                await asyncio.Event().wait()
        assert await find(school.units.reader, Person, name="Ада") is None
        async with school.units.begin() as unit:
            await unit.insert(Person(name="Ада"))
            await unit.commit()

    school.run(work)


def test_revisions_are_raised_by_one_with_each_message(school: School) -> None:
    async def work() -> None:
        async with school.units.begin() as unit:
            await unit.insert(Room(id=5))
            await unit.commit()

        async def say(text: str) -> None:
            async with school.units.begin() as unit:
                revision = await next_revision(unit, Room, community_id=1, id=5)
                await unit.insert(Message(room_id=5, revision=revision, text=text))
                unit.publish_after_commit("room:5", revision)
                await unit.commit()

        await asyncio.gather(*(say(str(number)) for number in range(20)))
        # On PostgreSQL the answers to two COMMITs may overtake each other on their way here: a version smaller than
        # the one already seen is old news (veche.publish.messages).
        assert sorted(change.version for change in school.published) == list(range(1, 21))

    school.run(work)


def test_everything_works_on_uvloop(school: School) -> None:
    async def add(name: str) -> None:
        async with school.units.begin() as unit:
            await unit.insert(Person(name=name))
            await unit.commit()

    async def work() -> None:
        create_tables(school.database, METADATA)
        await asyncio.gather(*(add(str(number)) for number in range(10)))
        assert len(await school.units.reader.all(Statement(sa.select(Person), Person))) == 10
        await school.database.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(work())


def test_awaiting_anything_else_inside_a_unit_is_found_in_debug_mode(school: School) -> None:
    async def work() -> None:
        create_tables(school.database, METADATA)
        with pytest.raises(ForeignAwait):
            async with school.units.begin() as unit:
                await unit.insert(Person(name="a"))
                await asyncio.sleep(0)
                await unit.commit()
        async with school.units.begin() as unit:
            await unit.insert(Person(name="b"))
            await unit.all(Statement(sa.select(Person), Person))
            await unit.commit()
        await school.database.close()

    asyncio.run(work(), debug=True)


def test_like_and_ilike_mean_the_same_in_every_script(school: School) -> None:
    async def work() -> None:
        async with school.units.begin() as unit:
            for name in ("Ада", "ада Байрон", "Bob", "bobby", "100%"):
                await unit.insert(Person(name=name))
            await unit.commit()

        async def names(condition: sa.ColumnElement[bool]) -> list[str]:
            return sorted(
                row[0] for row in await school.units.reader.all(Statement(sa.select(Person.name).where(condition)))
            )

        assert await names(Person.name.like("Ада%")) == ["Ада"]
        assert await names(Person.name.ilike("АДА%")) == ["Ада", "ада Байрон"]
        assert await names(Person.name.like("bob%")) == ["bobby"]
        assert await names(Person.name.contains("0%", autoescape=True)) == ["100%"]

    school.run(work)


def test_many_rows_are_written_at_once_or_not_at_all(school: School) -> None:
    async def work() -> None:
        people = [Person(name=f"name {number}") for number in range(2000)]
        async with school.units.begin() as unit:
            await unit.insert_all(people)
            await unit.insert_all([])
            await unit.commit()
        assert len(await school.units.reader.all(Statement(sa.select(Person), Person))) == 2000
        with pytest.raises(ConstraintViolated) as caught:
            async with school.units.begin() as unit:
                await unit.insert_all([Person(name="new"), people[5], Person(name="newer")])
        assert caught.value.name in {"uq_person_name", "pk_person"}
        assert await find(school.units.reader, Person, name="new") is None
        async with school.units.begin() as unit:
            with pytest.raises(TypeError, match="one table"):
                await unit.insert_all([Person(name="a"), Room()])

    school.run(work)
