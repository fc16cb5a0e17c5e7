"""Live pages on our own server with several workers: pushed between them, complete when one of them dies."""

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from fixtures.browser import Browsing
from fixtures.live_board import make_database
from fixtures.servers import ServerProcess, wait_until

pytestmark = [pytest.mark.browser, pytest.mark.process]

TESTS = Path(__file__).parents[1]
WORKERS = 2
HALF_A_DRAIN_SECONDS = 15.0  # whoever still reads is told then; a live page at once


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """Made before the browser starts, which keeps asyncio.run() away."""
    url = f"sqlite:///{tmp_path}/board.sqlite"
    asyncio.run(make_database(url))
    return url


@contextmanager
def serving(browsing: Browsing, database_url: str, **more: str) -> Iterator[ServerProcess]:
    environment = {"BOARD_DATABASE": database_url, "PYTHONPATH": str(TESTS), **more}
    with ServerProcess("fixtures.live_board:app", workers=WORKERS, env=environment, app_dir=TESTS) as server:
        yield server
        browsing.close()


@pytest.fixture
def server(database_url: str, browsing: Browsing) -> Iterator[ServerProcess]:
    with serving(browsing, database_url) as server:
        yield server


@pytest.fixture
def pushing_server(database_url: str, browsing: Browsing) -> Iterator[ServerProcess]:
    """One that asks no database by itself: what arrives was pushed."""
    with serving(browsing, database_url, BOARD_WITHOUT_FLOOR="1") as server:
        yield server


def workers(server: ServerProcess) -> dict[int, int]:
    """Process id → live connections, of every worker."""
    found: dict[int, int] = {}
    with ExitStack() as asked:  # kept open: who has more connections steps back, and each worker gets its turn

        def look() -> bool:
            client = asked.enter_context(httpx.Client())
            answer: dict[str, Any] = client.get(server.url + "/worker").json()
            found[answer["pid"]] = answer["connections"]
            return len(found) == WORKERS

        wait_until(look, what="an answer of each worker")
    return found


def room(browsing: Browsing, server: ServerProcess, way: str = "socket") -> Page:
    context = browsing.context()
    if way == "stream":
        context.add_init_script("delete window.WebSocket; window.WebSocket = " + BLOCKED_SOCKET)
    page = context.new_page()
    page.goto(server.url + "/rooms/1")
    expect(page.locator("html")).to_have_class("live-connected")
    assert page.evaluate("live.connection.way") == way
    return page


BLOCKED_SOCKET = """class { constructor() { setTimeout(() => this.onclose?.()); } close() {} }"""

WAYS = pytest.mark.parametrize("way", ["socket", "stream"])


def requests_of(*pages: Page) -> list[str]:
    urls: list[str] = []
    for page in pages:
        page.on("request", lambda request: urls.append(request.url))
    return urls


def say(server: ServerProcess, text: str) -> None:
    with httpx.Client() as client:  # a connection of its own: either worker may take it
        response = client.post(server.url + "/rooms/1/messages", data={"text": text}, headers={"connection": "close"})
    assert response.status_code == 303


def expect_lost_connections(browsing: Browsing) -> None:
    browsing.expect_problem(
        "WebSocket connection to|ERR_INCOMPLETE_CHUNKED_ENCODING|ERR_CONNECTION_REFUSED|status of 503"
    )


@WAYS
def test_what_any_worker_commits_is_pushed_to_the_browsers_of_all(
    pushing_server: ServerProcess, browsing: Browsing, way: str
) -> None:
    server = pushing_server
    pages = [room(browsing, server, way) for _ in range(3)]
    requests = requests_of(*pages)
    for number in range(6):
        say(server, f"message {number}")
        for page in pages:
            expect(page.locator("ol")).to_contain_text(f"message {number}")
    assert requests == []


@WAYS
def test_a_page_is_complete_after_the_worker_that_held_it_was_killed(
    pushing_server: ServerProcess, browsing: Browsing, way: str
) -> None:
    server = pushing_server
    expect_lost_connections(browsing)
    page = room(browsing, server, way)
    page.locator("#text").fill("half a sentence")
    holder = next(pid for pid, connections in workers(server).items() if connections)
    os.kill(holder, signal.SIGKILL)
    say(server, "while the connection was gone")
    expect(page.locator("ol")).to_contain_text("while the connection was gone")
    expect(page.locator("#text")).to_have_value("half a sentence")
    say(server, "after it came back")
    expect(page.locator("ol")).to_contain_text("after it came back")


def test_a_page_is_complete_though_a_worker_died_between_its_commit_and_its_publish(
    server: ServerProcess, browsing: Browsing
) -> None:
    expect_lost_connections(browsing)
    pages = [room(browsing, server)]
    while not all(workers(server).values()):  # a page on each worker, so that one of them is not the one that dies
        pages.append(room(browsing, server))
    requests = {page: requests_of(page) for page in pages}
    with pytest.raises(httpx.HTTPError):
        httpx.post(server.url + "/rooms/1/last-words")
    for page in pages:
        expect(page.locator("ol")).to_contain_text("last words")
    assert [] in requests.values(), "a browser of the other worker was told without asking"


def test_a_server_that_ends_lets_its_live_pages_go_at_once(server: ServerProcess, browsing: Browsing) -> None:
    expect_lost_connections(browsing)
    pages = [room(browsing, server), room(browsing, server, "stream")]
    began = time.monotonic()
    server.signal(signal.SIGTERM)
    server.wait(seconds=20)
    assert time.monotonic() - began < HALF_A_DRAIN_SECONDS - 3
    for page in pages:
        expect(page.locator("html")).to_have_class("live-offline")
