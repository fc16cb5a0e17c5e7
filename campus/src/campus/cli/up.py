"""`campus up`: the site on our own server, and the lines that tell how to reach it.

One job: settings → the environment of the workers → the server; then a welcome.
Must not know: the site itself. This process is the server's master, and loads none of it.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from campus.cli.address import keep_address
from campus.settings import ADMINISTRATOR_LINK_FILE, CampusSettings
from veche.cli import ServerSettings, serve

APPLICATION: Final = "campus.site:from_environment"


def serve_site(settings: CampusSettings, server: ServerSettings) -> int:
    """Serve the site until stopped; returns the exit code of `veche.cli.serve`."""
    os.environ.update(environment_of(settings))
    return serve(APPLICATION, server, on_ready=lambda: welcome(settings, server.bind[0]))


def environment_of(settings: CampusSettings) -> Mapping[str, str]:
    """Return the variables from which a worker reads the same settings."""
    values = msgspec.to_builtins(settings)
    return {f"CAMPUS_{name}".upper(): _text(value) for name, value in values.items()}


def welcome(settings: CampusSettings, bind: str) -> None:
    """Print where the site is, and the administrator's link while there is no administrator.

    The address is also kept for the other commands.
    """
    address = settings.public_url or (bind if bind.startswith(("unix:", "fd:")) else f"http://{bind}")
    keep_address(settings, address)
    sys.stderr.write(f"\n  Campus is at  {address}\n")
    link = Path(settings.data_directory) / ADMINISTRATOR_LINK_FILE
    if link.exists():
        path = link.read_text(encoding="ascii").strip()
        sys.stderr.write(f"  Become its administrator (this link works once):  {address}{path}\n")
    sys.stderr.write("  Stop with Ctrl-C.\n\n")
    sys.stderr.flush()


def _text(value: object) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)
