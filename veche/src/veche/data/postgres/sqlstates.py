"""What PostgreSQL's errors mean for us.

One job: from psycopg's exception to an error of veche.data.errors, by SQLSTATE and not by exception class.
Must not know: connections, retries.

The classes of SQLSTATE are in appendix A of PostgreSQL's manual.
"""

from __future__ import annotations

import re
from typing import Final

import psycopg
import sqlalchemy as sa
from sqlalchemy.sql.schema import ColumnCollectionConstraint

from veche.data.errors import (
    ConstraintKind,
    ConstraintViolated,
    DatabaseUnavailable,
    DataError,
    StatementTimedOut,
    StatementWrong,
    TransactionConflict,
    ValueRefused,
)

CONSTRAINTS: Final = {
    "23502": ConstraintKind.NOT_NULL,
    "23503": ConstraintKind.FOREIGN_KEY,
    "23001": ConstraintKind.FOREIGN_KEY,  # restrict_violation, PostgreSQL 18
    "23505": ConstraintKind.UNIQUE,
    "23514": ConstraintKind.CHECK,
}
CONFLICTS: Final = {"40001", "40P01", "55P03"}  # serialization_failure, deadlock_detected, lock_not_available


def translate(error: psycopg.Error, table: sa.Table | None = None) -> DataError:
    """Return our error; `table` (the one that the statement writes) gives the names of its MetaData."""
    state = error.sqlstate or ""
    if state in CONSTRAINTS:
        return _violation(error, CONSTRAINTS[state], table)
    if state in CONFLICTS:
        return TransactionConflict(f"another transaction stood in the way ({state} {error}); repeat the whole unit")
    if state == "57014":
        return StatementTimedOut(f"PostgreSQL stopped the statement ({error}); nothing of it was written")
    if state[:2] in {"42", "0A", "25"} and state not in {"25006", "25P03"}:
        return StatementWrong(f"PostgreSQL cannot run this statement ({state}): {error}")
    if state[:2] == "22" or (not state and isinstance(error, psycopg.DataError)):
        return ValueRefused(f"PostgreSQL cannot keep this value ({state or 'not sent'}): {error}; nothing was written")
    if not state and isinstance(error, psycopg.ProgrammingError):
        return StatementWrong(f"psycopg cannot run this statement: {error}")
    # 08 connection, 53 resources, 57P operator, 58 system, XX internal, 25006 a standby, or no answer at all
    told = "; ".join(line.strip() for line in str(error).splitlines() if line.strip())
    return DatabaseUnavailable(f"PostgreSQL cannot serve now ({state or type(error).__name__}): {told}; try again")


def _violation(error: psycopg.Error, kind: ConstraintKind, table: sa.Table | None) -> ConstraintViolated:
    where = error.diag.table_name or ""
    if kind is ConstraintKind.NOT_NULL:
        column = error.diag.column_name or ""
        return ConstraintViolated(f"nn_{where}_{column}", kind, where, (column,))
    name = error.diag.constraint_name or ""
    found = None
    if table is not None:
        # Citus reports the shard's constraint: the name with "_" and the shard's number behind it.
        found = _declared(table.metadata, name) or _declared(table.metadata, re.sub(r"_\d+$", "", name))
    if found is None:
        return ConstraintViolated(name, kind, where)
    owner, declared_name, columns = found
    if declared_name == owner.primary_key.name:
        kind = ConstraintKind.PRIMARY_KEY
    return ConstraintViolated(declared_name, kind, owner.name, columns)


def _declared(metadata: sa.MetaData, name: str) -> tuple[sa.Table, str, list[str]] | None:
    for table in metadata.tables.values():
        for constraint in table.constraints:
            if constraint.name == name:
                # A CHECK is about a condition, not about columns; SQLite says no more either.
                columns = [] if isinstance(constraint, sa.CheckConstraint) else _columns(constraint)
                return table, name, columns
        for index in table.indexes:
            if index.name == name:
                return table, name, [column.name for column in index.columns]
    return None


def _columns(constraint: sa.Constraint) -> list[str]:
    return [column.name for column in constraint.columns] if isinstance(constraint, ColumnCollectionConstraint) else []
