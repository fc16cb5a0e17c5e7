"""The few lines that every repository would repeat.

One job: reading one row by its key, a page of rows after a key, and raising a revision.
Must not know: any model of an application.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, TypeVar

import sqlalchemy as sa

from veche.data.errors import NotFound
from veche.data.executor import Reader
from veche.data.model import Model
from veche.data.statement import Statement
from veche.data.unit_of_work import Unit

M = TypeVar("M", bound=Model)


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


def page_after(sql: sa.Select[Any], *keys: sa.ColumnElement[Any], descending: bool = False) -> sa.Select[Any]:
    """Return the select as a keyset page: rows after bindparams `after_0`, `after_1`…, at most `limit`, in key order.

    With every `after_…` None it is the first page. Pages stay equally fast however far one reads; OFFSET does not.
    """
    places = [sa.bindparam(f"after_{index}", None, type_=key.type) for index, key in enumerate(keys)]
    past = sa.tuple_(*keys) < sa.tuple_(*places) if descending else sa.tuple_(*keys) > sa.tuple_(*places)
    order = [key.desc() if descending else key.asc() for key in keys]
    return (
        sql.where(sa.or_(places[0].is_(None), past)).order_by(*order).limit(sa.bindparam("limit", type_=sa.Integer()))
    )


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
