"""JSON has one kind of number: 5.0 is 5 (RFC 8259 §6; JSON Schema calls it an integer).

One job: integral floats become integers where the form type wants integers.
Must not know: errors. Anything else is left as it came.
"""

from collections.abc import Mapping

import msgspec
from msgspec import inspect

from veche.changes.plan import FieldPlan, plan_of


def prepare_json(form_type: type[msgspec.Struct], data: Mapping[str, object]) -> Mapping[str, object]:
    """Return data with 5.0 as 5 in every integer field of form_type."""
    changed = {}
    for plan in plan_of(form_type):
        if plan.name in data:
            value = data[plan.name]
            prepared = _prepare(plan, value)
            if prepared is not value:
                changed[plan.name] = prepared
    return {**data, **changed} if changed else data


def _prepare(plan: FieldPlan, value: object) -> object:
    if isinstance(value, float):
        return int(value) if isinstance(plan.kind, inspect.IntType) and value.is_integer() else value
    if isinstance(value, Mapping) and isinstance(plan.kind, inspect.StructType):
        return prepare_json(plan.kind.cls, value)
    if isinstance(value, list) and plan.item is not None:
        return [_prepare(plan.item, item) for item in value]
    return value
