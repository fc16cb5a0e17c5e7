"""The commands of `veche`.

One job: from arguments to functions.
Must not know: how anything is done.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from veche.cli.inspecting import show_doctor, show_status
from veche.cli.options import given, options_of
from veche.cli.serving import serve as serve_until_stopped
from veche.cli.tables import markdown_table, with_table
from veche.cli.version import show_version
from veche.server import ServerSettings
from veche.settings import SettingsError, build, settings_of

PREFIX: Final = "veche"
Command = TypeVar("Command", bound=Callable[..., None])
WIDE: Final = {"max_content_width": 110}

SERVE_HELP: Final = """Serve an ASGI or WSGI application.

APPLICATION is MODULE:ATTRIBUTE, looked up in the current folder first: `shop:app` is the name app in shop.py.
Which interface it speaks is seen by itself.

\b
Examples:
  veche serve shop:app                                  http://127.0.0.1:8000, a worker per core
  veche serve shop:app --bind 0.0.0.0:80 --workers 4    every network of this machine
  veche serve shop:app --bind unix:/run/site.sock       behind nginx on the same machine
  veche serve --factory shop:create_app                 call create_app() and serve what it returns
  veche serve mysite.wsgi:application --app-dir src     Django, whose package is in src/

\b
Signals to the process you started:
  TERM  stop; requests in flight may end (--drain-seconds)     INT (Ctrl-C)  the same, in a hurry; again: at once
  HUP   new code, one worker at a time, no request lost        TTIN, TTOU    one worker more, one less
  USR2  a new server beside the old one, with its sockets, which takes over when it serves

Every option can be given in the environment: --drain-seconds 5 is VECHE_DRAIN_SECONDS=5.
"""


@click.group()
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=show_version,
    help="Say what runs, and whether its hot modules are compiled.",
)
def veche() -> None:
    """Veche carries a request the whole way: server, framework, data layer, and back, live."""


class ServeCommand(click.Command):
    """`veche serve`: its options are the fields of ServerSettings."""

    def __init__(self) -> None:
        argument = click.Argument(["application"], required=True)
        options = options_of(settings_of(ServerSettings), prefix=PREFIX)
        super().__init__("serve", callback=_serve, params=[argument, *options], help=SERVE_HELP, context_settings=WIDE)


def _serve(application: str, **values: Any) -> None:
    try:
        settings = build(ServerSettings, given(values), prefix=PREFIX)
    except SettingsError as error:
        raise click.UsageError(str(error)) from error
    sys.exit(serve_until_stopped(application, settings))


@veche.command()
@click.option(
    "--into", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Put the table into this document."
)
def settings(into: Path | None) -> None:
    """Print every setting of `veche serve` as a Markdown table."""
    table = markdown_table(settings_of(ServerSettings), prefix=PREFIX)
    if into is None:
        click.echo(table, nl=False)
    else:
        into.write_text(with_table(into.read_text(encoding="utf-8"), table), encoding="utf-8")


def _which(command: Command) -> Command:
    """The options that say which server is meant."""
    pid = click.option("--pid", type=int, help="The server whose master has this pid.")
    socket = click.option("--socket", type=click.Path(path_type=Path), help="The server with this control socket.")
    return pid(socket(command))


@veche.command()
@_which
@click.option("--json", "as_json", is_flag=True, help="Everything, for programs.")
def status(pid: int | None, socket: Path | None, *, as_json: bool) -> None:
    """Say who does what now: workers, and requests in flight.

    The master answers from shared memory, also while every worker hangs.
    """
    show_status(pid=pid, socket=socket, as_json=as_json)


@veche.command()
@_which
@click.option("--file", type=click.Path(exists=True, path_type=Path), help="Read this file of verdicts, ask nobody.")
@click.option("--all", "whole", is_flag=True, help="Every verdict that is kept.")
@click.option("--json", "as_json", is_flag=True, help="Everything, for programs.")
def doctor(pid: int | None, socket: Path | None, file: Path | None, *, whole: bool, as_json: bool) -> None:
    """Say what went wrong last, why, and what to do about it.

    Asks the running server, or reads what one has left that runs no more.
    """
    show_doctor(pid=pid, socket=socket, file=file, as_json=as_json, whole=whole)


veche.add_command(ServeCommand())
