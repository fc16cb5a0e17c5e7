"""One contract for the kernel under every server: ours, uvicorn, and gunicorn's two kinds of workers as processes.

What differs is said in WSGI_CANNOT: there a WebSocket is answered 426 and an event stream 501.
"""

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
import websockets

from fixtures.servers import RunningCommand, ServerProcess, wait_until

pytestmark = pytest.mark.process

TESTS = Path(__file__).parents[1]
GUNICORN = ("gunicorn", "fixtures.kernel_site:wsgi_app", "--bind", "127.0.0.1:0", "--graceful-timeout", "5")
COMMANDS = {
    "uvicorn": (("uvicorn", "fixtures.kernel_site:app", "--port", "0"), r"running on (http://\S+)"),
    "gunicorn sync": ((*GUNICORN, "--workers", "3"), r"Listening at: (http://\S+)"),
    "gunicorn gthread": ((*GUNICORN, "--workers", "2", "--threads", "4"), r"Listening at: (http://\S+)"),
}
WSGI = ("gunicorn sync", "gunicorn gthread")


class Site:
    """A running server: its address, its log, and the file where lifespans are noted."""

    def __init__(self, server: RunningCommand, url: str, notes: Path) -> None:
        self.server = server
        self.url = url
        self.notes = notes

    def noted(self, word: str) -> list[str]:
        """Return the processes that noted the word."""
        lines = self.notes.read_text().splitlines() if self.notes.exists() else []
        return [line.split()[1] for line in lines if line.startswith(word)]


def running(kind: str, notes: Path) -> RunningCommand:
    env = {"LIFESPAN_LOG": str(notes)}
    if kind == "veche":
        return ServerProcess("fixtures.kernel_site:app", workers=2, app_dir=TESTS, env=env)
    command, ready = COMMANDS[kind]
    return RunningCommand([sys.executable, "-m", *command], ready=ready, cwd=TESTS, env=env)


def booted(server: RunningCommand, kind: str) -> list[int]:
    """Return gunicorn's workers, once all of them are there."""
    workers = {"gunicorn sync": 3, "gunicorn gthread": 2}[kind]
    wait_until(lambda: server.log_text().count("Booting worker") == workers, what="all workers")
    return server.child_pids()


def url_of(server: RunningCommand) -> str:
    if isinstance(server, ServerProcess):
        return server.url
    assert server.ready_match is not None
    return server.ready_match[1]


@pytest.fixture(scope="module", params=["veche", *COMMANDS])
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Site]]:
    notes = tmp_path_factory.mktemp("notes") / "lifespans.log"
    with running(request.param, notes) as server:
        yield request.param, Site(server, url_of(server), notes)


def test_the_lifespan_is_started_and_its_state_reaches_the_handlers(site: tuple[str, Site]) -> None:
    assert httpx.get(site[1].url + "/").text == "hello from the lifespan"


def test_addresses_fields_and_cookies_arrive(site: tuple[str, Site]) -> None:
    url = site[1].url
    answer = httpx.get(url + "/scope/привет?name=%D1%8F", headers={"x-test": "yes", "cookie": "a=1; b=2"}).json()
    assert answer == {
        "path": "/scope/привет",
        "query": "я",
        "header": "yes",
        "cookies": {"a": "1", "b": "2"},
        "url": f"{url}/scope/%D0%BF%D1%80%D0%B8%D0%B2%D0%B5%D1%82?name=%D1%8F",
    }


def test_head_has_no_body_and_a_wrong_method_says_what_is_allowed(site: tuple[str, Site]) -> None:
    head = httpx.head(site[1].url + "/")
    assert (head.status_code, head.headers["content-length"], head.content) == (200, "23", b"")
    assert httpx.delete(site[1].url + "/").headers["allow"] == "GET, HEAD, OPTIONS"


def test_bodies_arrive_whole_with_a_length_and_in_chunks(site: tuple[str, Site]) -> None:
    url, body = site[1].url, os.urandom(700_000)
    assert httpx.post(url + "/echo", content=body).content == body
    pieces = (body[start : start + 50_000] for start in range(0, len(body), 50_000))
    assert httpx.post(url + "/count", content=pieces).json() == {"octets": 700_000}


def test_an_upload_and_its_fields_arrive(site: tuple[str, Site]) -> None:
    answer = httpx.post(
        site[1].url + "/upload", data={"title": "Урок"}, files={"file": ("картинка.png", os.urandom(600_000))}
    )
    assert answer.json() == {"name": "картинка.png", "octets": 600_000, "title": "Урок"}


def test_a_body_that_is_too_large_is_413(site: tuple[str, Site]) -> None:
    assert httpx.post(site[1].url + "/echo", content=b"x" * 2_200_000).status_code == 413


def test_streams_and_files_come_whole(site: tuple[str, Site]) -> None:
    assert httpx.get(site[1].url + "/stream").text.count("\n") == 20_000
    own = httpx.get(site[1].url + "/file")
    assert own.content == (TESTS / "fixtures" / "kernel_site.py").read_bytes()
    known = httpx.get(site[1].url + "/file", headers={"if-none-match": own.headers["etag"]})
    assert (known.status_code, known.content) == (304, b"")
    part = httpx.get(site[1].url + "/static/kernel_site.py", headers={"range": "bytes=3-9"})
    assert (part.status_code, part.content) == (206, own.content[3:10])


def test_an_error_is_a_page_and_one_in_a_stream_cuts_the_connection(site: tuple[str, Site]) -> None:
    assert httpx.get(site[1].url + "/broken").status_code == 500
    with pytest.raises(httpx.RemoteProtocolError):
        httpx.get(site[1].url + "/broken-stream")
    assert httpx.get(site[1].url + "/").status_code == 200


def test_events_come_or_are_refused_where_they_would_hold_a_worker(site: tuple[str, Site]) -> None:
    answer = httpx.get(site[1].url + "/events")
    if site[0] in WSGI:
        assert answer.status_code == 501
    else:
        assert answer.text.count("event: count\n") == 3


def test_a_websocket_talks_or_is_refused_where_there_is_none(site: tuple[str, Site]) -> None:
    if site[0] in WSGI:
        upgrade = {"connection": "upgrade", "upgrade": "websocket", "sec-websocket-version": "13"}
        assert httpx.get(site[1].url + "/socket", headers=upgrade).status_code == 426
        return

    async def talk() -> None:
        async with websockets.connect(site[1].url.replace("http", "ws") + "/socket") as socket:
            await socket.send("привет")
            assert await socket.recv() == "ПРИВЕТ"

    asyncio.run(talk())


def test_many_requests_at_once_are_all_answered(site: tuple[str, Site]) -> None:
    with httpx.Client() as client, ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _n: client.get(site[1].url + "/where").json(), range(80)))
    assert all(answer["thread"].startswith("veche-handler") for answer in answers)


@pytest.mark.parametrize("kind", WSGI)
def test_each_worker_starts_at_its_first_request_and_ends_cleanly(kind: str, tmp_path: Path) -> None:
    notes = tmp_path / "lifespans.log"
    with running(kind, notes) as server:
        site = Site(server, url_of(server), notes)
        booted(server, kind)
        assert site.noted("start") == []
        used = {str(httpx.get(site.url + "/where").json()["process"]) for _time in range(10)}
        assert set(site.noted("start")) == used
        server.signal(signal.SIGTERM)
        server.wait()
        assert set(site.noted("end")) == used


@pytest.mark.parametrize("kind", WSGI)
def test_a_client_that_leaves_in_the_middle_of_an_answer_costs_no_worker(kind: str, tmp_path: Path) -> None:
    with running(kind, tmp_path / "lifespans.log") as server:
        url = httpx.URL(url_of(server))
        before = booted(server, kind)
        for _time in range(10):
            with socket.create_connection((url.host, url.port or 80)) as leaving:
                leaving.sendall(b"GET /stream HTTP/1.1\r\nHost: x\r\n\r\n")
                leaving.recv(100)
        wait_until(lambda: httpx.get(url).status_code == 200, what="an answer after the rude clients")
        assert server.child_pids() == before


def test_both_faces_give_the_same_pages(site: tuple[str, Site]) -> None:
    answer = httpx.get(site[1].url + "/nothing", headers={"accept": "application/json"})
    assert answer.status_code == 404
    assert json.loads(answer.content) == {
        "title": "Not Found",
        "status": 404,
        "detail": "There is nothing at this address.",
    }
