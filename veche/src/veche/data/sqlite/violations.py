"""Which declared constraint SQLite meant.

One job: from apsw's ConstraintError to ConstraintViolated with the declared name.
Must not know: transactions; it is called while the failed statement's transaction is still open.

SQLite says "UNIQUE constraint failed: course.community_id, course.slug": the columns lead to the name. For a CHECK it
gives the name. For a foreign key it gives nothing at all, so the statement is repeated inside a savepoint with foreign
keys deferred, the rows are looked at, and the savepoint is undone. The limit: a delete that cascades and fails in a
table further down is reported with the name "".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import apsw
import sqlalchemy as sa

from veche.data.errors import ConstraintKind, ConstraintViolated
from veche.data.sqlite.dialect import SQLITE
from veche.data.statement import Plan, Prepared

KINDS = {
    apsw.SQLITE_CONSTRAINT_PRIMARYKEY: ConstraintKind.PRIMARY_KEY,
    apsw.SQLITE_CONSTRAINT_ROWID: ConstraintKind.PRIMARY_KEY,
    apsw.SQLITE_CONSTRAINT_UNIQUE: ConstraintKind.UNIQUE,
    apsw.SQLITE_CONSTRAINT_CHECK: ConstraintKind.CHECK,
    apsw.SQLITE_CONSTRAINT_NOTNULL: ConstraintKind.NOT_NULL,
    apsw.SQLITE_CONSTRAINT_FOREIGNKEY: ConstraintKind.FOREIGN_KEY,
}


def violation(
    error: apsw.ConstraintError,
    connection: apsw.Connection,
    prepared: Prepared[Any] | None,
    arguments: tuple[Any, ...],
) -> ConstraintViolated:
    """Return the violation that the error reports; prepared is None for SQL that was not made from models."""
    code: int = getattr(error, "extendedresult", 0)  # apsw sets it; its type stubs do not say so
    kind = KINDS.get(code, ConstraintKind.CHECK)
    detail = str(error).partition("failed: ")[2]
    table = prepared.plan.table if prepared is not None else None
    match kind:
        case ConstraintKind.FOREIGN_KEY:
            found = None
            if prepared is not None and table is not None:
                found = _find_foreign_key(connection, prepared, table, arguments)
            if found is None:
                return ConstraintViolated("", kind, "" if table is None else table.name)
            return ConstraintViolated(str(found.name), kind, found.table.name, found.column_keys)
        case ConstraintKind.CHECK:
            return ConstraintViolated(detail, kind, "" if table is None else table.name)
        case ConstraintKind.NOT_NULL:
            table_name, _, column = detail.partition(".")
            return ConstraintViolated(f"nn_{table_name}_{column}", kind, table_name, (column,))
        case _:
            return _unique(kind, detail, table)


def _unique(kind: ConstraintKind, detail: str, table: sa.Table | None) -> ConstraintViolated:
    index = re.fullmatch(r"index '(.+)'", detail)
    if index is not None:
        return ConstraintViolated(index[1], ConstraintKind.UNIQUE, "" if table is None else table.name)
    pairs = [word.partition(".") for word in detail.split(", ")]
    table_name, columns = pairs[0][0], [column for _table, _dot, column in pairs]
    declared = table.metadata.tables.get(table_name) if table is not None else None
    for name, unique_columns in _unique_rules(declared):
        if sorted(unique_columns) == sorted(columns):
            if declared is not None and name == declared.primary_key.name:
                kind = ConstraintKind.PRIMARY_KEY
            return ConstraintViolated(name, kind, table_name, unique_columns)
    return ConstraintViolated("", kind, table_name, columns)


def _unique_rules(table: sa.Table | None) -> Iterator[tuple[str, list[str]]]:
    if table is None:
        return
    yield str(table.primary_key.name), [column.name for column in table.primary_key.columns]
    for constraint in table.constraints:
        if isinstance(constraint, sa.UniqueConstraint):
            yield str(constraint.name), [column.name for column in constraint.columns]
    for index in table.indexes:
        if index.unique:
            yield str(index.name), [column.name for column in index.columns]


def _find_foreign_key(
    connection: apsw.Connection, prepared: Prepared[Any], table: sa.Table, arguments: tuple[Any, ...]
) -> sa.ForeignKeyConstraint | None:
    connection.execute("SAVEPOINT find_foreign_key")
    try:
        connection.execute("PRAGMA defer_foreign_keys=ON")
        return _without_parent(connection, prepared, table, arguments) or _still_referenced(
            connection, prepared.plan, table, arguments
        )
    finally:
        connection.execute("ROLLBACK TO find_foreign_key")
        connection.execute("RELEASE find_foreign_key")
        connection.execute("PRAGMA defer_foreign_keys=OFF")


def _without_parent(
    connection: apsw.Connection, prepared: Prepared[Any], table: sa.Table, arguments: tuple[Any, ...]
) -> sa.ForeignKeyConstraint | None:
    """Repeat an insert or update, and look for a written row that refers to nothing."""
    source: Any = prepared.plan.source
    if isinstance(source, sa.Delete):
        return None
    names = [column.name for column in table.columns]
    try:
        written = Plan(source.returning(*table.columns), None, SQLITE) if not source._returning else None
        cursor = connection.execute(written.sql, arguments) if written is not None else None
        rows = cursor.fetchall() if cursor is not None else []
    except apsw.Error:
        return None
    for row in rows:
        values = dict(zip(names, row, strict=True))
        for key in _foreign_keys(table):
            held = [values[column] for column in key.column_keys]
            if None in held:
                continue
            conditions = " AND ".join(f'"{element.column.name}" = ?' for element in key.elements)
            # Names come from the metadata, values go as parameters.
            sql = f'SELECT 1 FROM "{key.referred_table.name}" WHERE {conditions}'  # noqa: S608
            if connection.execute(sql, held).fetchone() is None:
                return key
    return None


def _still_referenced(
    connection: apsw.Connection, plan: Plan, table: sa.Table, arguments: tuple[Any, ...]
) -> sa.ForeignKeyConstraint | None:
    """Look for a row that refers to one which the delete or update would take away."""
    source: Any = plan.source
    candidates = [
        key
        for child in table.metadata.sorted_tables
        for key in _foreign_keys(child)
        if key.referred_table is table and key.ondelete != "CASCADE"
    ]
    if len(candidates) == 1 or not isinstance(source, (sa.Delete, sa.Update)):
        return candidates[0] if len(candidates) == 1 else None
    arguments_of = dict(zip(plan.names, arguments, strict=True))
    for key in candidates:
        child = key.table.alias("child")
        joined = sa.and_(*(child.c[element.parent.name] == element.column for element in key.elements))
        question: sa.Select[Any] = sa.select(sa.literal_column("1")).select_from(child).join(table, joined)
        if source.whereclause is not None:
            question = question.where(source.whereclause)
        asked = Plan(question.limit(sa.literal_column("1")), None, SQLITE)
        values = [arguments_of[name] for name in asked.names]
        if connection.execute(asked.sql, values).fetchone() is not None:
            return key
    return None


def _foreign_keys(table: sa.Table) -> list[sa.ForeignKeyConstraint]:
    return sorted(table.foreign_key_constraints, key=lambda key: str(key.name))
