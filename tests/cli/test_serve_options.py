"""`veche serve`: every setting is an option, a variable and a line of docs/server.md; refusals teach."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from veche.cli import commands
from veche.server import ServerSettings
from veche.settings import Setting, SettingsError, build, settings_of

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
        (
            ["--workers", "-1"],
            "--workers (VECHE_WORKERS): given -1; expected a whole number of processes, at least 0 and at most 256",
        ),
        (["--workers", "257"], "given 257; expected a whole number of processes, at least 0 and at most 256"),
        (["--workers", "many"], "--workers (VECHE_WORKERS): given 'many'; expected a whole number of processes"),
        (["--drain-seconds", "long"], "(VECHE_DRAIN_SECONDS): given 'long'; expected a number of seconds, at least 0"),
        (["--interface", "cgi"], "(VECHE_INTERFACE): given 'cgi'; expected one of auto, asgi, wsgi"),
        (["--socket-permissions", "999"], "given '999'; expected three octal digits, such as 0660"),
        (["--drain-seconds", "nan"], "given nan; expected a number of seconds, at least 0"),
        (["--no-such"], "no-such"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_with_its_name(options: list[str], said: str) -> None:
    result = run("site:app", *options)
    assert result.exit_code == 2
    assert said in " ".join(result.output.split())


@pytest.mark.parametrize(
    ("variable", "said"),
    [
        ("VECHE_WORKERS", "--workers (VECHE_WORKERS): given 'abc'; expected a whole number of processes, at least 0"),
        ("VECHE_DRAIN_SECONDS", "--drain-seconds (VECHE_DRAIN_SECONDS): given 'abc'; expected a number of seconds"),
        ("VECHE_RELOAD", "--reload (VECHE_RELOAD): given 'abc'; expected true or false"),
        ("VECHE_LOOP", "--loop (VECHE_LOOP): given 'abc'; expected one of auto, uvloop, asyncio"),
    ],
)
def test_a_variable_that_has_not_even_the_kind_of_its_setting_is_refused_with_its_name(
    variable: str, said: str
) -> None:
    result = run("site:app", env={variable: "abc"})
    assert result.exit_code == 2
    assert said in " ".join(result.output.split())


# What no setting of its kind may be; text without a pattern, and switches, take whatever click lets through.
OUT_OF_BOUNDS = {int: ("-1", "99999999999999999999999"), float: ("-1", "nan", "inf", "1e400"), str: ("", "\x7f::")}


def test_every_setting_that_is_out_of_bounds_is_told_by_its_option_and_its_variable() -> None:
    bounded = [setting for setting in settings_of(ServerSettings) if refused_values(setting)]
    numbers = {setting.name for setting in settings_of(ServerSettings) if setting.kind in (int, float)}
    assert numbers <= {setting.name for setting in bounded}, "a number without a bound"
    for setting in bounded:
        for value in refused_values(setting):
            for options, env in (((setting.option, value), {}), ((), {setting.variable("veche"): value})):
                if not value and env:
                    continue  # an empty variable is none to click
                result = run("site:app", *options, env=env)
                assert result.exit_code == 2, (setting.name, value, result.output)
                said = " ".join(result.output.split())
                assert (
                    f"{setting.option} ({setting.variable('veche')}): given {shown(setting, value)}; "
                    f"expected {setting.expected}" in said
                ), said
                assert "$." not in said


def refused_values(setting: Setting) -> list[str]:
    """Those of OUT_OF_BOUNDS that do not fit it."""
    refused = []
    for value in () if setting.many or setting.choices else OUT_OF_BOUNDS.get(setting.kind, ()):
        try:
            build(ServerSettings, {setting.name: value}, prefix="veche")
        except SettingsError:
            refused.append(value)
    return refused


def shown(setting: Setting, value: str) -> str:
    return repr(setting.kind(value))


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
