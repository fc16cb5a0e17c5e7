"""`veche serve`: every setting is an option, a variable and a line of docs/server.md; refusals teach."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from veche.cli import commands
from veche.server import ServerSettings
from veche.settings import settings_of

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ServerSettings]]:
    calls: list[tuple[str, ServerSettings]] = []

    def note(application: str, settings: ServerSettings) -> int:
        calls.append((application, settings))
        return 0

    monkeypatch.setattr(commands, "serve_until_stopped", note)
    return calls


def run(*arguments: str, env: dict[str, str] | None = None) -> Any:
    return CliRunner().invoke(commands.veche, ["serve", *arguments], env=env)


def test_without_options_the_defaults_of_the_settings_are_served(served: list[tuple[str, ServerSettings]]) -> None:
    assert run("site:app").exit_code == 0
    assert served == [("site:app", ServerSettings())]


def test_options_reach_the_settings(served: list[tuple[str, ServerSettings]]) -> None:
    options = ["--bind", "127.0.0.1:1", "--bind", "unix:s", "--workers", "3", "--no-access-log", "--drain-seconds", "5"]
    assert run("site:app", *options).exit_code == 0
    assert served[0][1] == ServerSettings(
        bind=("127.0.0.1:1", "unix:s"), workers=3, access_log=False, drain_seconds=5.0
    )


def test_variables_reach_the_settings_and_options_win(served: list[tuple[str, ServerSettings]]) -> None:
    env = {"VECHE_WORKERS": "2", "VECHE_BIND": "127.0.0.1:1 127.0.0.1:2", "VECHE_ACCESS_LOG": "false"}
    assert run("site:app", "--workers", "7", env=env).exit_code == 0
    assert served[0][1] == ServerSettings(bind=("127.0.0.1:1", "127.0.0.1:2"), workers=7, access_log=False)


def test_every_setting_is_an_option_that_help_explains() -> None:
    shown = " ".join(run("--help").output.split())
    for setting in settings_of(ServerSettings):
        assert setting.option in shown
        assert setting.doc
        assert " ".join(setting.doc.split()) in shown, setting.name


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--workers", "-1"], "workers"),
        (["--workers", "many"], "workers"),
        (["--interface", "cgi"], "interface"),
        (["--socket-permissions", "999"], "socket_permissions"),
        (["--no-such"], "no-such"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_with_its_name(options: list[str], said: str) -> None:
    result = run("site:app", *options)
    assert result.exit_code == 2
    assert said in result.output


def test_the_table_in_the_document_is_the_one_the_command_prints() -> None:
    table = CliRunner().invoke(commands.veche, ["settings"]).output
    document = (ROOT / "docs/server.md").read_text(encoding="utf-8")
    assert table in document, "run: veche settings --into docs/server.md"


def test_the_table_is_put_between_its_marks_and_the_rest_of_the_document_stays(tmp_path: Path) -> None:
    document = tmp_path / "d.md"
    document.write_text("before\n<!-- made by `veche settings --into` -->\nold\n<!-- end -->\nafter\n")
    assert CliRunner().invoke(commands.veche, ["settings", "--into", str(document)]).exit_code == 0
    table = CliRunner().invoke(commands.veche, ["settings"]).output
    marked = f"<!-- made by `veche settings --into` -->\n{table}<!-- end -->"
    assert document.read_text() == f"before\n{marked}\nafter\n"


def test_the_start_of_the_master_imports_little() -> None:
    """campus up must serve in under a second: nothing heavy may creep into the master's way."""
    script = (
        "import sys, veche.cli, veche.server.processes.master, veche.server.processes.listener\n"
        "heavy = {'asyncio', 'click', 'uvloop', 'httptools', 'sqlalchemy', 'structlog', 'ssl', 'email'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    shown = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert shown.strip() == "[]"
