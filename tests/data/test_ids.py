"""Ids made by the application."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from data.school import Person, School
from veche.data import ConstraintViolated, Unit, find
from veche.data.ids import EPOCH_MILLISECONDS, IdMaker

FIXED_NANOSECONDS = (EPOCH_MILLISECONDS + 1_000) * 1_000_000


def test_ids_only_grow_and_never_repeat_even_in_one_millisecond_and_many_threads() -> None:
    make = IdMaker(lambda: FIXED_NANOSECONDS)
    ids = [make() for _ in range(10_000)]
    assert ids == sorted(set(ids))
    with ThreadPoolExecutor(4) as pool:
        more = [number for part in pool.map(lambda _: [make() for _ in range(500)], range(4)) for number in part]
    assert len(set(more) | set(ids)) == 12_000


def test_an_id_tells_its_millisecond_and_javascript_keeps_it_whole() -> None:
    assert IdMaker(lambda: FIXED_NANOSECONDS)() >> 12 == 1_000
    last_day_nanoseconds = (EPOCH_MILLISECONDS + 2**41 - 1) * 1_000_000
    assert IdMaker(lambda: last_day_nanoseconds)() < 2**53


def test_a_unit_whose_new_id_is_taken_is_repeated_with_another(school: School) -> None:
    async def work() -> None:
        ids = iter([7, 7, 8])

        async def add(unit: Unit) -> Person:
            person = Person(id=next(ids), name=f"person {len(names)}")
            names.append(person.name)
            await unit.insert(person)
            return person

        names: list[str] = []
        assert (await school.units.run(add)).id == 7
        assert (await school.units.run(add)).id == 8
        assert await find(school.units.reader, Person, id=8) is not None

        async def add_twice(unit: Unit) -> None:
            names.append("again")
            await unit.insert(Person(id=9, name=names[0]))

        tries = len(names)
        with pytest.raises(ConstraintViolated, match="uq_person_name"):
            await school.units.run(add_twice)
        assert len(names) == tries + 1  # any other violation is an answer, not a reason to repeat

    school.run(work)
