"""`campus password NAME`: a link for a forgotten password, made by whoever has the machine.

One job: open the site's database, make the link, close it.
Must not know: command lines.
"""

import asyncio
from collections.abc import Iterable

import click

from campus.accounts.administration import create_password_link
from campus.accounts.errors import NoSuchMember
from campus.accounts.services import open_identity
from campus.settings import CampusSettings
from veche.data import DataError, UnitsOfWork, open_database
from veche.publish import Change


def password_link(settings: CampusSettings, name: str, address: str) -> str:
    """Return the whole address of the link. Raises ClickException when there is no such account or no database."""
    try:
        return address + asyncio.run(_create(settings, name))
    except (NoSuchMember, DataError) as error:
        raise click.ClickException(str(error)) from error


def _tell_nobody(_changes: Iterable[Change]) -> None:
    """No page shows links, so there is nobody to tell."""


async def _create(settings: CampusSettings, name: str) -> str:
    database = open_database(settings.database_url)
    identity = open_identity()
    try:
        return await create_password_link(UnitsOfWork(database, _tell_nobody), identity, name)
    finally:
        identity.passwords.close()
        await database.close()
