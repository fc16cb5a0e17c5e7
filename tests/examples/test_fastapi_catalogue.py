"""examples/fastapi_catalogue over real sockets on our server: migrations, lifespan, REST, and the live feed."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import websockets

from fixtures.catalogue_sites import Environment, alembic, new_database, site_on_database, site_on_site
from fixtures.example_sites import url_of
from fixtures.servers import RunningCommand

pytestmark = pytest.mark.peers

WORKERS = 2


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    return new_database(tmp_path_factory.mktemp("catalogue"))


@pytest.fixture(scope="module")
def site(database: Environment) -> Iterator[RunningCommand]:
    with site_on_database(database, workers=WORKERS) as running:
        yield running


@pytest.fixture
def client(site: RunningCommand) -> Iterator[httpx.Client]:
    # A connection of its own for each request: any worker may be the one who answers.
    with httpx.Client(base_url=url_of(site), headers={"connection": "close"}) as client:
        yield client


def added(client: httpx.Client, slug: str, *, price_cents: int = 1000) -> httpx.Response:
    answer = client.post("/api/courses", json={"slug": slug, "title": slug.title(), "price_cents": price_cents})
    assert answer.status_code == 201, answer.text
    return answer


def test_the_tables_of_the_migrations_are_those_of_the_models(database: Environment) -> None:
    assert "No new upgrade operations detected." in alembic(database, "check")


def test_a_database_that_is_not_migrated_stops_the_start_with_the_command_that_helps(tmp_path: Path) -> None:
    env = {"CATALOGUE_DATABASE": f"sqlite+aiosqlite:///{tmp_path}/empty.sqlite"}
    with (
        pytest.raises(AssertionError, match="is at migration none; run: alembic upgrade head"),
        site_on_database(env),
    ):
        pytest.fail("it serves")


def test_every_worker_opens_the_store_before_its_first_request_and_closes_it_at_the_end(database: Environment) -> None:
    async def read_until_it_stops(running: RunningCommand) -> None:
        async with websockets.connect(feed_url(running, 0)) as socket:
            stopping = asyncio.create_task(asyncio.to_thread(running.stop))
            await asyncio.wait_for(socket.wait_closed(), 10)
            assert socket.close_code == 1012  # come back: the service restarts
            assert await stopping == 0

    with site_on_database(database, workers=WORKERS) as running:
        assert running.log_text().count("catalogue: the store is open") == WORKERS
        assert httpx.get(url_of(running) + "/api/courses").status_code == 200
        assert "catalogue: the store is closed" not in running.log_text()
        asyncio.run(read_until_it_stops(running))
        assert running.log_text().count("catalogue: the store is closed") == WORKERS


def test_a_course_is_added_read_changed_and_removed(client: httpx.Client) -> None:
    answer = added(client, "bread")
    assert answer.headers["location"] == "/api/courses/bread"
    read = client.get("/api/courses/bread")
    assert read.json() == answer.json()
    change = {"title": "Хлеб", "price_cents": 900}
    changed = client.put("/api/courses/bread", json=change, headers={"if-match": read.headers["etag"]})
    assert changed.json()["title"] == "Хлеб"
    assert client.get("/api/courses/bread").headers["etag"] == changed.headers["etag"]
    assert client.delete("/api/courses/bread").status_code == 204
    assert client.get("/api/courses/bread").status_code == 404


def test_refusals_are_problems_with_their_statuses(client: httpx.Client) -> None:
    seen = added(client, "refusals").headers["etag"]
    change = {"title": "Once", "price_cents": 1}
    assert client.put("/api/courses/refusals", json=change, headers={"if-match": seen}).status_code == 200
    stale = client.put("/api/courses/refusals", json=change, headers={"if-match": seen})
    assert (stale.status_code, stale.headers["content-type"]) == (412, "application/problem+json")
    assert stale.json()["title"] == "ChangedMeanwhile"
    assert client.put("/api/courses/refusals", json=change).status_code == 422  # If-Match is not optional
    again = client.post("/api/courses", json={"slug": "refusals", "title": "Twice", "price_cents": 1})
    assert (again.status_code, again.json()["title"]) == (409, "AlreadyThere")


def test_wrong_input_is_refused_with_every_error_at_once(client: httpx.Client) -> None:
    answer = client.post("/api/courses", json={"slug": "No Slug", "title": "  ", "price_cents": -1, "extra": 1})
    assert answer.status_code == 422
    wrong = {error["loc"][-1] for error in answer.json()["detail"]}
    assert wrong == {"slug", "title", "price_cents", "extra"}


def test_the_page_and_the_api_document_are_served(client: httpx.Client) -> None:
    assert "new WebSocket(" in client.get("/").text
    assert "/api/courses/{slug}" in client.get("/openapi.json").json()["paths"]


def feed_url(site: RunningCommand, since: int) -> str:
    return f"{url_of(site).replace('http', 'ws')}/feed?since={since}"


async def received(socket: websockets.ClientConnection) -> tuple[str, int]:
    course = json.loads(await asyncio.wait_for(socket.recv(), 10))
    return course["slug"], course["price_cents"]


def test_a_reader_of_the_feed_gets_what_is_there_and_then_each_change(
    site: RunningCommand, client: httpx.Client
) -> None:
    before = added(client, "feed-first").json()["revision"] - 1

    async def read() -> None:
        async with websockets.connect(feed_url(site, before)) as socket:
            assert await received(socket) == ("feed-first", 1000)
            course = await asyncio.to_thread(added, client, "feed-second")
            assert await received(socket) == ("feed-second", 1000)
            change = {"title": "Feed", "price_cents": 500}
            headers = {"if-match": course.headers["etag"]}
            await asyncio.to_thread(lambda: client.put("/api/courses/feed-second", json=change, headers=headers))
            assert await received(socket) == ("feed-second", 500)
            last = course.json()["revision"] + 1
        await asyncio.to_thread(added, client, "feed-missed")
        async with websockets.connect(feed_url(site, last)) as socket:  # back again: what was missed comes
            assert await received(socket) == ("feed-missed", 1000)

    asyncio.run(read())


def test_readers_at_every_worker_get_a_change_made_at_any(site: RunningCommand, client: httpx.Client) -> None:
    since = added(client, "many").json()["revision"]

    async def read() -> None:
        async with asyncio.timeout(20):
            sockets = [await websockets.connect(feed_url(site, since)) for _reader in range(8)]
            await asyncio.to_thread(added, client, "to-all")
            assert {await received(socket) for socket in sockets} == {("to-all", 1000)}
            await asyncio.gather(*(socket.close() for socket in sockets))

    asyncio.run(read())


def test_a_feed_with_a_wrong_cursor_is_refused_before_it_opens(site: RunningCommand) -> None:
    async def read() -> None:
        with pytest.raises(websockets.InvalidStatus) as refused:
            await websockets.connect(feed_url(site, -1))
        assert refused.value.response.status_code == 403

    asyncio.run(read())


def test_a_site_on_another_sites_api_shows_its_courses_and_passes_on_what_is_refused(
    database: Environment, client: httpx.Client
) -> None:
    with site_on_database(database) as other, site_on_site(other) as further:
        since = added(client, "shared").json()["revision"]
        with httpx.Client(base_url=url_of(further)) as there:
            read = there.get("/api/courses/shared")
            assert read.json() == client.get("/api/courses/shared").json()
            change = {"title": "Shared", "price_cents": 7}
            assert there.put("/api/courses/shared", json=change, headers={"if-match": '"0"'}).status_code == 412
            etag = {"if-match": read.headers["etag"]}
            assert there.put("/api/courses/shared", json=change, headers=etag).status_code == 200
            assert client.get("/api/courses/shared").json()["price_cents"] == 7

            async def listen() -> None:
                async with websockets.connect(feed_url(further, since)) as socket:
                    assert await received(socket) == ("shared", 7)
                    await asyncio.to_thread(added, client, "from-afar")
                    assert await received(socket) == ("from-afar", 1000)
                    await asyncio.to_thread(other.stop)
                    await asyncio.wait_for(socket.wait_closed(), 10)
                    assert socket.close_code == 1013

            asyncio.run(listen())
            gone = there.get("/api/courses/shared")
            assert (gone.status_code, gone.json()["title"]) == (503, "Unavailable")
