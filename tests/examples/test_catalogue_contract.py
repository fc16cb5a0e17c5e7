"""One repository contract, its stores: SQLite, PostgreSQL, another site's API, and a site that asks another site.

The other sites are the same application in processes of our server.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TypeAlias

import httpx
import pytest
from sqlalchemy.ext.asyncio import create_async_engine

from catalogue.model import Course, CourseChange, NewCourse
from catalogue.remote import RemoteUnits
from catalogue.repository import AlreadyThere, CatalogueError, ChangedMeanwhile, NotFound, Unavailable, Units
from catalogue.sql import SqlUnits
from fixtures.catalogue_sites import Environment, alembic, new_database, site_on_database, site_on_site
from fixtures.databases import PostgresCluster
from fixtures.example_sites import url_of
from fixtures.servers import RunningCommand, free_port

pytestmark = pytest.mark.peers

Store: TypeAlias = Callable[[], AbstractAsyncContextManager[Units]]
Scenario: TypeAlias = Callable[[Units], Coroutine[None, None, None]]
Ask: TypeAlias = Callable[[Scenario], None]

BREAD = NewCourse(slug="bread", title="Bread", price_cents=1200)
TIDES = NewCourse(slug="tides", title="Приливы и отливы", price_cents=0)
CHEAPER = CourseChange(title="Bread", price_cents=900)


def sql_store(url: str) -> Store:
    @asynccontextmanager
    async def store() -> AsyncIterator[Units]:
        engine = create_async_engine(url)
        try:
            yield SqlUnits(engine)
        finally:
            await engine.dispose()

    return store


def remote_store(url: str) -> Store:
    @asynccontextmanager
    async def store() -> AsyncIterator[Units]:
        async with httpx.AsyncClient(base_url=url) as client:
            yield RemoteUnits(client)

    return store


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    return new_database(tmp_path_factory.mktemp("catalogue"))


@pytest.fixture(scope="module")
def site(database: Environment) -> Iterator[RunningCommand]:
    with site_on_database(database) as running:
        yield running


@pytest.fixture(scope="module")
def further_site(site: RunningCommand) -> Iterator[RunningCommand]:
    with site_on_site(site) as running:
        yield running


@pytest.fixture(scope="module")
def postgres(postgres_cluster: PostgresCluster) -> Iterator[Environment]:
    name = postgres_cluster.create_database()
    env = {"CATALOGUE_DATABASE": postgres_cluster.url(name).replace("postgresql:", "postgresql+psycopg:")}
    alembic(env, "upgrade", "head")
    assert "No new upgrade operations detected." in alembic(env, "check")
    yield env
    postgres_cluster.drop_database(name)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres), "remote", "remote of remote"])
def store(request: pytest.FixtureRequest) -> Store:
    """Each store; what it needs is started when it is first asked for."""
    match request.param:
        case "sqlite":
            return sql_store(request.getfixturevalue("database")["CATALOGUE_DATABASE"])
        case "postgresql":
            return sql_store(request.getfixturevalue("postgres")["CATALOGUE_DATABASE"])
        case "remote":
            return remote_store(url_of(request.getfixturevalue("site")))
        case _:
            return remote_store(url_of(request.getfixturevalue("further_site")))


@pytest.fixture
def ask(store: Store) -> Ask:
    """Run a scenario on the store, which is empty at its beginning."""

    async def on_an_empty_store(scenario: Scenario) -> None:
        async with store() as units:
            async with units() as unit:
                courses = await unit.courses.all()
            for course in courses:
                await remove(units, course.slug)
            await scenario(units)

    return lambda scenario: asyncio.run(on_an_empty_store(scenario))


async def add(units: Units, new: NewCourse) -> Course:
    async with units() as unit:
        course = await unit.courses.add(new)
        await unit.commit()
    return course


async def change(units: Units, slug: str, wanted: CourseChange, *, seen_revision: int) -> Course:
    async with units() as unit:
        course = await unit.courses.change(slug, wanted, seen_revision=seen_revision)
        await unit.commit()
    return course


async def remove(units: Units, slug: str) -> None:
    async with units() as unit:
        await unit.courses.remove(slug)
        await unit.commit()


async def slugs(units: Units, *, after: str = "", limit: int = 50) -> list[str]:
    async with units() as unit:
        return [course.slug for course in await unit.courses.all(after=after, limit=limit)]


async def get(units: Units, slug: str) -> Course:
    async with units() as unit:
        return await unit.courses.get(slug)


async def changed_since(units: Units, revision: int, *, limit: int = 50) -> list[tuple[str, int]]:
    async with units() as unit:
        return [(c.slug, c.revision) for c in await unit.courses.changed_since(revision, limit=limit)]


async def refusal(asked: Coroutine[None, None, object]) -> type[CatalogueError]:
    with pytest.raises(CatalogueError) as refused:
        await asked
    assert str(refused.value)  # it says what happened
    return refused.type


def test_a_course_that_was_added_is_read_as_it_was_given(ask: Ask) -> None:
    async def scenario(units: Units) -> None:
        added = await add(units, TIDES)
        assert added.model_dump(exclude={"revision"}) == TIDES.model_dump()
        assert await get(units, "tides") == added

    ask(scenario)


def test_courses_are_listed_by_slug_page_after_page(ask: Ask) -> None:
    async def scenario(units: Units) -> None:
        for slug in ("d", "a", "c", "b", "e"):
            await add(units, NewCourse(slug=slug, title=slug, price_cents=1))
        assert await slugs(units, limit=2) == ["a", "b"]
        assert await slugs(units, after="b", limit=2) == ["c", "d"]
        assert await slugs(units, after="d", limit=2) == ["e"]
        assert await slugs(units, after="e", limit=2) == []

    ask(scenario)


def test_a_slug_is_given_once(ask: Ask) -> None:
    async def scenario(units: Units) -> None:
        first = await add(units, BREAD)
        assert await refusal(add(units, BREAD.model_copy(update={"title": "Other"}))) is AlreadyThere
        assert await get(units, "bread") == first

    ask(scenario)


@pytest.mark.parametrize("slug", ["absent", "a/b", "?after=x", "..", "нет"])
def test_what_is_not_there_is_not_found(ask: Ask, slug: str) -> None:
    async def scenario(units: Units) -> None:
        await add(units, BREAD)
        assert await refusal(get(units, slug)) is NotFound
        assert await refusal(change(units, slug, CHEAPER, seen_revision=1)) is NotFound
        assert await refusal(remove(units, slug)) is NotFound
        assert await slugs(units) == ["bread"]

    ask(scenario)


def test_who_saw_the_newest_revision_may_change_it(ask: Ask) -> None:
    async def scenario(units: Units) -> None:
        seen = await add(units, BREAD)
        changed = await change(units, "bread", CHEAPER, seen_revision=seen.revision)
        assert changed.price_cents == 900
        assert changed.revision > seen.revision
        assert await get(units, "bread") == changed

    ask(scenario)


def test_who_saw_an_older_revision_is_refused_and_changes_nothing(ask: Ask) -> None:
    async def scenario(units: Units) -> None:
        seen = await add(units, BREAD)
        changed = await change(units, "bread", CHEAPER, seen_revision=seen.revision)
        late = CourseChange(title="Late", price_cents=1)
        assert await refusal(change(units, "bread", late, seen_revision=seen.revision)) is ChangedMeanwhile
        assert await get(units, "bread") == changed

    ask(scenario)


def test_of_two_changes_at_once_one_is_refused(ask: Ask) -> None:
    async def scenario(units: Units) -> None:
        seen = await add(units, BREAD)
        attempts = [
            change(units, "bread", CourseChange(title=f"{n}", price_cents=n), seen_revision=seen.revision)
            for n in range(4)
        ]
        results = await asyncio.gather(*attempts, return_exceptions=True)
        assert sorted(type(result).__name__ for result in results) == [*["ChangedMeanwhile"] * 3, "Course"]
        assert await get(units, "bread") in results

    ask(scenario)


def test_what_is_removed_is_gone_and_may_be_added_again(ask: Ask) -> None:
    async def scenario(units: Units) -> None:
        await add(units, BREAD)
        await remove(units, "bread")
        assert await refusal(get(units, "bread")) is NotFound
        assert await refusal(remove(units, "bread")) is NotFound
        await add(units, BREAD)
        assert await slugs(units) == ["bread"]

    ask(scenario)


def test_changes_come_in_their_order_each_course_once(ask: Ask) -> None:
    async def scenario(units: Units) -> None:
        bread, tides = await add(units, BREAD), await add(units, TIDES)
        assert await changed_since(units, bread.revision - 1) == [("bread", bread.revision), ("tides", tides.revision)]
        cheaper = await change(units, "bread", CHEAPER, seen_revision=bread.revision)
        assert await changed_since(units, bread.revision) == [("tides", tides.revision), ("bread", cheaper.revision)]
        assert await changed_since(units, bread.revision, limit=1) == [("tides", tides.revision)]
        assert await changed_since(units, cheaper.revision) == []

    ask(scenario)


def test_a_unit_of_work_that_is_left_without_commit_did_nothing(database: Environment) -> None:
    """SQL alone: on a remote store each call is a unit (catalogue/remote.py says so)."""

    async def scenario() -> None:
        async with sql_store(database["CATALOGUE_DATABASE"])() as units:
            async with units() as unit:
                await unit.courses.add(BREAD.model_copy(update={"slug": "undone"}))
                assert (await unit.courses.get("undone")).title == "Bread"  # seen inside
            assert "undone" not in await slugs(units)

    asyncio.run(scenario())


def test_a_site_that_cannot_be_reached_is_unavailable() -> None:
    async def scenario() -> None:
        async with remote_store(f"http://127.0.0.1:{free_port()}")() as units:
            assert await refusal(get(units, "bread")) is Unavailable

    asyncio.run(scenario())
