"""PostgreSQL's SQL as this package speaks it.

One job: SQLAlchemy's compiler with `$1` parameters, and IN by = ANY(). Must not know: connections.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy.dialects.postgresql.psycopg import PGCompiler_psycopg, PGDialect_psycopg
from sqlalchemy.engine import Dialect
from sqlalchemy.sql.elements import BinaryExpression

from veche.data.lists import as_one_list, is_list


class PostgresStatementCompiler(PGCompiler_psycopg):
    """PostgreSQL's SQL, with lists by = ANY()."""

    def visit_in_op_binary(self, binary: BinaryExpression[Any], operator: Any, **options: Any) -> str:
        """Render `x IN (...)`."""
        if not is_list(binary):
            return str(self._generate_generic_binary(binary, " IN ", **options))
        items = self.process(as_one_list(binary), **options)
        return f"{self.process(binary.left, **options)} = ANY ({items})"

    def visit_not_in_op_binary(self, binary: BinaryExpression[Any], operator: Any, **options: Any) -> str:
        """Render `x NOT IN (...)`."""
        if not is_list(binary):
            return f"({self._generate_generic_binary(binary, ' NOT IN ', **options)})"
        items = self.process(as_one_list(binary), **options)
        return f"({self.process(binary.left, **options)} <> ALL ({items}))"

    def _on_conflict_target(self, clause: Any, **options: Any) -> str:
        # veche.data.upsert is SQLite's construct, which is always loaded; PostgreSQL's own may also name a constraint.
        if not hasattr(clause, "constraint_target"):
            clause.constraint_target = None
        return str(super()._on_conflict_target(clause, **options))  # type: ignore[no-untyped-call]  # SQLAlchemy's


class PostgresStatements(PGDialect_psycopg):
    """PostgreSQL with `$1` parameters, which psycopg's raw cursors hand on untouched."""

    statement_compiler = PostgresStatementCompiler
    supports_statement_cache = True


POSTGRESQL: Final[Dialect] = PostgresStatements(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it untyped
