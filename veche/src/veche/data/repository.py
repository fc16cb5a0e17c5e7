"""The few lines that every repository would repeat.

One job: reading one row by its key, a page of rows after a key, and raising a revision.
Must not know: any model of an application.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine

from veche.data.columns import INT64, Boolean, Day, Float, Integer, Moment, Text
from veche.data.errors import NotFound
from veche.data.executor import Reader
from veche.data.model import Model
from veche.data.statement import Statement
from veche.data.unit_of_work import Unit

M = TypeVar("M", bound=Model)
S = TypeVar("S", bound="sa.Select[*tuple[Any, ...]]")


async def find(reader: Reader, kind: type[M], **key: object) -> M | None:
    """Return the row with these values (`find(reader, Course, community_id=1, id=5)`), or None."""
    row: M | None = await reader.first(_by(kind, tuple(key)), **key)
    return row


async def get(reader: Reader, kind: type[M], **key: object) -> M:
    """Return the row with these values; raises NotFound."""
    row = await find(reader, kind, **key)
    if row is None:
        raise NotFound(f"no {kind.__name__} has {key}")
    return row


async def get_for_update(unit: Unit, kind: type[M], **key: object) -> M:
    """Return the row and keep others from writing it until this unit ends; raises NotFound."""
    row: M | None = await unit.first(_by(kind, tuple(key), lock=True), **key)
    if row is None:
        raise NotFound(f"no {kind.__name__} has {key}")
    return row


async def next_revision(unit: Unit, kind: type[Model], **key: object) -> int:
    """Raise the `revision` of the row by one and return it; the row stays ours until the unit ends; raises NotFound.

    Every insert, edit and delete of what a room holds takes a revision in its own transaction. "revision > N" then
    misses nothing, while "id > last id" loses the rows that commit late (17 of 240 under four writers).
    """
    given = {f"key_{name}": value for name, value in key.items()}
    revision = await unit.value(_raise_revision(kind, tuple(key)), **given)
    if revision is None:
        raise NotFound(f"no {kind.__name__} has {key}")
    return int(revision)


def page_after(sql: S, *keys: sa.ColumnElement[Any], descending: bool = False) -> S:
    """Return the select as a keyset page: rows after bindparams `after_0`, `after_1`…, at most `limit`, in key order.

    Without `after_…`, or with None, it is the first page. With an index on the keys every page is equally fast, which
    OFFSET is not. Raises TypeError for a text in descending order: no text is the last one in every collation.
    """
    places = [sa.bindparam(f"after_{index}", None, type_=Place(key.type, descending)) for index, key in enumerate(keys)]
    past = sa.tuple_(*keys) < sa.tuple_(*places) if descending else sa.tuple_(*keys) > sa.tuple_(*places)
    order = [key.desc() if descending else key.asc() for key in keys]
    return sql.where(past).order_by(*order).limit(sa.bindparam("limit", type_=sa.Integer()))


class Place(TypeDecorator[Any]):
    """A key to go on after; None is the place before every row. (`:after IS NULL OR …` would not use the index.)"""

    impl = sa.Text
    cache_ok = True

    def __init__(self, item: TypeEngine[Any], descending: bool) -> None:  # SQLAlchemy's cache key
        super().__init__()
        self.item = item
        self.descending = descending
        found = [ends for kind, ends in ENDS if isinstance(item, kind)]
        if not found or (descending and found[0][1] is None):
            raise TypeError(f"a page cannot go {'down' if descending else 'up'} a column of type {item!r}")
        self.start = found[0][1] if descending else found[0][0]

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return self.item.dialect_impl(dialect)

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], Any]:
        convert = self.item.dialect_impl(dialect).bind_processor(dialect)

        def to_parameter(value: Any) -> Any:
            given = self.start if value is None else value
            return given if convert is None else convert(given)

        return to_parameter


# The least and the greatest value of each type that pages go by.
ENDS: Final[list[tuple[type[TypeEngine[Any]], tuple[Any, Any]]]] = [
    (Integer, (-INT64, INT64 - 1)),
    (Boolean, (False, True)),
    (Float, (-math.inf, math.inf)),
    (Text, ("", None)),
    (Moment, (datetime.datetime.min.replace(tzinfo=datetime.UTC), datetime.datetime.max.replace(tzinfo=datetime.UTC))),
    (Day, (datetime.date.min, datetime.date.max)),
]


@lru_cache(maxsize=500)
def _by(kind: type[M], names: tuple[str, ...], *, lock: bool = False) -> Statement[M]:
    sql = sa.select(kind.__table__).where(*_equal(kind, names))
    return Statement(sql.with_for_update() if lock else sql, kind)


@lru_cache(maxsize=500)
def _raise_revision(kind: type[Model], names: tuple[str, ...]) -> Statement[tuple[Any, ...]]:
    revision = kind.__table__.columns["revision"]
    return Statement(
        sa.update(kind.__table__)
        .where(*_equal(kind, names, prefix="key_"))  # SQLAlchemy keeps the bare names for the values
        .values(revision=revision + 1)
        .returning(revision)
    )


def _equal(kind: type[Model], names: tuple[str, ...], prefix: str = "") -> list[sa.ColumnElement[bool]]:
    columns = kind.__table__.columns
    return [columns[name] == sa.bindparam(prefix + name, type_=columns[name].type) for name in names]
