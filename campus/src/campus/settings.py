"""What an operator can set for Campus, each with its default.

One job: settings from the environment, and the secret key that stays in the data folder.
Must not know: the application that is made from them.
"""

import os
import secrets
from pathlib import Path
from typing import Annotated, Final, Literal, TypeAlias

import msgspec
from msgspec import Meta

from veche.settings import SettingsError

KEY_OCTETS: Final = 32
ADMINISTRATOR_LINK_FILE: Final = "administrator-link"
"""In the data folder, readable by its owner only, while nobody administers the site."""

Registration: TypeAlias = Literal["open", "invitation", "closed"]
Language: TypeAlias = Literal["en", "ru"]


class CampusSettings(msgspec.Struct, frozen=True, kw_only=True):
    """One site; read from CAMPUS_* with `veche.settings.read_environment(CampusSettings, environ, prefix="CAMPUS")`."""

    database: Annotated[
        str,
        Meta(description="sqlite:///PATH or postgresql://…; empty is the SQLite file in the data directory."),
    ] = ""
    data_directory: Annotated[str, Meta(description="Where the database file, the secret key and media stand.")] = "var"
    registration: Annotated[
        Registration,
        Meta(description="Who may make an account on a new site; later the administrators choose it on their page."),
    ] = "invitation"
    default_language: Annotated[
        Language, Meta(description="Language for readers whose browser asks for none that we have.")
    ] = "en"
    sample: Annotated[
        bool, Meta(description="Fill a new site with a course and threads to look at, and let everybody register.")
    ] = False
    messages_per_minute: Annotated[
        int, Meta(ge=1, le=100_000, description="How many messages and threads one member may write in a minute.")
    ] = 20
    public_url: Annotated[
        str,
        Meta(
            pattern="^(https?://[^/?#]+)?$",
            extra={"expected": "http:// or https:// and a host without a path, or nothing"},
            description="How the site is called from outside, such as https://campus.example; empty: as requests say.",
        ),
    ] = ""
    layout: Annotated[
        str,
        Meta(
            pattern="^[a-z][a-z0-9_]*$",
            extra={"expected": "a name of small letters, digits and _"},
            description="Which file of campus/layouts surrounds the pages: menu_left, menu_in_footer, or one of yours.",
        ),
    ] = "menu_left"
    debug: Annotated[
        bool, Meta(description="Show tracebacks on error pages. Never on a site that others can reach.")
    ] = False

    @property
    def database_url(self) -> str:
        """The database, also when none was named."""
        return self.database or f"sqlite:///{Path(self.data_directory).absolute() / 'campus.sqlite3'}"


def read_secret_key(data_directory: Path) -> bytes:
    """Return the site's secret key; the first call makes the file, readable by its owner only.

    Workers that start at once agree: the key is written aside and linked into place, and the first link wins.
    Raises SettingsError when the folder cannot be used, the file is not a key, or others can read it.
    """
    path = data_directory / "secret-key"
    try:
        data_directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            _make_key(path)
        if path.stat().st_mode & 0o077:
            raise SettingsError(f"others can read {path}; expected mode 0600; run: chmod 600 {path}")
        key = path.read_bytes()
    except OSError as error:
        raise SettingsError(unusable_folder(data_directory, error)) from error
    if len(key) != KEY_OCTETS:
        raise SettingsError(
            f"{path} holds {len(key)} octets; expected {KEY_OCTETS}; delete it, everybody logs in again"
        )
    return key


def unusable_folder(data_directory: Path, error: OSError) -> str:
    """Return what to tell the operator about a data directory that cannot be used."""
    return (
        f"the data directory {data_directory} cannot be used ({error.strerror or error}: {error.filename or ''}); "
        "expected a folder that this user can write in; mend its path or permissions, or name another one with "
        "--data-directory or CAMPUS_DATA_DIRECTORY"
    )


def _make_key(path: Path) -> None:
    aside = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "wb") as file:
        file.write(secrets.token_bytes(KEY_OCTETS))
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(aside, path)
    except FileExistsError:
        pass  # another worker was first; its key counts
    finally:
        os.unlink(aside)
