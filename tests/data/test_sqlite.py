"""SQLite: inline reads with a fuse, one writer, other programs on the same file."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

import apsw
import pytest
import sqlalchemy as sa

from data.school import METADATA, Person, School, units_of
from veche.data import (
    ConstraintViolated,
    DatabaseUnavailable,
    SqliteDatabase,
    Statement,
    StatementTimedOut,
    StatementWrong,
    UnitExpired,
    UnitsOfWork,
    ValueRefused,
    create_tables,
    open_database,
)

COUNT = Statement(sa.select(sa.func.count()).select_from(Person))
SLOW = Statement(
    sa.text("WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < :most) SELECT max(x) FROM n")
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "school.sqlite"


@pytest.fixture
def school(path: Path) -> School:
    return School(f"sqlite:///{path}")


async def add(units: UnitsOfWork, name: str) -> None:
    async with units.begin() as unit:
        await unit.insert(Person(name=name))
        await unit.commit()


def test_what_is_acknowledged_is_on_disk_and_readers_do_not_wait(school: School, path: Path) -> None:
    async def work() -> None:
        async with school.units.begin() as unit:
            await unit.insert(Person(name="a"))
            assert await school.units.reader.value(COUNT) == 0
            assert await unit.value(Statement(sa.text("PRAGMA synchronous"))) == 2
            assert await unit.value(Statement(sa.text("PRAGMA journal_mode"))) == "wal"
            assert await unit.value(Statement(sa.text("PRAGMA foreign_keys"))) == 1
            await unit.commit()

    school.run(work)
    assert apsw.sqlite_lib_version() >= "3.51.3"


def test_a_slow_read_goes_on_in_a_thread_and_the_loop_stays_free(path: Path) -> None:
    database = SqliteDatabase(path, read_fuse_seconds=0.005, slow_read_seconds=60)
    create_tables(database, METADATA)

    async def work() -> None:
        reader = units_of(database).reader
        assert await reader.value(SLOW, most=1_500_000) == 1_500_000
        assert database.reader.reruns >= 1
        endless = asyncio.ensure_future(reader.value(SLOW, most=10**12))
        for _ in range(10):
            await asyncio.sleep(0)
            assert await reader.value(COUNT) == 0
        assert not endless.done()
        endless.cancel()
        with pytest.raises(asyncio.CancelledError):
            await endless
        await database.close()

    asyncio.run(work())


def test_a_read_that_never_ends_is_stopped(path: Path) -> None:
    database = SqliteDatabase(path, read_fuse_seconds=0.005, slow_read_seconds=0.05)
    create_tables(database, METADATA)

    async def work() -> None:
        reader = units_of(database).reader
        with pytest.raises(StatementTimedOut):
            await reader.value(SLOW, most=10**12)
        slow = asyncio.ensure_future(reader.value(SLOW, most=10**12))
        await asyncio.sleep(0)
        slow.cancel()
        with pytest.raises(asyncio.CancelledError):
            await slow
        assert await reader.value(COUNT) == 0
        await database.close()

    asyncio.run(work())


def test_a_statement_that_outlives_its_unit_is_stopped(school: School) -> None:
    async def work() -> None:
        with pytest.raises(UnitExpired):
            async with school.units.begin(deadline_seconds=0.05) as unit:
                await unit.insert(Person(name="a"))
                await unit.value(SLOW, most=10**12)
        assert await school.units.reader.value(COUNT) == 0
        await add(school.units, "b")

    school.run(work)


def test_a_program_that_does_not_know_our_lock_files_is_waited_for(school: School, path: Path) -> None:
    async def work() -> None:
        await add(school.units, "a")
        stranger = apsw.Connection(str(path))
        stranger.execute("BEGIN IMMEDIATE")
        stranger.execute("INSERT INTO person (id, name) VALUES (1, 'stranger')")
        ours = asyncio.ensure_future(add(school.units, "b"))
        for _ in range(20):  # the loop is free meanwhile
            assert await school.units.reader.value(COUNT) == 1
            await asyncio.sleep(0.002)
        assert not ours.done()
        stranger.execute("COMMIT")
        stranger.close()
        await ours
        assert await school.units.reader.value(COUNT) == 3

    school.run(work)


def test_a_turn_that_does_not_come_is_an_answer(path: Path) -> None:
    database = SqliteDatabase(path, wait_seconds=0.05)
    create_tables(database, METADATA)

    async def work() -> None:
        units = units_of(database)
        other = SqliteDatabase(path)
        async with units_of(other).begin() as unit:
            await unit.insert(Person(name="a"))
            with pytest.raises(DatabaseUnavailable, match="busy for"):
                await add(units, "b")
            with pytest.raises(DatabaseUnavailable):
                await asyncio.to_thread(database.execute_query, "DELETE FROM person")
            await unit.commit()
        await add(units, "c")
        await database.close()
        await other.close()

    asyncio.run(work())


def test_the_file_is_missing_or_no_database(tmp_path: Path) -> None:
    async def read(name: str) -> None:
        database = SqliteDatabase(tmp_path / name)
        try:
            await units_of(database).reader.value(COUNT)
        finally:
            await database.close()

    with pytest.raises(DatabaseUnavailable, match="cannot be opened"):
        asyncio.run(read("missing.sqlite"))
    assert not (tmp_path / "missing.sqlite").exists()
    (tmp_path / "text.sqlite").write_text("This is not a database, but a text. " * 100)
    with pytest.raises(DatabaseUnavailable, match="cannot serve"):
        asyncio.run(read("text.sqlite"))
    for name in (":memory:", "", "file:x?mode=memory"):
        with pytest.raises(ValueError, match="is not a file"):
            SqliteDatabase(name)


def test_a_full_disk_is_an_error_and_nothing_is_half_written(path: Path) -> None:
    database = SqliteDatabase(path)
    create_tables(database, METADATA)

    async def work() -> None:
        units = units_of(database)
        with pytest.raises(DatabaseUnavailable, match="full"):
            async with units.begin() as unit:
                await unit.all(Statement(sa.text("PRAGMA max_page_count=1")))
                for number in range(10_000):
                    await unit.insert(Person(name=f"a{number}"))
                await unit.commit()
        await database.close()
        assert await units.reader.value(COUNT) == 0
        await add(units, "b")
        await database.close()

    asyncio.run(work())


def test_it_may_be_used_by_one_loop_after_another(school: School) -> None:
    async def twice() -> None:
        await add(school.units, f"a{time.monotonic_ns()}")
        await school.database.close()

    create_tables(school.database, METADATA)
    asyncio.run(twice())
    asyncio.run(twice())
    assert school.database.execute_query("SELECT count(*) FROM person") == [(2,)]
    school.database.close_own()


class TestExecuteQuery:
    def test_gives_rows_and_commits(self, path: Path) -> None:
        database = SqliteDatabase(path)
        assert database.execute_query("CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE)") == []
        assert database.execute_query("INSERT INTO note (text) VALUES (?), ('?') RETURNING id", ("a",)) == [(1,), (2,)]
        assert SqliteDatabase(path).execute_query("SELECT text FROM note ORDER BY id") == [("a",), ("?",)]

    def test_translates_its_errors(self, path: Path) -> None:
        database = SqliteDatabase(path)
        database.execute_query("CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE)")
        database.execute_query("INSERT INTO note (text) VALUES ('a')")
        with pytest.raises(ConstraintViolated) as caught:
            database.execute_query("INSERT INTO note (text) VALUES (?)", ("a",))
        assert (caught.value.table, caught.value.columns) == ("note", ("text",))
        with pytest.raises(StatementWrong):
            database.execute_query("SELECT nonsense")
        with pytest.raises(StatementWrong):
            database.execute_query("SELECT ?", (1, 2))
        with pytest.raises(ValueRefused):
            database.execute_query("SELECT ?", (object(),))
        with pytest.raises(ValueRefused):
            database.execute_query("SELECT ?", (2**64,))

    def test_works_on_both_sides_of_a_fork(self, path: Path) -> None:
        database = SqliteDatabase(path)
        database.execute_query("CREATE TABLE note (text TEXT)")
        child = os.fork()
        if child == 0:
            try:
                database.execute_query("INSERT INTO note VALUES ('child')")
                os._exit(0)
            finally:
                os._exit(1)
        database.execute_query("INSERT INTO note VALUES ('parent')")
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert sorted(database.execute_query("SELECT text FROM note")) == [("child",), ("parent",)]


def test_addresses() -> None:
    one = open_database("sqlite:///var/site%20one.sqlite")
    assert isinstance(one, SqliteDatabase)
    assert one.path == Path.cwd() / "var/site one.sqlite"
    two = open_database("sqlite:////srv/site.sqlite")
    assert isinstance(two, SqliteDatabase)
    assert two.path == Path("/srv/site.sqlite")
    for wrong in ("sqlite://var/x", "mysql://x/y", "nonsense"):
        with pytest.raises(ValueError, match="expected"):
            open_database(wrong)
