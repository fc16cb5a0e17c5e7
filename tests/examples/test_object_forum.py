"""examples/object_forum.py: a forum from parts that are really used, live in two browsers, on either database."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from campus.cli.object_server import Server
from fixtures.browser import Browsing
from fixtures.databases import PASSWORD as DATABASE_PASSWORD
from fixtures.databases import PostgresCluster
from fixtures.servers import RunningCommand, free_port, wait_until
from fixtures.visitors import PASSWORD, Visitor
from veche.data import SqliteDatabase
from veche.log import TextLog

pytestmark = pytest.mark.process

EXAMPLE = Path(__file__).parents[2] / "examples" / "object_forum.py"
LIVE_MILLISECONDS = 20_000  # a condition is waited for; this is only when to give up
PATIENCE_SECONDS = 60.0


@pytest.fixture
def database_variables(request: pytest.FixtureRequest) -> dict[str, str]:
    """The variables that name the database, as an operator would set them; none for SQLite."""
    if request.param == "sqlite":
        return {}
    cluster: PostgresCluster = request.getfixturevalue("postgres_cluster")
    name = urlsplit(request.getfixturevalue("postgres_url")).path.strip("/")
    where = {"PGHOST": "127.0.0.1", "PGPORT": str(cluster.port), "PGDATABASE": name}
    return {**where, "PGUSER": "veche", "PGPASSWORD": DATABASE_PASSWORD}


def running(program: Path, folder: Path, port: int, variables: dict[str, str]) -> RunningCommand:
    """The program as its user starts it, in a folder of its own, with two workers."""
    env = {"FORUM_PORT": str(port), "VECHE_WORKERS": "2", **variables}
    command = [sys.executable, str(program)]
    ready = r"Campus is at +http://\S+"
    return RunningCommand(command, ready=ready, cwd=folder, env=env, patience_seconds=PATIENCE_SECONDS)


def without_postgres() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")}


def test_the_example_is_short() -> None:
    assert len(EXAMPLE.read_text(encoding="utf-8").splitlines()) <= 40


@pytest.mark.browser
@pytest.mark.parametrize(
    ("database_variables", "log"),
    [
        pytest.param("sqlite", "text", id="sqlite and a text log"),
        pytest.param("postgresql", "json", id="postgresql and a JSON log", marks=pytest.mark.postgres),
    ],
    indirect=["database_variables"],
)
def test_a_forum_of_parts_is_live_in_two_browsers(
    database_variables: dict[str, str], log: str, tmp_path: Path, browsing: Browsing
) -> None:
    port = free_port()
    variables = {**database_variables, "FORUM_LOG": log}
    url = f"http://127.0.0.1:{port}"
    with running(EXAMPLE, tmp_path, port, variables):
        with Visitor(url) as boris:
            boris.register("борис")
            path = boris.start_thread("talk", "Хлеб", "Сколько печь?")
            reader = browsing.page(url + path)
            writer = browsing.page(url + "/register")
            for field, value in (("first_name", "Анна"), ("last_name", "Ёлкина"), ("account_name", "анна")):
                writer.fill(f"[name={field}]", value)
            writer.fill("[name=password]", PASSWORD)
            writer.click("main form button[type=submit]")
            expect(writer.locator("#layout-account-menu")).to_contain_text("Анна", timeout=LIVE_MILLISECONDS)
            writer.goto(url + path)
            for page in (reader, writer):
                page.locator("html.live-connected").wait_for(timeout=LIVE_MILLISECONDS)
            reader.evaluate("() => { window.sameDocument = true }")
            writer.fill("#message-form-text", "Час, **не меньше**.")
            writer.click("#message-form button.primary")
            expect(reader.locator("#m2 strong")).to_have_text("не меньше", timeout=LIVE_MILLISECONDS)
            assert reader.evaluate("window.sameDocument === true"), "it came without a reload"
        browsing.close()
        counted = subprocess.run(
            [sys.executable, EXAMPLE, "count"],
            cwd=tmp_path,
            env={**without_postgres(), **variables},
            capture_output=True,
            text=True,
            check=True,
        )
        assert counted.stdout == "2 messages\n", "execute_query asks the database in which the pages write"
    folder = tmp_path / "var" / "forum"
    assert (folder / "forum.sqlite3").exists() is ("PGHOST" not in database_variables)
    if log == "json":
        entries = [json.loads(line) for line in (folder / "forum.json").read_text(encoding="utf-8").splitlines()]
        assert ("POST", f"{path}/messages") in [(one.get("method"), one.get("path")) for one in entries]
    else:
        lines = (folder / "forum.log").read_text(encoding="utf-8")
        assert re.search(rf"request method=POST path={path}/messages status=\d+ duration_milliseconds=", lines), lines


PROGRAM = '''
import os
from campus.cli.object_server import Server
from campus.forum.forum import Forum
from veche.data import SqliteDatabase
from veche.log import TextLog

class Loud(Forum):
    """Titles are shouted; the thread that asks for it breaks."""

    async def create(self, new):
        if new.title == "break":
            raise RuntimeError("broken on purpose")
        return await super().create(type(new)(new.category, new.title.upper(), new.text))

loud = Server(TextLog("loud.log"), SqliteDatabase("loud.sqlite3"), Loud, int(os.environ["FORUM_PORT"]), DEBUG)
if __name__ == "__main__":
    raise SystemExit(loud.run())
'''


@pytest.fixture(params=[True, False], ids=["debug", "no debug"])
def loud(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, bool, Path]]:
    program = tmp_path / "loud.py"
    program.write_text(PROGRAM.replace("DEBUG", str(request.param)), encoding="utf-8")
    port = free_port()
    with running(program, tmp_path, port, {}):
        yield f"http://127.0.0.1:{port}", request.param, tmp_path


def test_the_forum_handed_in_is_the_one_that_pages_call_and_debug_shows_its_traceback(
    loud: tuple[str, bool, Path],
) -> None:
    url, debug, folder = loud
    with Visitor(url) as anna:
        anna.register("анна")
        assert "ХЛЕБ" in anna.see(anna.start_thread("talk", "хлеб", "?"))
        answer = anna.send("/forum/talk/new", {"title": "break", "text": "?"})
        assert answer.status_code == 500
        assert ("broken on purpose" in answer.text) is debug
        assert ("loud.py" in answer.text) is debug
    assert wait_until(lambda: "broken on purpose" in (folder / "loud.log").read_text(), what="the error in the log")
    assert (folder / "loud.sqlite3").exists()


def test_a_server_that_workers_could_not_find_is_refused_in_words(tmp_path: Path) -> None:
    hidden = Server(TextLog("log", tmp_path), SqliteDatabase(tmp_path / "hidden.sqlite3"))
    with pytest.raises(RuntimeError, match="under a name at its top level"):
        hidden.run()
