"""The commands of `campus`.

One job: from arguments to functions. The functions import the site only when they need it, so that `campus up` serves
within a second: its own process never loads the site, the workers do.
Must not know: how anything is done.
"""

import sys
from pathlib import Path
from typing import Any, Final

import click

from campus.cli.address import find_address
from campus.cli.up import serve_site
from campus.settings import CampusSettings
from veche.cli import ServerSettings
from veche.cli.options import given, options_of
from veche.settings import SettingsError, build, settings_of

PREFIX: Final = "CAMPUS"
SERVER_PREFIX: Final = "VECHE"
WIDE: Final = {"max_content_width": 110}
# `campus up` serves one known application, and loads it from where it is installed.
NOT_HERE: Final = frozenset({"interface", "factory", "app_dir"})

UP_HELP: Final = """Serve this community until you stop it.

The first start makes the database in the data directory; later ones keep it. While nobody administers the site, each
start prints a link that works once: whoever opens it becomes the administrator.

\b
Examples:
  campus up                                             http://127.0.0.1:8000, SQLite in ./var
  campus up --sample                                    with a course and threads to look at
  campus up --bind 0.0.0.0:80 --public-url https://campus.example
  campus up --database postgresql://campus:secret@db.internal/campus

Every option can be given in the environment: --data-directory is CAMPUS_DATA_DIRECTORY, --bind is VECHE_BIND.
"""

IMPORT_HELP: Final = """Import the Markdown course in DIR: an mdBook, or a Carpentries lesson.

A course that was imported before, from a folder of the same name, is brought up to date: lessons keep their addresses,
threads and progress; those that the source no longer has leave the outline. What the source refers to and does not hold
is listed at the end. A structure that cannot be read is refused with file, line and reason, and changes nothing.
"""


@click.group()
@click.version_option(package_name="veche-campus")
def campus() -> None:
    """A learning community: courses, and a forum whose messages arrive without a reload."""


class SiteCommand(click.Command):
    """A command whose options are the site's settings, and which is called with them."""

    def __init__(self, name: str, callback: Any, arguments: list[click.Parameter], **attributes: Any) -> None:
        options = options_of(settings_of(CampusSettings), prefix=PREFIX)
        super().__init__(name, callback=callback, params=[*arguments, *options], context_settings=WIDE, **attributes)


def split(values: dict[str, Any]) -> tuple[CampusSettings, dict[str, object]]:
    """Return the site's settings among the options, and the other options. Raises UsageError for a wrong value."""
    names = {setting.name for setting in settings_of(CampusSettings)}
    present = given(values)
    try:
        ours = {name: value for name, value in present.items() if name in names}
        settings = build(CampusSettings, ours, prefix=PREFIX)
    except SettingsError as error:
        raise click.UsageError(str(error)) from error
    return settings, {name: value for name, value in present.items() if name not in names}


def _up(**values: Any) -> None:
    settings, rest = split(values)
    try:
        server = build(ServerSettings, {**rest, "factory": True}, prefix=SERVER_PREFIX)
    except SettingsError as error:
        raise click.UsageError(str(error)) from error
    sys.exit(serve_site(settings, server))


def _password(name: str, address: str, **values: Any) -> None:
    from campus.cli.links import password_link

    settings, _rest = split(values)
    click.echo(password_link(settings, name, find_address(settings, address)))


def _import(folder: Path, teacher: str, address: str, **values: Any) -> None:
    from campus.cli.importing import import_folder

    settings, _rest = split(values)
    sys.exit(import_folder(settings, folder, teacher=teacher, address=find_address(settings, address)))


ADDRESS_OPTION: Final = click.Option(
    ["--address"],
    default="",
    metavar="URL",
    help="Where the site is reached, when no --public-url is set; by default where `campus up` served last.",
)
SERVER_OPTIONS: Final = options_of(
    [setting for setting in settings_of(ServerSettings) if setting.name not in NOT_HERE], prefix=SERVER_PREFIX
)
campus.add_command(SiteCommand("up", _up, [*SERVER_OPTIONS], help=UP_HELP))
campus.add_command(
    SiteCommand(
        "password",
        _password,
        [
            click.Argument(["name"]),
            ADDRESS_OPTION,
        ],
        help="Print a link, valid once, with which NAME sets a new password.",
    )
)
campus.add_command(
    SiteCommand(
        "import",
        _import,
        [
            click.Argument(["folder"], type=click.Path(exists=True, file_okay=False, path_type=Path), metavar="DIR"),
            click.Option(["--teacher"], default="", metavar="NAME", help="Account name of who will teach the course."),
            ADDRESS_OPTION,
        ],
        help=IMPORT_HELP,
    )
)
