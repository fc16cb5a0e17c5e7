"""`veche --version` says what runs."""

from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

from click.testing import CliRunner

from veche.cli import commands
from veche.cli.version import HOT_MODULE, is_compiled
from veche.server.connections import http1


def test_the_version_says_whether_the_hot_modules_are_compiled() -> None:
    said = CliRunner().invoke(commands.veche, ["--version"]).output
    assert said.startswith("veche 0.")
    python_runs_the_source = http1.__file__.endswith(".py")
    assert ("hot modules not compiled" in said) is python_runs_the_source


def test_a_folder_with_extension_modules_is_compiled(tmp_path: Path) -> None:
    file = tmp_path / f"{HOT_MODULE}{EXTENSION_SUFFIXES[0]}"
    file.parent.mkdir(parents=True)
    assert not is_compiled(tmp_path)
    file.touch()
    assert is_compiled(tmp_path)
