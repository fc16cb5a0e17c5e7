"""An IN whose SQL text does not depend on the list.

One job: the one parameter that carries the whole list.
Must not know: dialects' SQL, connections.

SQLAlchemy writes `x IN (__[POSTCOMPILE_ids])` and rewrites the text for each list. We compile once, so a list travels
as one parameter: a JSON array for json_each() on SQLite, an array for = ANY() on PostgreSQL.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.sql.elements import BinaryExpression, BindParameter
from sqlalchemy.types import TypeDecorator, TypeEngine

from veche.data.errors import ValueRefused


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


def as_one_list(binary: BinaryExpression[Any]) -> BindParameter[Any]:
    """Return the list on the right of an IN as one parameter; raises TypeError for tuples."""
    right = binary.right
    if not isinstance(right, BindParameter) or isinstance(binary.left, sa.Tuple):
        raise TypeError("an IN over several columns is not supported; compare each column, or join")
    copy = sa.bindparam(right.key, right.value, ListOf(right.type), unique=False, required=right.required)
    copy.unique = right.unique
    return copy


def is_list(binary: BinaryExpression[Any]) -> bool:
    """Return whether the right side of an IN is a list, and not a select."""
    return isinstance(binary.right, BindParameter) and bool(binary.right.expanding)
