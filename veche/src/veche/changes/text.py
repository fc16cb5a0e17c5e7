"""From what a browser sends to what msgspec converts.

One job: the text conventions of HTML forms (blank is absent, a box that is not ticked is not sent, many values of
one name), undone by the field's type before any conversion.
Must not know: errors. What cannot be text of its type is left as it came, so that the conversion refuses it.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
from msgspec import inspect

from veche.changes.plan import COLLECTIONS, FieldPlan, plan_of

TICKED: Final = frozenset({"on", "true", "1", "yes"})
NOT_TICKED: Final = frozenset({"off", "false", "0", "no", ""})
# <input type="datetime-local"> sends no seconds (HTML, "valid normalized local date and time string").
WITHOUT_SECONDS: Final = re.compile(r"\d{4,}-\d\d-\d\d[T ]\d\d:\d\d")
ABSENT: Final = object()
UNREADABLE: Final = "?"  # is no number, date or boolean in any type
# Only types with a number in them: str stays, also when someone's name is Null.
UNTEXTUAL: Final = (
    inspect.IntType,
    inspect.FloatType,
    inspect.BoolType,
    inspect.DecimalType,
    inspect.DateType,
    inspect.DateTimeType,
    inspect.TimeType,
    inspect.UUIDType,
)


def prepare_text(form_type: type[msgspec.Struct], data: Mapping[str, object]) -> dict[str, object]:
    """Return the fields of form_type that data fills, ready for msgspec.convert(strict=False).

    data: a name's text, or the list of all texts sent under it; dotted names ("lessons.0.title") are nested.
    Names that form_type does not declare are left out: what is not asked for cannot be assigned.
    """
    prepared: dict[str, object] = {}
    for plan in plan_of(form_type):
        value = _prepare(plan, data.get(plan.name, ABSENT), data)
        if value is not ABSENT:
            prepared[plan.name] = value
    return prepared


def _prepare(plan: FieldPlan, value: object, data: Mapping[str, object]) -> object:
    if isinstance(plan.kind, inspect.StructType):
        return _nested(plan, value, data)
    if isinstance(plan.kind, COLLECTIONS):
        return _collection(plan, value, data)
    if isinstance(value, list | tuple):
        # The last one wins, so that a hidden "off" can stand before a check box.
        value = value[-1] if value else ABSENT
    if isinstance(plan.kind, inspect.BoolType):
        return _tick(plan, value)
    return _scalar(plan, value) if isinstance(value, str) else value


def _tick(plan: FieldPlan, value: object) -> object:
    if value is ABSENT:
        return ABSENT if plan.nullable else False  # HTML sends nothing for a box that is not ticked
    if not isinstance(value, str):
        return value
    word = value.strip().lower()
    if word == "" and plan.nullable:
        return None  # three states: a <select> whose blank option says "not known"
    return word in TICKED if word in TICKED | NOT_TICKED else UNREADABLE


def _scalar(plan: FieldPlan, text: str) -> object:
    text = text.replace("\r\n", "\n")  # HTML sends every line break of a <textarea> as CRLF
    trimmed = text.strip()
    if not plan.trimmed and text:
        return text
    if trimmed == "":
        return None if plan.nullable else ABSENT
    if isinstance(plan.kind, UNTEXTUAL) and trimmed.lower() == "null":
        return UNREADABLE  # msgspec reads "null" as None when it is not strict
    if isinstance(plan.kind, inspect.DateTimeType):
        if trimmed.replace(".", "", 1).lstrip("+-").isdigit():
            return UNREADABLE  # msgspec reads it as seconds since 1970; nobody types that
        return trimmed + ":00" if WITHOUT_SECONDS.fullmatch(trimmed) else trimmed
    return trimmed


def _nested(plan: FieldPlan, value: object, data: Mapping[str, object]) -> object:
    assert isinstance(plan.kind, inspect.StructType)
    inner = value if isinstance(value, Mapping) else _under(plan.name, data)
    if not inner:
        return None if plan.nullable and plan.required else ABSENT
    return prepare_text(plan.kind.cls, inner)


def _collection(plan: FieldPlan, value: object, data: Mapping[str, object]) -> object:
    assert plan.item is not None
    if isinstance(plan.item.kind, inspect.StructType):
        form_type = plan.item.kind.cls
        return [prepare_text(form_type, item) for item in _items(plan.name, value, data)]
    if value is ABSENT:
        return []  # nothing chosen in a <select multiple> is nothing sent
    texts: Sequence[object] = value if isinstance(value, list | tuple) else [value]
    prepared = (_prepare(plan.item, text, {}) for text in texts)
    return [item for item in prepared if item is not ABSENT and item is not None]


def _items(name: str, value: object, data: Mapping[str, object]) -> list[Mapping[str, object]]:
    if isinstance(value, list | tuple):
        return [item for item in value if isinstance(item, Mapping)]
    by_number: dict[int, dict[str, object]] = {}
    for rest, text in _under(name, data).items():
        number, _dot, inner = rest.partition(".")
        # Not int() alone: it takes "+1" and "1_0", and a bounded length keeps it from being slow.
        if number.isascii() and number.isdigit() and len(number) < 6:
            by_number.setdefault(int(number), {})[inner] = text
    return [by_number[number] for number in sorted(by_number)]


def _under(name: str, data: Mapping[str, object]) -> dict[str, object]:
    prefix = name + "."
    return {key[len(prefix) :]: value for key, value in data.items() if key.startswith(prefix)}
