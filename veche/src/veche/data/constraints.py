"""The rules of a table that span columns, as its class declares them; each has a name that every engine keeps.

One job: from a declaration to SQLAlchemy's constraint under its stable name.
Must not know: fields, models, connections.

Names: pk_TABLE, uq_TABLE_COLUMNS, fk_TABLE_COLUMNS, ix_TABLE_COLUMNS, ck_TABLE_NAME. They are part of the schema: forms
turn them into messages beside a field, so a rename is a migration.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import sqlalchemy as sa

OnDelete: TypeAlias = Literal["NO ACTION", "RESTRICT", "CASCADE", "SET NULL"]
# PostgreSQL cuts names at 63 octets, and Citus adds "_" and a shard number of six digits to them.
NAME_LIMIT_OCTETS = 63 - 7


def constraint_name(prefix: str, table: str, *words: str) -> str:
    """Return "prefix_table_words"; raises TypeError when PostgreSQL or Citus would cut it."""
    name = "_".join((prefix, table, *words))
    if len(name.encode()) > NAME_LIMIT_OCTETS:
        raise TypeError(
            f"constraint name {name} is over {NAME_LIMIT_OCTETS} octets and would be cut; pass a shorter name="
        )
    return name


@dataclass(frozen=True)
class ForeignKey:
    """The columns hold the key of a row of another table, which is given by its table name.

    references: the columns there; by default the same names with "id" in the last place, so that
    ("community_id", "category_id") refers to category(community_id, id).
    on_delete: what happens to this row when the other goes; by default the other may not go.
    """

    columns: tuple[str, ...]
    table: str
    on_delete: OnDelete = "NO ACTION"
    references: tuple[str, ...] = ()
    name: str | None = None

    def build(self, table: str) -> sa.ForeignKeyConstraint:
        """Return SQLAlchemy's constraint; on PostgreSQL it is added after the tables, which Citus needs."""
        references = self.references or (*self.columns[:-1], "id")
        return sa.ForeignKeyConstraint(
            self.columns,
            [f"{self.table}.{column}" for column in references],
            name=self.name or constraint_name("fk", table, *self.columns),
            ondelete=None if self.on_delete == "NO ACTION" else self.on_delete,  # it is what SQL does anyway
            use_alter=True,
        )


@dataclass(frozen=True, init=False)
class Unique:
    """No two rows have the same values in these columns."""

    columns: tuple[str, ...]
    name: str | None

    def __init__(self, *columns: str, name: str | None = None) -> None:
        object.__setattr__(self, "columns", columns)
        object.__setattr__(self, "name", name)

    def build(self, table: str) -> sa.UniqueConstraint:
        """Return SQLAlchemy's constraint."""
        return sa.UniqueConstraint(*self.columns, name=self.name or constraint_name("uq", table, *self.columns))


@dataclass(frozen=True)
class Check:
    """Every row satisfies this SQL condition; `name` becomes ck_TABLE_NAME."""

    name: str
    condition: str

    def build(self, table: str) -> sa.CheckConstraint:
        """Return SQLAlchemy's constraint."""
        return sa.CheckConstraint(self.condition, name=constraint_name("ck", table, self.name))


@dataclass(frozen=True, init=False)
class Index:
    """Rows are found quickly by these columns; `where` (SQL) leaves the other rows out of the index."""

    columns: tuple[str, ...]
    unique: bool
    where: str | None
    name: str | None

    def __init__(self, *columns: str, unique: bool = False, where: str | None = None, name: str | None = None) -> None:
        object.__setattr__(self, "columns", columns)
        object.__setattr__(self, "unique", unique)
        object.__setattr__(self, "where", where)
        object.__setattr__(self, "name", name)

    def build(self, table: str) -> sa.Index:
        """Return SQLAlchemy's index."""
        name = self.name or constraint_name("ix", table, *self.columns)
        if self.where is None:
            return sa.Index(name, *self.columns, unique=self.unique)
        condition = sa.text(self.where)
        return sa.Index(name, *self.columns, unique=self.unique, sqlite_where=condition, postgresql_where=condition)


Constraint: TypeAlias = ForeignKey | Unique | Check | Index
