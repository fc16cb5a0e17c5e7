"""How a Python type stands in a column, the same on SQLite and PostgreSQL.

One job: the column types, and which one a declared field gets.
Must not know: models, statements, connections.

| declared | PostgreSQL | SQLite | what is refused before it is sent |
|---|---|---|---|
| int, NewType of int, IntEnum | BIGINT | BIGINT | a bool, more than 64 bits |
| str, str Enum, Literal | TEXT | TEXT | a NUL, a lone surrogate |
| bool | BOOLEAN | BOOLEAN | anything but True and False |
| float | DOUBLE PRECISION | DOUBLE PRECISION | a text |
| bytes | BYTEA | BLOB | a text |
| datetime | TIMESTAMPTZ | TEXT, "2026-01-31 09:05:00.000000", UTC, sortable | one without a time zone |
| date | DATE | TEXT, "2026-01-31" | a datetime |
| list, dict, set, Struct | TEXT holding JSON | TEXT holding JSON | what does not match the declared type |

Texts have no length in their type: a limit is a CHECK with a name, which both engines enforce alike.
"""

from __future__ import annotations

import datetime
import enum
import types
import typing
from collections.abc import Callable
from typing import Any, Literal, cast

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.sql import operators
from sqlalchemy.types import TypeDecorator, TypeEngine

from veche.data.errors import ValueRefused

Processor = Callable[[Any], Any]
INT64 = 2**63


def _refuse(value: object, expected: str) -> ValueRefused:
    return ValueRefused(f"{value!r:.80} is of type {type(value).__name__}; expected {expected}; nothing was sent")


class StrictType(TypeDecorator[Any]):
    """A column type that refuses foreign values itself: SQLite would keep them, PostgreSQL would raise late."""

    cache_ok = True

    def coerce_compared_value(self, op: operators.OperatorType | None, value: Any) -> TypeEngine[Any]:
        # `Course.seats == "three"` must meet this type and be refused; `Course.seats * 1.5` is arithmetic.
        if op is not None and operators.is_comparison(op):
            return self
        return self.impl_instance.coerce_compared_value(op, value)


class Integer(StrictType):
    """A whole number of 64 bits."""

    impl = sa.BigInteger
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> int | None:
        if value is None:
            return None
        if not isinstance(value, int) or isinstance(value, bool):
            raise _refuse(value, "int")
        if not -INT64 <= value < INT64:
            raise ValueRefused(f"{value} does not fit into 64 bits; nothing was sent")
        return int(value)


class Text(StrictType):
    """A text of any script."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        if value is None:
            return None
        if not isinstance(value, str):
            raise _refuse(value, "str")
        if "\x00" in value:
            raise ValueRefused("a text holds the character NUL, which PostgreSQL cannot keep; nothing was sent")
        if not value.isascii():
            try:
                value.encode()
            except UnicodeEncodeError as error:
                raise ValueRefused(f"a text is not valid Unicode: {error.reason}; nothing was sent") from error
        return str(value)


class Boolean(StrictType):
    """True or False."""

    impl = sa.Boolean
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> bool | None:
        if value is None or value is True or value is False:
            return value
        raise _refuse(value, "bool")

    def process_result_value(self, value: Any, dialect: Dialect) -> bool | None:
        return None if value is None else bool(value)


class Float(StrictType):
    """A binary floating-point number."""

    impl = sa.Double
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> float | None:
        if value is None:
            return None
        if not isinstance(value, (int, float)) or isinstance(value, bool):
            raise _refuse(value, "float")
        return float(value)

    def result_processor(self, dialect: Dialect, coltype: object) -> None:
        return None  # both drivers give a float; SQLAlchemy's own would ask for the type code of a cursor


class Bytes(StrictType):
    """A sequence of octets."""

    impl = sa.LargeBinary
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> bytes | None:
        if value is None or isinstance(value, bytes):
            return value
        raise _refuse(value, "bytes")

    def process_result_value(self, value: Any, dialect: Dialect) -> bytes | None:
        return None if value is None else bytes(value)


class Moment(StrictType):
    """A moment in time; always aware, always UTC when it comes back."""

    impl = sa.TIMESTAMP
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return sa.Text() if dialect.name == "sqlite" else sa.TIMESTAMP(timezone=True)

    def process_bind_param(self, value: Any, dialect: Dialect) -> datetime.datetime | str | None:
        if value is None:
            return None
        if not isinstance(value, datetime.datetime):
            raise _refuse(value, "datetime")
        if value.tzinfo is None:
            raise ValueRefused(f"{value!r} has no time zone; expected an aware datetime, such as datetime.now(UTC)")
        moment = value.astimezone(datetime.UTC)
        if dialect.name == "sqlite":
            return moment.replace(tzinfo=None).isoformat(" ", "microseconds")
        return moment

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime.datetime | None:
        if value is None:
            return None
        if isinstance(value, str):
            return datetime.datetime.fromisoformat(value).replace(tzinfo=datetime.UTC)
        return cast("datetime.datetime", value).astimezone(datetime.UTC)


class Day(StrictType):
    """A calendar day."""

    impl = sa.Date
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return sa.Text() if dialect.name == "sqlite" else sa.Date()

    def process_bind_param(self, value: Any, dialect: Dialect) -> datetime.date | str | None:
        if value is None:
            return None
        if not isinstance(value, datetime.date) or isinstance(value, datetime.datetime):
            raise _refuse(value, "date")
        return value.isoformat() if dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime.date | None:
        return datetime.date.fromisoformat(value) if isinstance(value, str) else value


class Choice(StrictType):
    """One member of an Enum, kept as its value; the table checks that no other value gets in."""

    impl = sa.Text
    cache_ok = True

    def __init__(self, members: type[enum.Enum] | tuple[Any, ...]) -> None:
        super().__init__()
        self.members = members

    @property
    def values(self) -> tuple[str, ...] | tuple[int, ...]:
        """Every value that may stand in the column."""
        return self.members if isinstance(self.members, tuple) else tuple(member.value for member in self.members)

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return sa.BigInteger() if isinstance(self.values[0], int) else sa.Text()

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | int | None:
        if value is None:
            return None
        if isinstance(self.members, tuple):
            if value in self.members:
                return cast("str | int", value)
        elif isinstance(value, self.members):
            return cast("str | int", value.value)
        raise ValueRefused(f"{value!r:.80} is none of {self.values}; nothing was sent")

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        return value if value is None or isinstance(self.members, tuple) else self.members(value)


class Json(StrictType):
    """A list, a mapping or a Struct, kept as JSON text and checked against its declared type both ways."""

    impl = sa.Text
    cache_ok = True

    def __init__(self, declared: Any) -> None:
        super().__init__()
        self.declared = declared
        self._decoder = msgspec.json.Decoder(declared)

    def coerce_compared_value(self, op: operators.OperatorType | None, value: Any) -> TypeEngine[Any]:
        return self

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        if value is None:
            return None
        try:
            text = msgspec.json.encode(value)
            self._decoder.decode(text)
        except (TypeError, msgspec.MsgspecError) as error:
            raise ValueRefused(f"{value!r:.80} does not match {self.declared}: {error}; nothing was sent") from error
        return text.decode()

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        return None if value is None else self._decoder.decode(value)


PLAIN: dict[type, type[StrictType]] = {
    int: Integer,
    str: Text,
    bool: Boolean,
    float: Float,
    bytes: Bytes,
    datetime.datetime: Moment,
    datetime.date: Day,
}


def column_type(declared: Any) -> tuple[StrictType, bool]:
    """Return the column type of a declared field type, and whether the column may be NULL.

    Raises TypeError for a type that has no agreed column: nothing is mapped silently.
    """
    declared, nullable = _without_none(declared)
    while True:
        if typing.get_origin(declared) is typing.Annotated:
            declared = typing.get_args(declared)[0]
        elif hasattr(declared, "__supertype__"):  # NewType
            declared = declared.__supertype__
        else:
            break
    if declared in PLAIN:
        return PLAIN[declared](), nullable
    origin = typing.get_origin(declared)
    if origin is Literal:
        return Choice(_same_kind(typing.get_args(declared), declared)), nullable
    if isinstance(declared, type) and issubclass(declared, enum.Enum):
        _same_kind(tuple(member.value for member in declared), declared)
        return Choice(declared), nullable
    if origin in (list, dict, tuple, set, frozenset) or declared in (list, dict, tuple, set, frozenset):
        return Json(declared), nullable
    if isinstance(declared, type) and issubclass(declared, msgspec.Struct):
        return Json(declared), nullable
    raise TypeError(
        f"{declared!r} has no column type; expected int, str, bool, float, bytes, datetime, date, an Enum or Literal "
        "of texts or of numbers, list, dict, tuple, set, a Struct, or `X | None` of one of them"
    )


def _without_none(declared: Any) -> tuple[Any, bool]:
    if typing.get_origin(declared) not in (typing.Union, types.UnionType):
        return declared, False
    members = [member for member in typing.get_args(declared) if member is not type(None)]
    if len(members) != 1:
        raise TypeError(f"{declared!r} has no column type; a field is one type, or one type and None")
    return members[0], len(members) < len(typing.get_args(declared))


def _same_kind(values: tuple[Any, ...], declared: Any) -> tuple[Any, ...]:
    if values and (all(type(value) is int for value in values) or all(isinstance(value, str) for value in values)):
        return values
    raise TypeError(f"{declared!r} has no column type; expected values that are all texts or all whole numbers")
