"""Rules that every table keeps, so that the same models run on SQLite, PostgreSQL and Citus.

One job: from a MetaData to the list of what would fail on one of them.
Must not know: models, connections.

Each rule was met as an error on a real Citus 13.2 (docs/design.md §7). A site's tests call
`lint(METADATA, "community_id")` and expect nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import sqlalchemy as sa
from sqlalchemy.sql import operators, visitors
from sqlalchemy.sql.base import Executable

from veche.data.constraints import NAME_LIMIT_OCTETS


def lint(metadata: sa.MetaData, tenant_key: str) -> list[str]:
    """Return one sentence per broken rule; tables say their scope in `Table.info["scope"]`."""
    return [sentence for table in metadata.tables.values() for sentence in _table(table, tenant_key)]


def _table(table: sa.Table, tenant_key: str) -> Iterator[str]:
    scope = table.info.get("scope")
    if scope not in {"tenant", "reference", "local"}:
        yield f'{table.name}: its scope is {scope!r}; expected "tenant", "reference" or "local"'
    yield from _names(table)
    yield from _ids(table)
    if scope == "tenant":
        yield from _tenant_key(table, tenant_key)
    for key in sorted(table.foreign_key_constraints, key=lambda key: str(key.name)):
        yield from _foreign_key(table, key, tenant_key)


def _names(table: sa.Table) -> Iterator[str]:
    everything: list[sa.Constraint | sa.Index] = [*table.constraints, *table.indexes]
    for each in everything:
        if not isinstance(each.name, str):
            yield f"{table.name}: a {type(each).__name__} has no name; forms and migrations find constraints by name"
        elif len(each.name.encode()) > NAME_LIMIT_OCTETS:
            yield f"{table.name}: the name {each.name} is over {NAME_LIMIT_OCTETS} octets and would be cut"


def _ids(table: sa.Table) -> Iterator[str]:
    for column in table.columns:
        if column.server_default is not None or column.default is not None:
            yield f"{table.name}.{column.name}: has a default of the database; values come from the application"
        if column.primary_key and column.autoincrement is not False:
            yield f"{table.name}.{column.name}: may become a sequence; ids come from the application"


def _tenant_key(table: sa.Table, tenant_key: str) -> Iterator[str]:
    key = [column.name for column in table.primary_key.columns]
    if key[:1] != [tenant_key]:
        yield f"{table.name}: its primary key is {key}; expected {tenant_key} first"
    for constraint in table.constraints:
        if isinstance(constraint, sa.UniqueConstraint) and tenant_key not in constraint.columns:
            yield f"{table.name}: {constraint.name} does not hold {tenant_key}, so no shard could check it"
    for index in table.indexes:
        if index.unique and tenant_key not in index.columns:
            yield f"{table.name}: {index.name} does not hold {tenant_key}, so no shard could check it"


def _foreign_key(table: sa.Table, key: sa.ForeignKeyConstraint, tenant_key: str) -> Iterator[str]:
    where = f"{table.name}: {key.name}"
    target = key.referred_table
    if not key.use_alter:
        yield f"{where} is not use_alter, so its table could not be distributed before the key is added"
    for element in key.elements:
        here, there = element.parent.type.compile(), element.column.type.compile()
        if here != there:
            yield f"{where} refers from {here} to {there}"
    pairs = [(element.parent.name, element.column.name) for element in key.elements]
    referred = {column for _here, column in pairs}
    unique = [{column.name for column in target.primary_key.columns}]
    unique += [{c.name for c in each.columns} for each in target.constraints if isinstance(each, sa.UniqueConstraint)]
    if referred not in unique:
        yield f"{where} refers to {sorted(referred)} of {target.name}, which is neither its primary key nor UNIQUE"
    if target.info.get("scope") == "tenant":
        if table.info.get("scope") != "tenant":
            yield f"{where} refers from a {table.info.get('scope')} table to a tenant table"
        elif (tenant_key, tenant_key) not in pairs:
            yield f"{where} does not hold {tenant_key}, so it would cross shards"
        elif key.ondelete == "SET NULL":
            yield f"{where} would set {tenant_key} to NULL; expected CASCADE or NO ACTION"
    elif target.info.get("scope") == "local" and table.info.get("scope") == "tenant":
        yield f"{where} refers from a tenant table to a local table, which only the coordinator has"


def unscoped(sql: Executable, tenant_key: str) -> list[str]:
    """Return the tenant tables that a select, update or delete uses without fixing their tenant key by an equality.

    On one machine such a statement mixes communities; on many it is sent to every one of them, or refused. The key is
    fixed by a value, or by being equal to the fixed key of another table, as in a join.
    """
    used: set[sa.FromClause] = set()
    fixed: set[sa.FromClause] = set()
    equal: list[tuple[sa.FromClause, sa.FromClause]] = []
    for element in visitors.iterate(cast("visitors.ExternallyTraversible", sql)):
        if isinstance(element, sa.Select):
            used.update(table for each in element.get_final_froms() for table in _tables(each))
        elif isinstance(element, (sa.Update, sa.Delete)):
            used.update(_tables(element.table))
        elif isinstance(element, sa.BinaryExpression) and element.operator is operators.eq:
            sides = [side.table for side in (element.left, element.right) if _is_key(side, tenant_key)]
            if len(sides) == 2:
                equal.append((sides[0], sides[1]))
            else:
                fixed.update(sides)
    grown = True
    while grown:
        before = len(fixed)
        for one, other in equal:
            if one in fixed or other in fixed:
                fixed |= {one, other}
        grown = len(fixed) > before
    return sorted(str(getattr(table, "name", table)) for table in used - fixed if _scope(table) == "tenant")


def _tables(source: sa.FromClause) -> Iterator[sa.FromClause]:
    if isinstance(source, sa.Join):
        yield from _tables(source.left)
        yield from _tables(source.right)
    elif isinstance(source, (sa.Table, sa.Alias)):  # what stands in a subquery is met as a select of its own
        yield source


def _scope(source: sa.FromClause) -> object:
    table = source.element if isinstance(source, sa.Alias) else source
    return table.info.get("scope") if isinstance(table, sa.Table) else None


def _is_key(side: object, tenant_key: str) -> bool:
    return isinstance(side, sa.Column) and side.name == tenant_key
