"""PostgreSQL through psycopg 3: comes next."""

from __future__ import annotations

from veche.data.executor import Database


class PostgresDatabase:
    """Comes with the next landing."""

    @classmethod
    def from_url(cls, url: str) -> Database:
        """Refuse, until it is there."""
        raise NotImplementedError(url)
