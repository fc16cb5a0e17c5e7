"""docs/READING.md tells the truth: its files are there, they know only what lies below them, and one real request goes
through them in its order."""

import ast
import json
import re
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import connect
from websockets.typing import Origin

from fixtures.servers import ServerProcess, wait_until
from fixtures.visitors import LiveParts, Visitor

ROOT = Path(__file__).parents[2]
READING = ROOT / "docs" / "READING.md"
TRACED_START_SECONDS = 90.0  # seven of a processor's own, which a busy machine makes many
TRACING = ROOT / "tests" / "fixtures" / "tracing"
ROW = re.compile(r"^\| \d+ [\w ]+ \| \[(?P<name>[^\]]+)\]\((?P<link>[^)]+)\) \| `(?P<function>[^`]+)` \|", re.MULTILINE)
PATIENCE_SECONDS = 60.0

Entry = tuple[str, str]


def table() -> list[Entry]:
    """The table's files with their functions."""
    return [(row["name"], row["function"]) for row in ROW.finditer(READING.read_text(encoding="utf-8"))]


def test_every_row_of_the_table_is_understood_and_every_link_leads_somewhere() -> None:
    text = READING.read_text(encoding="utf-8")
    assert len(table()) == len(re.findall(r"^\| \d", text, re.MULTILINE)) > 20
    for name, link in re.findall(r"\[([^\]]+)\]\(([^)]+)\)", text):
        assert (READING.parent / link).exists(), link
        assert link.rstrip("/").removesuffix("/README.md").endswith(name.removeprefix("docs/")), f"{name} → {link}"
    for folder in ("veche", "campus"):
        assert any(name.startswith(f"{folder}/") for name, _function in table())


def test_what_is_read_later_is_never_imported_from_below() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contract = settings["tool"]["importlinter"]["contracts"][0]
    height = {
        package: -place for place, layer in enumerate(contract["layers"]) for package in re.split(r"\s*\|\s*", layer)
    }
    for name, _function in table():
        if not name.startswith("veche/"):
            continue
        package = name.split("/")[1]
        for imported in imports_of(ROOT / "veche" / "src" / name):
            if imported.startswith("veche."):
                other = imported.split(".")[1]
                assert other == package or height[other] < height[package], f"{name} imports {imported}"
            assert not imported.startswith("campus"), f"{name} imports {imported}"


def imports_of(file: Path) -> Iterable[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            yield node.module or ""
        elif isinstance(node, ast.Import):
            yield from (one.name for one in node.names)


@pytest.mark.process
def test_one_real_request_goes_through_the_files_in_the_order_of_the_table(tmp_path: Path) -> None:
    traces = tmp_path / "traces"
    traces.mkdir()
    env = {
        "PYTHONPATH": str(TRACING),
        "VECHE_TRACE_FOLDER": str(traces),
        "CAMPUS_SAMPLE": "true",
        "CAMPUS_DATA_DIRECTORY": str(tmp_path / "var"),
    }
    with ServerProcess(
        "campus.site:from_environment",
        "--factory",
        workers=1,
        app_dir=tmp_path,
        env=env,
        patience_seconds=TRACED_START_SECONDS,
    ) as server:
        write_a_message_while_somebody_looks(server.url, traces)
        [worker] = server.worker_pids()
        started = [*recorded(traces, server.pid, "before"), *recorded(traces, worker, "before")]
        request = recorded(traces, worker, "entered")
    named = table()
    # What happens once, before any request, stands in the first rows; afterwards only the request counts.
    entered = [one for one in started if one[0].startswith("veche/server/processes/")] + request
    assert [one for one in dict.fromkeys(entered) if one in named] == named


def write_a_message_while_somebody_looks(url: str, traces: Path) -> None:
    """Record one POST of a message, from its first octet to the frame that brings it to another page."""
    with Visitor(url) as anna:
        anna.register("анна")
        thread = anna.start_thread("questions", "Хлеб", "Сколько печь?")
        shown = LiveParts(anna.see(thread)).shown
        with connect(url.replace("http", "ws", 1) + "/live/socket", origin=Origin(url)) as socket:
            socket.send(json.dumps({"join": shown}))
            hear(socket, "joined")
            (traces / "start").touch()
            wait_until(lambda: len(list(traces.glob("*.started"))) == 2, what="the records", seconds=PATIENCE_SECONDS)
            answer = anna.send(f"{thread}/messages", {"text": "Час, не меньше."}, follow=False)
            assert answer.status_code == 303
            hear(socket, "Час, не меньше.")
            (traces / "stop").touch()
            done = "*.entered.json"
            wait_until(lambda: len(list(traces.glob(done))) == 2, what="the records", seconds=PATIENCE_SECONDS)


def hear(socket: Any, words: str) -> None:
    """Take messages until one has the words in it."""
    while words not in str(socket.recv(timeout=PATIENCE_SECONDS)):
        pass


def recorded(traces: Path, process: int, when: str) -> list[Entry]:
    """What the process entered, in order; functions inside a function count as that one."""
    entries = json.loads((traces / f"{process}.{when}.json").read_text(encoding="utf-8"))
    return [(file, function.partition(".<locals>")[0]) for file, function in entries]
