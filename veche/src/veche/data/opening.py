"""From an address to a database.

One job: which engine a URL names. Must not know: how the engines work.
"""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

from veche.data.executor import Database
from veche.data.sqlite.database import SqliteDatabase


def open_database(url: str) -> Database:
    """Return the database of "sqlite:///relative", "sqlite:////absolute" or "postgresql://user:password@host:port/name".

    Nothing is opened yet. Raises ValueError for any other address.
    """
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        if parts.netloc:
            raise ValueError(f"{url!r}: expected three slashes before a path, such as sqlite:///var/campus.sqlite")
        return SqliteDatabase(unquote(parts.path.removeprefix("/")))
    if parts.scheme in {"postgresql", "postgres"}:
        from veche.data.postgres import PostgresDatabase  # only who uses PostgreSQL needs psycopg

        return PostgresDatabase.from_url(url)
    raise ValueError(f"{url!r} names no database; expected sqlite:///path or postgresql://user@host:port/name")
