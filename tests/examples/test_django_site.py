"""examples/django_site over real sockets on our server: admin, static files, REST view set, consumer."""

import asyncio
import json
import re
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, TypeAlias

import httpx
import pytest
import websockets

from fixtures.example_sites import example, input_value, run_tool, url_of
from fixtures.servers import RunningCommand

pytestmark = pytest.mark.peers

FOLDER = "django_site"
Environment: TypeAlias = dict[str, str]


@pytest.fixture(scope="module")
def env(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """A migrated database with an administrator: ada, lovelace."""
    env = {
        "DJANGO_SECRET_KEY": "only for the tests, but long enough for every check of Django's",
        "DJANGO_DATABASE": str(tmp_path_factory.mktemp("django") / "db.sqlite3"),
        "DJANGO_SUPERUSER_PASSWORD": "lovelace",
    }
    run_tool(FOLDER, "manage.py", "migrate", "--verbosity", "0", env=env)
    run_tool(
        FOLDER, "manage.py", "createsuperuser", "--noinput", "--username", "ada", "--email", "a@example.org", env=env
    )
    return env


@pytest.fixture(scope="module")
def site(env: Environment) -> Iterator[RunningCommand]:
    with example("veche", FOLDER, "project.asgi:application", env=env) as running:
        yield running


@pytest.fixture
def browser(site: RunningCommand) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=url_of(site), follow_redirects=True) as client:
        yield client


@pytest.fixture
def ada(browser: httpx.Client) -> httpx.Client:
    """A browser in which the administrator has logged in."""
    log_in(browser)
    return browser


def log_in(browser: httpx.Client) -> None:
    page = browser.get("/admin/")
    assert page.url.path == "/admin/login/"
    token = input_value(page.text, "csrfmiddlewaretoken")
    who = {"username": "ada", "password": "lovelace", "next": "/admin/"}
    answer = browser.post("/admin/login/", data={**who, "csrfmiddlewaretoken": token})
    assert (answer.status_code, answer.url.path) == (200, "/admin/")


def write_in_admin(browser: httpx.Client, text: str) -> httpx.Response:
    token = input_value(browser.get("/admin/notes/note/add/").text, "csrfmiddlewaretoken")
    return browser.post("/admin/notes/note/add/", data={"text": text, "csrfmiddlewaretoken": token})


def assert_looks_load(browser: httpx.Client, page: str) -> None:
    """Every style sheet and script that the page names is really there."""
    sheets = re.findall(r'<link[^>]*href="(/static/[^"]+\.css)"', page)
    scripts = re.findall(r'<script[^>]*src="(/static/[^"]+\.js)"', page)
    assert sheets
    for address in (*sheets, *scripts):
        answer = browser.get(address)
        assert answer.status_code == 200, address
        assert answer.headers["content-type"].startswith("text/css" if address in sheets else "text/javascript")
        assert len(answer.content) == int(answer.headers["content-length"]) > 0


def test_nobody_logs_in_to_the_admin_without_its_token(browser: httpx.Client) -> None:
    browser.get("/admin/login/")
    answer = browser.post("/admin/login/", data={"username": "ada", "password": "lovelace"})
    assert answer.status_code == 403
    assert browser.get("/admin/").url.path == "/admin/login/"


def test_a_wrong_password_brings_the_form_back(browser: httpx.Client) -> None:
    token = input_value(browser.get("/admin/login/").text, "csrfmiddlewaretoken")
    who = {"username": "ada", "password": "byron", "csrfmiddlewaretoken": token}
    answer = browser.post("/admin/login/", data=who)
    assert "Please enter the correct username and password" in answer.text


def test_a_row_made_in_the_admin_is_listed_there_with_its_looks(ada: httpx.Client) -> None:
    answer = write_in_admin(ada, "Полить цветы")
    assert answer.url.path == "/admin/notes/note/"
    assert "was added successfully" in answer.text
    assert re.search(r'<th class="field-text"><a href="[^"]+">Полить цветы</a>', answer.text)
    assert '<td class="field-author nowrap">ada</td>' in answer.text
    assert_looks_load(ada, answer.text)


def test_a_row_with_an_error_comes_back_and_is_not_made(ada: httpx.Client) -> None:
    answer = write_in_admin(ada, "x" * 201)
    assert answer.url.path == "/admin/notes/note/add/"
    assert "at most 200 characters" in answer.text
    assert "x" * 201 not in ada.get("/").text


def test_everybody_sees_the_board_with_its_looks(ada: httpx.Client, site: RunningCommand) -> None:
    write_in_admin(ada, "<b>not bold</b>")
    with httpx.Client(base_url=url_of(site)) as stranger:
        page = stranger.get("/").text
        assert "&lt;b&gt;not bold&lt;/b&gt;" in page
        assert_looks_load(stranger, page)
        kept = stranger.get("/static/notes/board.css")
        again = stranger.get("/static/notes/board.css", headers={"if-modified-since": kept.headers["last-modified"]})
        assert (again.status_code, again.content) == (304, b"")


def test_what_is_not_there_is_404_for_pages_and_for_files(browser: httpx.Client) -> None:
    assert browser.get("/nowhere/").status_code == 404
    assert browser.get("/static/nowhere.css").status_code == 404
    outside = browser.get("/static/..%2fproject/settings.py")  # Django's handler raises here; the server makes it a 500
    assert outside.status_code == 500
    assert "SECRET" not in outside.text
    assert browser.get("/static/notes/board.css").status_code == 200  # and serves on


def test_everybody_reads_the_api_and_who_may_writes_with_the_token(ada: httpx.Client, site: RunningCommand) -> None:
    note = {"text": "By REST", "pinned": True}
    assert httpx.post(url_of(site) + "/api/notes/", json=note).status_code == 403
    assert ada.post("/api/notes/", json=note).status_code == 403  # a session alone is what a foreign page could send
    token = {"x-csrftoken": ada.cookies["csrftoken"]}
    made = ada.post("/api/notes/", json=note, headers=token)
    assert made.status_code == 201
    assert made.json()["author"] == "ada"
    address = f"/api/notes/{made.json()['id']}/"
    assert httpx.get(url_of(site) + address).json() == made.json()
    assert ada.patch(address, json={"text": ""}, headers=token).json() == {"text": ["This field may not be blank."]}
    assert ada.patch(address, json={"text": "Changed"}, headers=token).json()["text"] == "Changed"
    texts = [row["text"] for row in httpx.get(url_of(site) + "/api/notes/").json()["results"]]
    assert texts[0] == "Changed"  # pinned stands first
    assert ada.delete(address, headers=token).status_code == 204
    assert httpx.get(url_of(site) + address).status_code == 404


def test_the_api_can_be_browsed(browser: httpx.Client) -> None:
    page = browser.get("/api/notes/", headers={"accept": "text/html"})
    assert page.headers["content-type"].startswith("text/html")
    assert_looks_load(browser, page.text)


def listening(
    site: RunningCommand, browser: httpx.Client | None = None, *, origin: str | None = None
) -> AbstractAsyncContextManager[websockets.ClientConnection]:
    """A socket as the board's script opens it, with the browser's cookies."""
    url = url_of(site)
    cookies = "; ".join(f"{name}={value}" for name, value in browser.cookies.items()) if browser else ""
    headers = {"Origin": origin or url} | ({"Cookie": cookies} if cookies else {})
    return websockets.connect(url.replace("http", "ws") + "/live/", additional_headers=headers)


async def heard(socket: websockets.ClientConnection) -> Any:
    return json.loads(await asyncio.wait_for(socket.recv(), 10))


def test_open_boards_hear_of_notes_from_the_admin_and_from_the_api(ada: httpx.Client, site: RunningCommand) -> None:
    async def listen() -> None:
        async with listening(site) as stranger, listening(site, ada) as own:
            assert await heard(stranger) == {"hello": ""}
            assert await heard(own) == {"hello": "ada"}
            await asyncio.to_thread(write_in_admin, ada, "Услышано")
            first = await heard(stranger)
            assert first == {"id": first["id"], "text": "Услышано", "pinned": False}
            assert await heard(own) == first
            token = {"x-csrftoken": ada.cookies["csrftoken"]}
            await asyncio.to_thread(lambda: ada.delete(f"/api/notes/{first['id']}/", headers=token))
            assert await heard(stranger) == {"id": first["id"], "deleted": True}

    asyncio.run(listen())


def test_who_is_logged_in_writes_over_the_socket_and_a_stranger_may_not(
    ada: httpx.Client, site: RunningCommand
) -> None:
    async def talk() -> None:
        async with listening(site) as stranger, listening(site, ada) as own:
            assert [await heard(stranger), await heard(own)] == [{"hello": ""}, {"hello": "ada"}]
            await stranger.send(json.dumps({"text": "let me in"}))
            assert await heard(stranger) == {"error": "You may not write notes."}
            await own.send(json.dumps({"text": ""}))
            assert await heard(own) == {"error": {"text": ["This field cannot be blank."]}}
            await own.send(json.dumps({"text": "By socket"}))
            assert (await heard(own))["text"] == (await heard(stranger))["text"] == "By socket"

    asyncio.run(talk())
    assert "By socket" in ada.get("/").text


def test_a_page_of_another_site_cannot_open_the_socket(ada: httpx.Client, site: RunningCommand) -> None:
    async def knock() -> None:
        with pytest.raises(websockets.InvalidStatus) as refused:
            async with listening(site, ada, origin="https://evil.example"):
                pytest.fail("it was opened")
        assert refused.value.response.status_code == 403

    asyncio.run(knock())


def test_the_same_project_serves_its_pages_by_wsgi(env: Environment) -> None:
    with (
        example("veche", FOLDER, "project.wsgi:application", env=env, workers=2) as running,
        httpx.Client(base_url=url_of(running), follow_redirects=True) as browser,
    ):
        log_in(browser)
        answer = write_in_admin(browser, "By WSGI")
        assert "By WSGI" in answer.text
        assert_looks_load(browser, answer.text)
        assert browser.get("/api/notes/").json()["count"] > 0


def test_without_a_key_it_says_how_to_make_one(tmp_path: Path) -> None:
    env = {"DJANGO_DATABASE": str(tmp_path / "db.sqlite3")}
    with (
        pytest.raises(AssertionError, match=r"DJANGO_SECRET_KEY is not set\. Make one with"),
        example("veche", FOLDER, "project.asgi:application", env=env),
    ):
        pytest.fail("it serves")
