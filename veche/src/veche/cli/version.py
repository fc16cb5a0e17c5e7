"""What runs: the version, the Python, and whether the hot modules are machine code (veche/setup.py).

One job: one line about it.
Must not know: what a hot module does.
"""

import platform
from importlib.machinery import EXTENSION_SUFFIXES
from importlib.metadata import version
from pathlib import Path
from typing import Final

import click

HOT_MODULE: Final = "server/connections/http1/connection"  # one stands for all: they are built together


def is_compiled(package: Path) -> bool:
    """Whether a package folder holds the compiled hot modules, which Python prefers to the sources beside them."""
    return any((package / f"{HOT_MODULE}{suffix}").exists() for suffix in EXTENSION_SUFFIXES)


def version_text() -> str:
    """Return for example `veche 0.1.0 (CPython 3.12.1, hot modules compiled)`."""
    modules = "compiled" if is_compiled(Path(__file__).parent.parent) else "not compiled"
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"veche {version('veche')} ({python}, hot modules {modules})"


def show_version(context: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    """The callback of --version."""
    if wanted and not context.resilient_parsing:
        click.echo(version_text())
        context.exit()
