"""What can go wrong between a model and its database, in words that a caller can act on.

One job: the error classes of this package, and who may retry what.
Must not know: drivers; each engine translates its own errors at its edge.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum


class DataError(Exception):
    """The base of every error of this package."""


class ConstraintKind(Enum):
    """What sort of rule the database enforced."""

    PRIMARY_KEY = "primary_key"
    UNIQUE = "unique"
    FOREIGN_KEY = "foreign_key"
    CHECK = "check"
    NOT_NULL = "not_null"


class ConstraintViolated(DataError):
    """The database refused a row because of one declared rule; the same `name` on every engine.

    name: the constraint's name as declared ("uq_course_slug"); "" when the engine would not say which.
    columns: the names of the columns that the rule is about; empty for a CHECK.
    """

    def __init__(self, name: str, kind: ConstraintKind, table: str, columns: Sequence[str] = ()) -> None:
        where = f"{table}({', '.join(columns)})" if columns else table
        super().__init__(f"{kind.value} {name or 'of unknown name'} on {where} refused the row; nothing was written")
        self.name = name
        self.kind = kind
        self.table = table
        self.columns = tuple(columns)


class ValueRefused(DataError):
    """A value cannot stand in its column (wrong type, a NUL in a text, no time zone, too large a number)."""


class NotFound(DataError):
    """No row has this key."""


class StatementWrong(DataError):
    """The SQL itself is wrong (unknown column or table, syntax): a bug of ours, never the visitor's input."""


class DatabaseUnavailable(DataError):
    """The database cannot serve now; a web application answers 503 with `Retry-After: retry_after_seconds`."""

    retry_after_seconds = 2


class OutcomeUnknown(DatabaseUnavailable):
    """The connection was lost during COMMIT: the unit may or may not have happened; ask before repeating it."""


class TransactionConflict(DataError):
    """Two transactions stood in each other's way; nothing was written; `UnitsOfWork.run` repeats the whole unit."""


class StatementTimedOut(DataError):
    """One statement ran longer than the database allows (`statement_timeout_seconds`); it was stopped."""


class UnitExpired(DataError):
    """A unit of work was held longer than its deadline and was rolled back."""


class UnitClosed(DataError):
    """A unit of work was used after its commit, its roll-back or an error in it."""


class ForeignAwait(DataError):
    """A unit of work awaited something else while it was open; found in asyncio's debug mode only: a bug of ours."""


class SchemaMismatch(DataError):
    """The database has not the tables that this version of the program expects."""
