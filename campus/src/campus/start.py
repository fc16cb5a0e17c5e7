"""What happens before the first request of a start, whichever server the site runs on.

One job: tables at their newest version, the first community, the sample content, and the first administrator's link;
each once, however many processes start at the same moment.
Must not know: servers, command lines, what the features load.
"""

import asyncio
import fcntl
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from campus.accounts.administration import create_administrator_link
from campus.accounts.queries import administrator_exists
from campus.accounts.services import ADMINISTRATOR_LINK_LIFETIME
from campus.communities import ensure_first_community
from campus.feature import Feature
from campus.model import DEFAULT_COMMUNITY_ID, Community
from campus.parts import Parts
from campus.settings import ADMINISTRATOR_LINK_FILE, unusable_folder
from veche.data import DatabaseUnavailable, SchemaMismatch, find
from veche.data.migrations import migrate
from veche.web import StartupRefused

PACKAGE: Final = "campus.migrations"
SAMPLE_MARK: Final = "sample-pending"


async def prepare(parts: Parts, features: Sequence[Feature]) -> None:
    """Make the site ready to answer. Others that start meanwhile wait here, then find everything done.

    A start that dies on the way leaves a mark, and the next one goes on: each step is complete or was not begun.
    Raises StartupRefused when the database cannot be reached or is newer than this program, and when the data directory
    cannot be written in.
    """
    try:
        await _prepare(parts, features)
    except (DatabaseUnavailable, SchemaMismatch) as error:
        raise StartupRefused(
            f"the database cannot be used: {error}; expected a database that answers and that this version knows; "
            "start or mend it, or name another one with --database or CAMPUS_DATABASE"
        ) from error
    except OSError as error:
        raise StartupRefused(unusable_folder(Path(parts.settings.data_directory), error)) from error


async def _prepare(parts: Parts, features: Sequence[Feature]) -> None:
    folder = Path(parts.settings.data_directory)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = os.open(folder / "starting.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        await asyncio.to_thread(fcntl.flock, lock, fcntl.LOCK_EX)
        await asyncio.to_thread(migrate, parts.database, PACKAGE)
        await _fill(parts, features, folder / SAMPLE_MARK)
        await _offer_administration(parts, folder / ADMINISTRATOR_LINK_FILE)
    finally:
        os.close(lock)  # which also lets go of it


async def _fill(parts: Parts, features: Sequence[Feature], mark: Path) -> None:
    """Make the first community and, on a sample site, load what there is to look at: once, when the database is new."""
    sample = parts.settings.sample
    if sample and await find(parts.units.reader, Community, id=DEFAULT_COMMUNITY_ID) is None:
        mark.touch()
    await ensure_first_community(parts.units, "open" if sample else parts.settings.registration)
    if mark.exists():
        for feature in features:
            if feature.load_sample is not None:
                await feature.load_sample(parts)
        mark.unlink()


async def _offer_administration(parts: Parts, file: Path) -> None:
    """Keep a link that makes its opener the administrator in a file of its owner, as long as there is none."""
    if await administrator_exists(parts.units.reader, DEFAULT_COMMUNITY_ID):
        file.unlink(missing_ok=True)
        return
    lifetime = ADMINISTRATOR_LINK_LIFETIME.total_seconds()
    if file.exists() and time.time() - file.stat().st_mtime < lifetime / 2:
        return
    path = await create_administrator_link(parts.units, parts.identity)
    with _private(file) as descriptor:
        os.write(descriptor, path.encode("ascii") + b"\n")
    parts.logger.log_message("nobody administers this site yet; open this link, it works once", link=path)


@contextmanager
def _private(file: Path) -> Iterator[int]:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
