"""Examples behind a real nginx with deploy/nginx/site.conf: Flask on gunicorn and on our server, one contract; then

FastAPI's WebSocket through it, and its own page while nobody answers.
"""

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import websockets

from fixtures.catalogue_sites import new_database, site_on_database
from fixtures.example_sites import Server, example, input_value, url_of
from fixtures.nginx import SITE_NAME, Nginx, nginx_before

pytestmark = [pytest.mark.peers, pytest.mark.nginx]

ENV = {"FLASK_SECRET_KEY": "any", "BEHIND_PROXY": "1"}


class Site:
    """An application, and nginx before it."""

    def __init__(self, application_url: str, nginx: Nginx) -> None:
        self.application_url = application_url
        self.nginx = nginx


@pytest.fixture(scope="module", params=["veche", "gunicorn"])
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    server: Server = request.param
    with (
        example(server, "flask_login", "app:app", env=ENV) as running,
        nginx_before(url_of(running), tmp_path_factory.mktemp("nginx")) as nginx,
    ):
        yield Site(url_of(running), nginx)


@pytest.fixture
def browser(site: Site) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=site.nginx.url, headers={"host": SITE_NAME}) as client:
        yield client


def test_people_log_in_with_the_token_and_are_refused_without(browser: httpx.Client) -> None:
    who = {"name": "ada", "password": "lovelace"}
    token = input_value(browser.get("/").text, "csrf_token")
    assert browser.post("/", data=who).status_code == 400
    answer = browser.post("/", data={**who, "csrf_token": token})
    assert (answer.status_code, answer.headers["location"]) == (303, "/desk")
    assert "Hello, ada" in browser.get("/desk").text


def test_only_the_sites_own_name_is_answered(browser: httpx.Client) -> None:
    assert browser.get("/").status_code == 200
    with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
        browser.get("/", headers={"host": "other.example"})


def test_the_applications_own_404_passes_and_nginx_has_one_for_its_files(browser: httpx.Client) -> None:
    of_application = browser.get("/nowhere")
    assert of_application.status_code == 404
    assert "There is no page at <code>/nowhere</code>." in of_application.text
    of_nginx = browser.get("/media/absent.jpg")
    assert of_nginx.status_code == 404
    assert "There is no such file" in of_nginx.text
    assert browser.get("/errors/404.html").status_code == 404  # the page itself is internal


def test_media_are_sent_by_nginx_and_may_be_kept_for_a_year(site: Site, browser: httpx.Client) -> None:
    (site.nginx.files / "media").mkdir()
    (site.nginx.files / "media" / "note.txt").write_text("a note")
    answer = browser.get("/media/note.txt")
    assert answer.text == "a note"
    assert "public, immutable" in answer.headers.get_list("cache-control")
    assert "max-age=31536000" in answer.headers.get_list("cache-control")


def test_static_files_come_from_the_folder_and_otherwise_from_the_application(
    site: Site, browser: httpx.Client
) -> None:
    (site.nginx.files / "static").mkdir()
    (site.nginx.files / "static" / "own.css").write_text("body {}")
    assert browser.get("/static/own.css").text == "body {}"
    assert browser.get("/static/page.css").text.startswith(":root")
    assert "There is no page at" in browser.get("/static/absent.css").text


def test_the_application_sees_who_asks_and_what_was_asked_for(site: Site, browser: httpx.Client) -> None:
    claim = {"x-forwarded-for": "203.0.113.9", "x-forwarded-proto": "https", "x-forwarded-host": "evil.example"}
    past_nginx = httpx.get(f"{site.application_url}/headers", headers=claim).json()
    assert past_nginx == {"remote_addr": "203.0.113.9", "scheme": "https", "host": "evil.example"}
    seen = browser.get("/headers", headers=claim).json()
    assert seen == {"remote_addr": "127.0.0.1", "scheme": "http", "host": SITE_NAME}


def test_a_slow_upload_reaches_the_only_worker_when_it_is_complete(site: Site, browser: httpx.Client) -> None:
    url = httpx.URL(site.nginx.url)
    head = f"POST /upload HTTP/1.1\r\nHost: {SITE_NAME}\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    with socket.create_connection((url.host, url.port or 80), timeout=10) as slow:
        slow.sendall(head.encode() + b"5\r\nhello\r\n")
        assert browser.get("/").status_code == 200  # nobody waits behind it, or it would be for ever
        slow.sendall(b"6\r\n world\r\n0\r\n\r\n")
        answer = b"".join(iter(lambda: slow.recv(4096), b""))
    assert b" 200 " in answer.partition(b"\r\n")[0]
    assert b'"content_length":"11"' in answer  # with its length: nginx had the whole of it
    assert b'"octets":11' in answer
    assert b'"transfer_encoding":null' in answer


def test_large_uploads_pass_and_too_large_ones_are_refused_by_nginx(site: Site, browser: httpx.Client) -> None:
    assert browser.post("/upload", content=bytes(8 * 1024 * 1024)).json()["octets"] == 8 * 1024 * 1024
    url = httpx.URL(site.nginx.url)
    with socket.create_connection((url.host, url.port or 80), timeout=10) as fat:
        head = f"POST /upload HTTP/1.1\r\nHost: {SITE_NAME}\r\nContent-Length: {33 * 1024 * 1024}\r\n\r\n"
        fat.sendall(head.encode())
        assert fat.recv(4096).startswith(b"HTTP/1.1 413 ")  # by the head alone


def test_many_requests_at_once_are_all_answered_over_kept_connections(browser: httpx.Client) -> None:
    statuses: list[int] = []
    threads = [
        threading.Thread(target=lambda: statuses.extend(browser.get("/headers").status_code for _time in range(10)))
        for _thread in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert statuses == [200] * 80


def test_nginx_shows_its_own_page_while_the_application_is_down(tmp_path: Path) -> None:
    with (
        example("veche", "flask_login", "app:app", env=ENV) as running,
        nginx_before(url_of(running), tmp_path) as nginx,
    ):
        assert httpx.get(nginx.url, headers={"host": SITE_NAME}).status_code == 200
        running.stop()
        answer = httpx.get(nginx.url, headers={"host": SITE_NAME})
        assert answer.status_code == 502
        assert "Back in a moment" in answer.text


def test_a_websocket_passes_with_its_answers(tmp_path: Path) -> None:
    async def listen(url: str) -> None:
        nginx = httpx.URL(url)
        async with websockets.connect(f"ws://{SITE_NAME}/feed", host=nginx.host, port=nginx.port) as socket:
            course = {"slug": "bread", "title": "Bread", "price_cents": 1200}
            added = await asyncio.to_thread(
                lambda: httpx.post(f"{url}/api/courses", json=course, headers={"host": SITE_NAME})
            )
            assert added.status_code == 201
            assert json.loads(await asyncio.wait_for(socket.recv(), 10))["slug"] == "bread"

    with (
        site_on_database(new_database(tmp_path)) as running,
        nginx_before(url_of(running), tmp_path) as nginx,
    ):
        asyncio.run(listen(nginx.url))
