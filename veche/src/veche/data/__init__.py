"""Models, statements, units of work and the two databases they run on; README.md shows how to use them."""

from sqlalchemy.dialects.sqlite import insert as upsert

from veche.data.constraints import Check, ForeignKey, Index, Unique
from veche.data.errors import (
    ConstraintKind,
    ConstraintViolated,
    DatabaseUnavailable,
    DataError,
    ForeignAwait,
    NotFound,
    OutcomeUnknown,
    SchemaMismatch,
    StatementTimedOut,
    StatementWrong,
    TransactionConflict,
    UnitClosed,
    UnitExpired,
    ValueRefused,
)
from veche.data.executor import Database, Reader
from veche.data.fields import Field, Ref, field, ref
from veche.data.ids import new_id
from veche.data.model import Model
from veche.data.opening import open_database
from veche.data.repository import find, get, get_for_update, next_revision, page_after
from veche.data.sqlite.database import SqliteDatabase
from veche.data.statement import Statement
from veche.data.tables import create_tables
from veche.data.unit_of_work import Unit, UnitsOfWork

__all__ = [
    "Check",
    "ConstraintKind",
    "ConstraintViolated",
    "DataError",
    "Database",
    "DatabaseUnavailable",
    "Field",
    "ForeignAwait",
    "ForeignKey",
    "Index",
    "Model",
    "NotFound",
    "OutcomeUnknown",
    "Reader",
    "Ref",
    "SchemaMismatch",
    "SqliteDatabase",
    "Statement",
    "StatementTimedOut",
    "StatementWrong",
    "TransactionConflict",
    "Unique",
    "Unit",
    "UnitClosed",
    "UnitExpired",
    "UnitsOfWork",
    "ValueRefused",
    "create_tables",
    "field",
    "find",
    "get",
    "get_for_update",
    "new_id",
    "next_revision",
    "open_database",
    "page_after",
    "ref",
    "upsert",
]
