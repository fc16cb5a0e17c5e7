"""PostgreSQL: restarts, limits, conflicts, and what libpq's environment says."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa

from data.school import METADATA, Message, Person, Room, School, units_of
from fixtures.databases import PASSWORD, PostgresCluster
from veche.data import (
    ConstraintKind,
    ConstraintViolated,
    DatabaseUnavailable,
    OutcomeUnknown,
    Statement,
    StatementTimedOut,
    StatementWrong,
    TransactionConflict,
    Unit,
    UnitsOfWork,
    ValueRefused,
    create_tables,
    find,
    get_for_update,
    next_revision,
)
from veche.data.postgres import PostgresDatabase
from veche.data.postgres.database import numbered

pytestmark = pytest.mark.postgres

COUNT = Statement(sa.select(sa.func.count()).select_from(Person))
SLEEPING = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'"
SLEEP = Statement(sa.select(sa.func.pg_sleep(sa.bindparam("seconds", type_=sa.Double()))))


@pytest.fixture
def school(postgres_url: str) -> School:
    return School(postgres_url)


@pytest.fixture
def make(postgres_url: str) -> Iterator[Callable[..., PostgresDatabase]]:
    made: list[PostgresDatabase] = []
    parts = urlsplit(postgres_url)

    def make_one(**options: float) -> PostgresDatabase:
        database = PostgresDatabase(
            parts.hostname,
            parts.port,
            parts.path[1:],
            PASSWORD,
            user="veche",
            **options,  # type: ignore[arg-type]  # float for int
        )
        made.append(database)
        return database

    yield make_one
    for database in made:
        database.close_own()


async def add(units: UnitsOfWork, name: str) -> None:
    async with units.begin() as unit:
        await unit.insert(Person(name=name))
        await unit.commit()


def test_a_restart_is_not_noticed_by_who_comes_after_it(school: School, postgres_cluster: PostgresCluster) -> None:
    async def work() -> None:
        # Several connections, all of which will be dead.
        await asyncio.gather(*(add(school.units, f"a{number}") for number in range(8)))
        await asyncio.to_thread(postgres_cluster.restart)
        assert await school.units.reader.value(COUNT) == 8
        await asyncio.to_thread(postgres_cluster.restart)
        await add(school.units, "b")
        assert await school.units.reader.value(COUNT) == 9
        await asyncio.to_thread(school.database.execute_query, "SELECT 1")
        await asyncio.to_thread(postgres_cluster.restart)
        assert await asyncio.to_thread(school.database.execute_query, "SELECT 1") == [(1,)]

    school.run(work)


def test_a_restart_inside_a_unit_is_an_error_and_leaves_nothing(
    school: School, postgres_cluster: PostgresCluster
) -> None:
    async def work() -> None:
        with pytest.raises(DatabaseUnavailable):
            async with school.units.begin(deadline_seconds=30) as unit:
                await unit.insert(Person(name="half"))
                await asyncio.to_thread(postgres_cluster.restart)
                await unit.insert(Person(name="other half"))
        assert await school.units.reader.value(COUNT) == 0

    school.run(work)


def test_a_server_that_is_gone_is_an_answer_and_its_return_needs_nobody(
    school: School, postgres_cluster: PostgresCluster
) -> None:
    async def work() -> None:
        await add(school.units, "a")
        await asyncio.to_thread(postgres_cluster.stop)
        began = time.monotonic()
        try:
            for _ in range(20):  # each an answer at once: whoever waited for the server would wait a second and more
                with pytest.raises(DatabaseUnavailable):
                    await school.units.reader.value(COUNT)
                with pytest.raises(DatabaseUnavailable):
                    await add(school.units, "b")
            assert time.monotonic() - began < 20
            with pytest.raises(DatabaseUnavailable):
                await asyncio.to_thread(school.database.execute_query, "SELECT 1")
        finally:
            await asyncio.to_thread(postgres_cluster.start)
        give_up_at = time.monotonic() + 30
        while True:
            try:
                assert await school.units.reader.value(COUNT) == 1
                break
            except DatabaseUnavailable:
                assert time.monotonic() < give_up_at

    school.run(work)


def test_who_waits_too_long_for_a_connection_is_refused(make: Callable[..., PostgresDatabase]) -> None:
    database = make(pool_size=1, pool_wait_seconds=0.1)
    create_tables(database, METADATA)

    async def work() -> None:
        units = units_of(database)
        async with units.begin():
            with pytest.raises(DatabaseUnavailable, match=r"in use for 0\.1 s"):
                await units.reader.value(COUNT)
        assert await units.reader.value(COUNT) == 0
        await database.close()

    asyncio.run(work())


def test_statements_and_locks_have_a_limit(make: Callable[..., PostgresDatabase]) -> None:
    # Each limit at a database of its own: on a slow machine other statements may take as long as the first of them.
    impatient, database = make(statement_timeout_seconds=0.3), make(lock_timeout_seconds=0.1)
    create_tables(database, METADATA)

    async def work() -> None:
        units = units_of(database)
        with pytest.raises(StatementTimedOut):
            await units_of(impatient).reader.all(SLEEP, seconds=60)
        await impatient.close()
        async with units.begin() as unit:
            await unit.insert(Room(id=5))
            await unit.commit()
        async with units.begin() as one:
            await next_revision(one, Room, community_id=1, id=5)
            with pytest.raises(TransactionConflict):
                async with units.begin() as two:
                    await next_revision(two, Room, community_id=1, id=5)
        await database.close()

    asyncio.run(work())


def test_two_units_in_a_deadlock_both_come_through_with_run(school: School) -> None:
    async def work() -> None:
        async with school.units.begin() as unit:
            await unit.insert(Room(id=1))
            await unit.insert(Room(id=2))
            await unit.commit()
        meet = asyncio.Barrier(2)
        tries = 0

        def crossing(first: int, second: int) -> Callable[[Unit], asyncio.Future[None]]:
            met = False

            async def cross(unit: Unit) -> None:
                nonlocal met, tries
                tries += 1
                room = await get_for_update(unit, Room, community_id=1, id=first)
                if not met:
                    met = True
                    await meet.wait()
                other = await get_for_update(unit, Room, community_id=1, id=second)
                for each in (room, other):
                    each.revision += 1
                    await unit.update(each)

            return lambda unit: asyncio.ensure_future(cross(unit))

        await asyncio.gather(school.units.run(crossing(1, 2)), school.units.run(crossing(2, 1)))
        assert tries >= 3  # one of them at least was the victim once
        assert await school.units.reader.all(Statement(sa.select(Room.revision))) == [(2,), (2,)]

    school.run(work)


def test_a_connection_lost_during_commit_has_an_unknown_outcome(school: School) -> None:
    async def work() -> None:
        school.database.execute_query(
            "CREATE FUNCTION leave() RETURNS trigger LANGUAGE plpgsql AS "
            "'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END'"
        )
        school.database.execute_query(
            "CREATE CONSTRAINT TRIGGER leaving AFTER INSERT ON person DEFERRABLE INITIALLY DEFERRED "
            "FOR EACH ROW EXECUTE FUNCTION leave()"
        )
        async with school.units.begin() as unit:
            await unit.insert(Person(name="a"))
            unit.publish_after_commit("people", 1)
            with pytest.raises(OutcomeUnknown):
                await unit.commit()
        assert school.published == []
        assert await find(school.units.reader, Person, name="a") is None

    school.run(work)


def test_a_cancelled_statement_gives_its_connection_back(make: Callable[..., PostgresDatabase]) -> None:
    # Longer than anybody waits for a connection: it has to come back before the statement is over by itself.
    database, other = make(pool_size=1, pool_wait_seconds=10, statement_timeout_seconds=120), make()
    create_tables(database, METADATA)

    async def work() -> None:
        units = UnitsOfWork(database, lambda changes: None, deadline_seconds=120)

        async def sleep_in_a_unit() -> None:
            async with units.begin() as unit:
                await unit.insert(Person(name="a"))
                await unit.all(SLEEP, seconds=60.0)

        async def one_sleeps() -> bool:
            return bool(await asyncio.to_thread(other.execute_query, SLEEPING))

        for sleeper in (units.reader.all(SLEEP, seconds=60.0), sleep_in_a_unit()):
            task: asyncio.Future[object] = asyncio.ensure_future(sleeper)
            async with asyncio.timeout(20):
                while not await one_sleeps():
                    assert not task.done()
                began = time.monotonic()
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
                assert await units.reader.value(COUNT) == 0
            assert time.monotonic() - began < 20
        await database.close()

    asyncio.run(work())


def test_the_name_of_a_shard_s_constraint_is_the_declared_one(school: School) -> None:
    async def work() -> None:
        # Citus reports the constraint of the shard; a renamed constraint looks the same from here.
        school.database.execute_query("ALTER TABLE person RENAME CONSTRAINT uq_person_name TO uq_person_name_102071")
        await add(school.units, "a")
        with pytest.raises(ConstraintViolated) as caught:
            await add(school.units, "a")
        found = caught.value
        assert (found.name, found.kind, found.columns) == ("uq_person_name", ConstraintKind.UNIQUE, ("name",))

    school.run(work)


def test_what_is_not_given_comes_from_the_environment(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    parts = urlsplit(postgres_url)
    for name, value in {
        "PGHOST": parts.hostname, "PGPORT": str(parts.port), "PGDATABASE": parts.path[1:],
        "PGUSER": parts.username, "PGPASSWORD": parts.password,
    }.items():  # fmt: skip
        assert value is not None
        monkeypatch.setenv(name, value)
    database = PostgresDatabase()
    assert database.execute_query("SELECT current_database()") == [(parts.path[1:],)]
    database.close_own()
    monkeypatch.setenv("PGPASSWORD", "wrong")
    with pytest.raises(DatabaseUnavailable):
        PostgresDatabase().execute_query("SELECT 1")
    given = PostgresDatabase(parts.hostname, parts.port, parts.path[1:], parts.password)
    assert given.execute_query("SELECT 1") == [(1,)]
    given.close_own()


class TestExecuteQuery:
    def test_takes_the_same_placeholders_as_sqlite(self, make: Callable[..., PostgresDatabase]) -> None:
        database = make()
        database.execute_query("CREATE TABLE note (id BIGINT PRIMARY KEY, text TEXT NOT NULL UNIQUE)")
        sql = "INSERT INTO note VALUES (?, ?), (2, 'what?') RETURNING id -- really?"
        assert database.execute_query(sql, (1, "a")) == [(1,), (2,)]
        assert database.execute_query("SELECT text FROM note WHERE id = ?", (2,)) == [("what?",)]
        with pytest.raises(ConstraintViolated) as caught:
            database.execute_query("INSERT INTO note VALUES (?, ?)", (3, "a"))
        assert (caught.value.name, caught.value.table) == ("note_text_key", "note")
        with pytest.raises(StatementWrong):
            database.execute_query("SELECT nonsense")
        with pytest.raises(ValueRefused):
            database.execute_query("SELECT ?::text", ("a\0",))
        with pytest.raises(ValueRefused):
            database.execute_query("INSERT INTO note VALUES (?, '')", (2**70,))

    def test_leaves_question_marks_in_texts_names_and_comments(self) -> None:
        assert numbered("a = ? AND b = '?''?' AND \"c?\" = ? /* ? */ -- ?\n= ?") == (
            "a = $1 AND b = '?''?' AND \"c?\" = $2 /* ? */ -- ?\n= $3"
        )


def test_deleting_a_room_takes_its_messages_along(school: School) -> None:
    async def work() -> None:
        async with school.units.begin() as unit:
            room = Room(id=5)
            await unit.insert(room)
            await unit.insert(Message(room_id=5, revision=1, text="a"))
            await unit.delete(room)
            await unit.commit()
        assert await school.units.reader.all(Statement(sa.select(Message), Message)) == []

    school.run(work)
