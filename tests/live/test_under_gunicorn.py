"""Live pages where no connection can be held and no worker can tell another: the floor of one question a second."""

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from fixtures.browser import Browsing
from fixtures.live_board import make_database
from fixtures.servers import RunningCommand, free_port

pytestmark = [pytest.mark.browser, pytest.mark.process, pytest.mark.peers]

TESTS = Path(__file__).parents[1]


@pytest.fixture
def gunicorn_url(tmp_path: Path) -> Iterator[str]:
    url = f"sqlite:///{tmp_path}/board.sqlite"
    asyncio.run(make_database(url))
    port = free_port()
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        "fixtures.live_board:wsgi",
        "--workers",
        "2",
        "--bind",
        f"127.0.0.1:{port}",
    ]
    environment = {"BOARD_DATABASE": url, "PYTHONPATH": str(TESTS)}
    with RunningCommand(
        [*command, "--threads", "4"], ready="Booting worker.*\n.*Booting worker", env=environment, cwd=TESTS
    ):
        yield f"http://127.0.0.1:{port}"


def test_a_message_arrives_within_seconds_though_another_worker_took_it(gunicorn_url: str, browsing: Browsing) -> None:
    reader = browsing.page(gunicorn_url + "/rooms/1")
    writers = [browsing.page(gunicorn_url + "/rooms/1") for _ in range(2)]
    expect(reader.locator("html")).to_have_class("live-connected")
    for number in range(4):  # two workers: one of these messages is written by the one that does not answer the reader
        writers[number % 2].locator("#text").fill(f"message {number}")
        writers[number % 2].get_by_role("button", name="Say").click()
        expect(reader.locator("ol")).to_contain_text(f"message {number}")
    assert reader.evaluate("live.connection.way") == "poll"
    browsing.close()
