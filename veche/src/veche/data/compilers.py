"""The two SQL dialects, as this package speaks them.

One job: SQLAlchemy's compilers, with positional parameters and with an IN whose SQL text does not depend on the list.
Must not know: statements, connections.

SQLAlchemy writes `x IN (__[POSTCOMPILE_ids])` and rewrites the text for each list. We compile once, so a list travels
as one parameter: a JSON array for json_each() on SQLite, an array for = ANY() on PostgreSQL.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql.psycopg import PGCompiler_psycopg, PGDialect_psycopg
from sqlalchemy.dialects.sqlite.base import SQLiteCompiler, SQLiteDialect
from sqlalchemy.engine import Dialect
from sqlalchemy.sql.elements import BinaryExpression, BindParameter
from sqlalchemy.types import TypeDecorator, TypeEngine

from veche.data.errors import ValueRefused

Render = Callable[..., str]


class ListOf(TypeDecorator[Any]):
    """The type of the one parameter that carries the whole list of an IN."""

    impl = sa.Text
    cache_ok = True

    def __init__(self, item: TypeEngine[Any]) -> None:
        super().__init__()
        self.item = item

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "sqlite":
            return sa.Text()
        return sa.ARRAY(self.item.dialect_impl(dialect))

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], Any]:
        convert = self.item.dialect_impl(dialect).bind_processor(dialect)

        def to_parameter(values: Any) -> Any:
            if isinstance(values, str) or not hasattr(values, "__iter__"):
                raise ValueRefused(f"{values!r:.80} is not a list; an IN takes a list, a tuple or a set")
            items = list(values) if convert is None else [convert(value) for value in values]
            return json.dumps(items) if dialect.name == "sqlite" else items

        return to_parameter


def _one_list(binary: BinaryExpression[Any]) -> BindParameter[Any]:
    right = binary.right
    if not isinstance(right, BindParameter) or isinstance(binary.left, sa.Tuple):
        raise TypeError("an IN over several columns is not supported; compare each column, or join")
    copy = sa.bindparam(right.key, right.value, ListOf(right.type), unique=False, required=right.required)
    copy.unique = right.unique
    return copy


def _is_list(binary: BinaryExpression[Any]) -> bool:
    return isinstance(binary.right, BindParameter) and bool(binary.right.expanding)


class SqliteStatementCompiler(SQLiteCompiler):
    """SQLite's SQL, with lists by json_each()."""

    def visit_in_op_binary(self, binary: BinaryExpression[Any], operator: Any, **options: Any) -> str:
        """Render `x IN (...)`."""
        if not _is_list(binary):
            return str(self._generate_generic_binary(binary, " IN ", **options))
        items = self.process(_one_list(binary), **options)
        return f"{self.process(binary.left, **options)} IN (SELECT value FROM json_each({items}))"  # noqa: S608  # compiled parts

    def visit_not_in_op_binary(self, binary: BinaryExpression[Any], operator: Any, **options: Any) -> str:
        """Render `x NOT IN (...)`."""
        if not _is_list(binary):
            return f"({self._generate_generic_binary(binary, ' NOT IN ', **options)})"
        items = self.process(_one_list(binary), **options)
        return f"({self.process(binary.left, **options)} NOT IN (SELECT value FROM json_each({items})))"  # noqa: S608  # same


class PostgresStatementCompiler(PGCompiler_psycopg):
    """PostgreSQL's SQL, with lists by = ANY()."""

    def visit_in_op_binary(self, binary: BinaryExpression[Any], operator: Any, **options: Any) -> str:
        """Render `x IN (...)`."""
        if not _is_list(binary):
            return str(self._generate_generic_binary(binary, " IN ", **options))
        items = self.process(_one_list(binary), **options)
        return f"{self.process(binary.left, **options)} = ANY ({items})"

    def visit_not_in_op_binary(self, binary: BinaryExpression[Any], operator: Any, **options: Any) -> str:
        """Render `x NOT IN (...)`."""
        if not _is_list(binary):
            return f"({self._generate_generic_binary(binary, ' NOT IN ', **options)})"
        items = self.process(_one_list(binary), **options)
        return f"({self.process(binary.left, **options)} <> ALL ({items}))"


class SqliteStatements(SQLiteDialect):
    """SQLite with `?` parameters."""

    statement_compiler = SqliteStatementCompiler
    supports_statement_cache = True


class PostgresStatements(PGDialect_psycopg):
    """PostgreSQL with `$1` parameters, which psycopg's raw cursors hand on untouched."""

    statement_compiler = PostgresStatementCompiler
    supports_statement_cache = True


SQLITE: Final[Dialect] = SqliteStatements(paramstyle="qmark")
POSTGRESQL: Final[Dialect] = PostgresStatements(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it untyped
