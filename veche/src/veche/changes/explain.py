"""Why one value was refused.

One job: from a field's kind and the value that did not convert to a code with its parameters.
Must not know: msgspec's sentences. They are English, change with its versions, and stop at the first error.
"""

import re
from collections.abc import Iterable
from enum import Enum
from typing import TypeAlias

import msgspec
from msgspec import inspect

from veche.changes.plan import COLLECTIONS

Reason: TypeAlias = tuple[str, dict[str, str | int | float]]


def explain(kind: inspect.Type, value: object, *, strict: bool) -> Reason:
    """Return the code and parameters for a value that kind refused; strict is how it was converted."""
    if value is None:
        return "null", {}
    match kind:
        case inspect.StrType():
            return _text(kind, value)
        case inspect.IntType():
            return _number(kind, _as_number(value, int, strict=strict), "whole_number")
        case inspect.FloatType() | inspect.DecimalType():
            bounds = kind if isinstance(kind, inspect.FloatType) else inspect.FloatType()
            return _number(bounds, _as_number(value, float, strict=strict), "number")
        case inspect.EnumType():
            return "choice", {"of": _join(member.value for member in kind.cls)}
        case inspect.LiteralType():
            return "choice", {"of": _join(kind.values)}
        case _ if isinstance(kind, COLLECTIONS):
            return _collection(kind, value)
        case _:
            return CODE_OF_KIND.get(type(kind), "invalid"), {}


CODE_OF_KIND: dict[type[inspect.Type], str] = {
    inspect.BoolType: "bool",
    inspect.DateType: "date",
    inspect.DateTimeType: "datetime",
    inspect.TimeType: "time",
    inspect.TimeDeltaType: "duration",
    inspect.UUIDType: "identifier",
    inspect.StructType: "object",
    inspect.DictType: "object",
}


def _text(kind: inspect.StrType, value: object) -> Reason:
    if not isinstance(value, str):
        return "text", {}
    if value == "" and kind.min_length:
        return "required", {}
    if kind.min_length is not None and len(value) < kind.min_length:
        return "too_short", {"min": kind.min_length}
    if kind.max_length is not None and len(value) > kind.max_length:
        return "too_long", {"max": kind.max_length}
    if kind.pattern is not None and not re.search(kind.pattern, value):
        return "format", {"pattern": kind.pattern}
    return "text", {}


def _as_number(value: object, number: type[int] | type[float], *, strict: bool) -> int | float | None:
    try:
        return msgspec.convert(value, number, strict=strict)
    except msgspec.ValidationError:
        return None


def _number(kind: inspect.IntType | inspect.FloatType, number: int | float | None, code: str) -> Reason:
    if number is None:
        return code, {}
    if kind.ge is not None and number < kind.ge:
        return "too_small", {"min": kind.ge}
    if kind.le is not None and number > kind.le:
        return "too_large", {"max": kind.le}
    if kind.gt is not None and number <= kind.gt:
        return "not_above", {"limit": kind.gt}
    if kind.lt is not None and number >= kind.lt:
        return "not_below", {"limit": kind.lt}
    if kind.multiple_of is not None:
        return "step", {"of": kind.multiple_of}
    return code, {}


def _collection(kind: inspect.Type, value: object) -> Reason:
    smallest: int | None = getattr(kind, "min_length", None)
    largest: int | None = getattr(kind, "max_length", None)
    if not isinstance(value, list | tuple):
        return "list", {}
    if smallest is not None and len(value) < smallest:
        return "too_few", {"min": smallest}
    if largest is not None and len(value) > largest:
        return "too_many", {"max": largest}
    return "list", {}


def _join(choices: Iterable[object]) -> str:
    return ", ".join(str(choice.value if isinstance(choice, Enum) else choice) for choice in choices)
