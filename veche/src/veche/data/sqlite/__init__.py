"""SQLite through apsw: inline reads, one writer, and the names of violated constraints."""

from veche.data.sqlite.database import SqliteDatabase

__all__ = ["SqliteDatabase"]
