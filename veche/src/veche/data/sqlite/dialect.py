"""SQLite's SQL as this package speaks it.

One job: SQLAlchemy's compiler with positional parameters, and IN by json_each(). Must not know: connections.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy.dialects.sqlite.base import SQLiteCompiler, SQLiteDialect
from sqlalchemy.engine import Dialect
from sqlalchemy.sql.elements import BinaryExpression

from veche.data.lists import as_one_list, is_list


class SqliteStatementCompiler(SQLiteCompiler):
    """SQLite's SQL, with lists by json_each()."""

    def visit_in_op_binary(self, binary: BinaryExpression[Any], operator: Any, **options: Any) -> str:
        """Render `x IN (...)`."""
        if not is_list(binary):
            return str(self._generate_generic_binary(binary, " IN ", **options))
        items = self.process(as_one_list(binary), **options)
        return f"{self.process(binary.left, **options)} IN (SELECT value FROM json_each({items}))"  # noqa: S608  # compiled parts

    def visit_not_in_op_binary(self, binary: BinaryExpression[Any], operator: Any, **options: Any) -> str:
        """Render `x NOT IN (...)`."""
        if not is_list(binary):
            return f"({self._generate_generic_binary(binary, ' NOT IN ', **options)})"
        items = self.process(as_one_list(binary), **options)
        return f"({self.process(binary.left, **options)} NOT IN (SELECT value FROM json_each({items})))"  # noqa: S608  # same


class SqliteStatements(SQLiteDialect):
    """SQLite with `?` parameters."""

    statement_compiler = SqliteStatementCompiler
    supports_statement_cache = True


SQLITE: Final[Dialect] = SqliteStatements(paramstyle="qmark")
