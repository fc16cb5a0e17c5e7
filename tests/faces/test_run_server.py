"""run_server.py under real gunicorn: the same site, its data made at the first request, live without any socket."""

import os
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect

from fixtures.browser import Browsing
from fixtures.servers import RunningCommand, wait_until
from fixtures.visitors import PASSWORD, Visitor

pytestmark = [pytest.mark.process, pytest.mark.peers]

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 60.0
LIVE_MILLISECONDS = 30_000
SYNC = ("--workers", "3")
GTHREAD = ("--workers", "2", "--threads", "8")


def gunicorn(name: str, folder: Path, *options: str) -> RunningCommand:
    """`gunicorn run_server:NAME` as in a fresh clone: nothing is set, and there is no ./var yet."""
    env = {variable: value for variable, value in os.environ.items() if not variable.startswith(("CAMPUS_", "VECHE_"))}
    env |= {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    # A loaded machine may take longer over the first request than gunicorn lets a sync worker live.
    command = [sys.executable, "-m", "gunicorn", f"run_server:{name}", "--bind", "127.0.0.1:0", "--timeout", "120"]
    ready = r"Listening at: (http://\S+)[\s\S]+Booting worker"
    return RunningCommand([*command, *options], ready=ready, cwd=folder, env=env, patience_seconds=PATIENCE_SECONDS)


def url_of(server: RunningCommand) -> str:
    assert server.ready_match is not None, "it was waited for"
    return server.ready_match[1]


@pytest.fixture(scope="module", params=[SYNC, GTHREAD], ids=["sync", "gthread"])
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with gunicorn("app", tmp_path_factory.mktemp("clone"), *request.param) as server:
        yield url_of(server)


@pytest.fixture
def visitor(site: str) -> Iterator[Visitor]:
    with Visitor(site) as visitor:
        yield visitor


def test_every_worker_shows_the_sample_site(site: str) -> None:
    for _time in range(8):  # a sync worker takes one connection at a time: several answer
        with Visitor(site) as visitor:
            assert "/courses/how-a-request-travels" in visitor.see("/courses")
            assert "/forum/questions" in visitor.see("/forum")
            lesson = re.search(r'href="(/courses/how-a-request-travels/[^"/]+)"', visitor.see("/courses"))
            assert visitor.see(lesson[1] if lesson else "/courses/how-a-request-travels")


def test_pages_have_their_files_and_unknown_ones_are_the_sites_own_404(visitor: Visitor) -> None:
    sheet = re.search(r'rel="stylesheet" href="([^"]+)"', visitor.see("/"))
    assert sheet is not None
    assert visitor.client.get(sheet[1]).headers["content-type"].startswith("text/css")
    missing = visitor.client.get("/нет/такого", headers={"accept-language": "ru"})
    assert (missing.status_code, "Здесь ничего нет" in missing.text) == (404, True)


def test_forbidden_characters_are_named_at_registration_and_at_login_and_the_form_keeps_what_was_typed(
    visitor: Visitor,
) -> None:
    refused = visitor.register("ёлка@", first_name="Анна")
    assert refused.status_code == 422
    assert re.search(r'id="[^"]*account-name-error"[^>]*>[^<]*@', refused.text), "the message names it"
    assert 'value="Анна"' in refused.text
    refused = visitor.log_in("ёлка@")
    assert refused.status_code == 422
    assert re.search(r'id="[^"]*account-name-error"[^>]*>[^<]*@', refused.text), "the message names it"
    assert 'value="ёлка@"' in refused.text


def test_one_registers_in_cyrillic_leaves_and_comes_back_on_any_worker(
    site: str, request: pytest.FixtureRequest
) -> None:
    with Visitor(site) as anna:
        assert anna.register("анна", first_name="Анна", last_name="Ёлкина").status_code == 200
        for _time in range(6):
            assert "Анна Ёлкина" in anna.see("/profile")
        anna.log_out()
        assert "Анна Ёлкина" not in anna.see("/")
        assert anna.log_in("анна", "wrong password 1").status_code == 422
        anna.log_in("анна")
        assert "Анна Ёлкина" in anna.see("/profile")


def test_a_message_written_on_one_worker_is_news_on_every_other(site: str) -> None:
    with Visitor(site) as boris, Visitor(site) as stranger:
        boris.register("борис")
        path = boris.start_thread("questions", "Кто услышит?", "Первое.")
        page = stranger.see(path)
        assert not [one for one in stranger.ask_for_news(page) if one.get("html")], "nothing has happened yet"
        answer = boris.write(path, "Второе, **сразу**.")
        assert answer.status_code == 200
        assert "<strong>сразу</strong>" in answer.text

        def told() -> bool:
            return any("<strong>сразу</strong>" in one.get("html", "") for one in stranger.ask_for_news(page))

        for _worker in range(6):  # each question may be answered by another one; none may have heard of it by a push
            wait_until(told, what="the message among the news", seconds=PATIENCE_SECONDS)
        assert '<meta name="live-transport" content="poll">' in page, "a browser is told that no socket can be held"


@pytest.mark.browser
def test_two_browsers_see_each_others_messages_by_the_floor_of_one_question_a_second(
    tmp_path: Path, browsing: Browsing
) -> None:
    with gunicorn("app", tmp_path, *GTHREAD) as server:
        url = url_of(server)
        with Visitor(url) as boris:
            boris.register("борис")
            path = boris.start_thread("questions", "Кто услышит?", "Первое.")
        writer, reader = browsing.page(url + "/register"), browsing.page(url + path)
        for field, value in (("first_name", "Анна"), ("last_name", "Ёлкина"), ("account_name", "анна")):
            writer.fill(f"[name={field}]", value)
        writer.fill("[name=password]", PASSWORD)
        writer.click("main form button[type=submit]")
        expect(writer.locator("#layout-account-menu")).to_contain_text("Анна Ёлкина", timeout=LIVE_MILLISECONDS)
        writer.goto(url + path)
        for page in (reader, writer):
            page.locator("html.live-connected").wait_for(timeout=LIVE_MILLISECONDS)
        reader.evaluate("() => { window.sameDocument = true }")
        for number in (2, 3, 4):
            writer.fill("#message-form-text", f"Сообщение {number}")
            writer.click("#message-form button.primary")
            expect(reader.locator(f"#m{number}")).to_contain_text(f"Сообщение {number}", timeout=LIVE_MILLISECONDS)
        assert reader.evaluate("window.sameDocument === true"), "they came without a reload"
        assert reader.evaluate("live.connection.way") == "poll"
        browsing.close()


def test_app_log_writes_a_line_for_each_request(tmp_path: Path) -> None:
    with gunicorn("app_log", tmp_path, *GTHREAD) as server:
        with Visitor(url_of(server)) as visitor:
            visitor.see("/forum")
            assert visitor.client.get("/nothing").status_code == 404
        server.wait_for_log(r"INFO request method=GET path=/forum status=200 duration_milliseconds=[\d.]+")
        server.wait_for_log(r"INFO request method=GET path=/nothing status=404 duration_milliseconds=[\d.]+")


def test_app_fake_answers_everything_with_a_greeting_and_makes_nothing(tmp_path: Path) -> None:
    with gunicorn("app_fake", tmp_path, *SYNC) as server:
        for method, path in (("GET", "/"), ("POST", "/forum/questions/new"), ("DELETE", "/any?thing=1")):
            answer = httpx.request(method, url_of(server) + path, timeout=PATIENCE_SECONDS)
            assert (answer.status_code, answer.reason_phrase, answer.text) == (200, "OK", "Hello from Fake")
    assert not (tmp_path / "var").exists()


def test_two_that_start_at_once_in_a_fresh_clone_make_one_site(tmp_path: Path) -> None:
    with ExitStack() as stack:
        servers = [stack.enter_context(gunicorn("app", tmp_path, *options)) for options in (SYNC, GTHREAD)]
        visitors = [stack.enter_context(Visitor(url_of(server))) for server in servers for _worker in range(3)]
        with ThreadPoolExecutor(len(visitors)) as at_once:
            answers = list(at_once.map(lambda one: one.client.get("/forum", timeout=PATIENCE_SECONDS), visitors))
        assert [answer.status_code for answer in answers] == [200] * len(visitors)
        visitors[0].register("анна")
        visitors[-1].log_in("анна")
        assert "Ёлкин" in visitors[-1].see("/profile"), "both write into one database"
        logs = "".join(server.log_text() for server in servers)
    assert logs.count("/administrator/") == 1, "the administrator's link is printed once"
    assert "Traceback" not in logs
    with sqlite3.connect(tmp_path / "var" / "campus.sqlite3") as database:
        doubled = "SELECT slug FROM course GROUP BY slug HAVING count(*) > 1"
        assert database.execute("SELECT count(*) FROM course").fetchone()[0] > 0
        assert database.execute(doubled).fetchall() == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["TERM", "Ctrl-C"])
@pytest.mark.parametrize("options", [SYNC, GTHREAD], ids=["sync", "gthread"])
def test_it_ends_cleanly_when_asked(tmp_path: Path, options: tuple[str, ...], number: int) -> None:
    with gunicorn("app", tmp_path, *options) as server:
        with Visitor(url_of(server)) as visitor:
            visitor.see("/forum")
        server.signal_group(number)
        assert server.wait(seconds=PATIENCE_SECONDS) == 0
        log = server.log_text()
    # Ctrl-C makes gunicorn raise SystemExit wherever a worker stands, and report that of a request in flight.
    errors = re.findall(r"(?m)^Traceback[\s\S]+?^(\w.*)$", log)
    assert [error for error in errors if number == signal.SIGTERM or not error.startswith("SystemExit")] == [], log
    assert "WORKER TIMEOUT" not in log
    with sqlite3.connect(tmp_path / "var" / "campus.sqlite3") as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_importing_it_opens_and_starts_nothing(tmp_path: Path) -> None:
    program = "import threading, run_server; print(threading.active_count(), run_server.app is not None)"
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=env, capture_output=True, text=True, check=True
    )
    assert done.stdout == "1 True\n"
    assert list(tmp_path.iterdir()) == []
