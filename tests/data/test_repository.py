"""Reading by key, by page, and in the order in which things were committed."""

from __future__ import annotations

import datetime

import pytest
import sqlalchemy as sa

from data.school import MOMENT, Course, Person, Room, School
from veche.data import NotFound, Statement, get, get_for_update, next_revision, page_after
from veche.data.sqlite.dialect import SQLITE

UP = Statement(page_after(sa.select(Course.title, Course.id), Course.title, Course.id))
DOWN = Statement(page_after(sa.select(Course.starts_at, Course.id), Course.starts_at, Course.id, descending=True))


def test_pages_meet_every_row_once_in_either_direction(school: School) -> None:
    async def work() -> None:
        async with school.units.begin() as unit:
            await unit.insert(Person(id=1, name="Ада"))
            for number in range(25):
                at = MOMENT + datetime.timedelta(days=number // 4)
                title = f"title {number // 5}"
                await unit.insert(Course(id=number, title=title, slug=str(number), starts_at=at, teacher_id=1))
            await unit.commit()
        for statement, step in ((UP, 1), (DOWN, -1)):
            place: dict[str, object] = {}
            seen: list[int] = []
            while rows := await school.units.reader.all(statement, limit=4, **place):
                assert len(rows) <= 4
                seen.extend(row[1] for row in rows)
                place = {"after_0": rows[-1][0], "after_1": rows[-1][1]}
            assert seen == list(range(25))[::step]
        first: list[tuple[object, ...]] = list(await school.units.reader.all(UP, after_0=None, after_1=None, limit=1))
        assert first == [("title 0", 0)]

    school.run(work)


def test_a_page_is_found_by_the_index_and_not_by_counting() -> None:
    sql = page_after(
        sa.select(Course).where(Course.community_id == sa.bindparam("community_id")), Course.community_id, Course.id
    )
    assert " OR " not in str(sql.compile(dialect=SQLITE))


def test_a_page_down_a_text_is_refused() -> None:
    with pytest.raises(TypeError, match="cannot go down"):
        page_after(sa.select(Course), Course.title, descending=True)


def test_a_missing_row_is_not_found(school: School) -> None:
    async def work() -> None:
        with pytest.raises(NotFound):
            await get(school.units.reader, Room, community_id=1, id=5)
        async with school.units.begin() as unit:
            with pytest.raises(NotFound):
                await next_revision(unit, Room, community_id=1, id=5)
            with pytest.raises(NotFound):
                await get_for_update(unit, Room, community_id=1, id=5)

    school.run(work)


def test_updates_and_deletes_of_a_missing_row_are_not_found(school: School) -> None:
    async def work() -> None:
        async with school.units.begin() as unit:
            room = Room(id=5, title="A")
            with pytest.raises(NotFound):
                await unit.update(room)
            with pytest.raises(NotFound):
                await unit.delete(room)
            await unit.insert(room)
            room.title, room.revision = "B", 7
            await unit.update(room, "title")
            assert await get(unit, Room, id=5) == Room(id=5, title="B", revision=0)
            await unit.update(room)
            assert await get_for_update(unit, Room, id=5) == room
            await unit.delete(room)
            await unit.commit()
        assert await school.units.reader.all(Statement(sa.select(Room), Room)) == []

    school.run(work)
