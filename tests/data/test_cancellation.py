"""A request that goes away takes nothing with it: no turn, no connection, no half-written rows."""

from __future__ import annotations

import asyncio
import time

import pytest
import sqlalchemy as sa

from data.school import Person, School
from veche.data import DatabaseUnavailable, Statement, UnitClosed, UnitExpired, find
from veche.publish import Change

NAMES = Statement(sa.select(Person.name).order_by(Person.name))


async def add(school: School, name: str) -> None:
    async with school.units.begin() as unit:
        await unit.insert(Person(name=name))
        unit.publish_after_commit(name, 1)
        await unit.commit()


async def cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_while_waiting_for_a_turn(school: School) -> None:
    async def work() -> None:
        async with school.units.begin() as unit:
            await unit.insert(Person(name="first"))
            waiting = [asyncio.ensure_future(add(school, f"waiting {number}")) for number in range(8)]
            await asyncio.sleep(0)  # let them come to the queue
            for task in waiting[:4]:
                await cancel(task)
            await unit.commit()
        results = await asyncio.gather(*waiting, return_exceptions=True)
        assert [result for result in results[4:] if result is not None] == []
        await add(school, "last")
        names = await school.units.reader.all(NAMES)
        assert names[:2] == [("first",), ("last",)]
        # On PostgreSQL nobody waits for anybody, so some may have been written before they were cancelled.
        assert {("waiting 4",), ("waiting 7",)} <= set(names)

    school.run(work)


def test_inside_the_unit(school: School) -> None:
    async def work() -> None:
        inside = asyncio.Event()

        async def hang() -> None:
            async with school.units.begin() as unit:
                await unit.insert(Person(name="half"))
                unit.publish_after_commit("half", 1)
                inside.set()
                await asyncio.Event().wait()

        task = asyncio.ensure_future(hang())
        await inside.wait()
        await cancel(task)
        await add(school, "whole")
        assert await school.units.reader.all(NAMES) == [("whole",)]
        assert school.published == [Change("whole", 1)]

    school.run(work)


def test_inside_commit_the_outcome_is_known_and_what_is_committed_is_published(school: School) -> None:
    async def work() -> None:
        for number in range(10):
            task = asyncio.ensure_future(add(school, str(number)))
            # Cancel at another step each time: before, within and after the commit.
            for _ in range(number):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])
        names = {name for (name,) in await school.units.reader.all(NAMES)}
        assert {change.topic for change in school.published} == names
        await add(school, "last")

    school.run(work)


def test_a_commit_that_was_cancelled_midway_is_complete(school: School) -> None:
    async def work() -> None:
        async def add_and_cancel_yourself() -> None:
            async with school.units.begin() as unit:
                await unit.insert(Person(name="kept"))
                unit.publish_after_commit("kept", 1)
                me = asyncio.current_task()
                assert me is not None
                asyncio.get_running_loop().call_soon(me.cancel)
                await unit.commit()

        with pytest.raises(asyncio.CancelledError):
            await asyncio.ensure_future(add_and_cancel_yourself())
        assert await find(school.units.reader, Person, name="kept") is not None
        assert school.published == [Change("kept", 1)]
        await add(school, "next")

    school.run(work)


def test_a_unit_that_blocks_the_loop_past_its_deadline_cannot_commit(school: School) -> None:
    async def work() -> None:
        with pytest.raises(UnitExpired):
            async with school.units.begin(deadline_seconds=0.05) as unit:
                await unit.insert(Person(name="late"))
                time.sleep(0.1)
                await unit.commit()
        assert await find(school.units.reader, Person, name="late") is None

    school.run(work)


def test_a_deadline_caught_inside_the_unit_still_ends_it(school: School) -> None:
    async def work() -> None:
        with pytest.raises((UnitExpired, UnitClosed)):
            async with school.units.begin(deadline_seconds=0.05) as unit:
                await unit.insert(Person(name="late"))
                try:
                    await asyncio.Event().wait()
                except asyncio.CancelledError:
                    pass
                await unit.commit()
        assert await find(school.units.reader, Person, name="late") is None

    school.run(work)


def test_the_body_s_own_error_comes_through_as_it_is(school: School) -> None:
    async def work() -> None:
        with pytest.raises(TimeoutError, match="mine"):
            async with school.units.begin():
                raise TimeoutError("mine")
        with pytest.raises(DatabaseUnavailable):
            async with school.units.begin():
                raise DatabaseUnavailable("mine too")

    school.run(work)
