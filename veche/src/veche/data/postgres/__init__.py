"""PostgreSQL through psycopg 3; imported only where a site uses it, so that SQLite alone needs no driver."""

from veche.data.postgres.database import PostgresDatabase

__all__ = ["PostgresDatabase"]
