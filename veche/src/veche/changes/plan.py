"""What a form type asks of each of its fields, read once per type.

One job: from a msgspec.Struct class to a tuple of FieldPlan.
Must not know: input data, errors.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Final, TypeAlias, get_args, get_origin

import msgspec
from msgspec import inspect

# Meta(extra=UNTRIMMED) keeps the spaces around a text: a password may begin with one.
UNTRIMMED: Final[dict[str, bool]] = {"trim": False}

Collection: TypeAlias = inspect.ListType | inspect.SetType | inspect.FrozenSetType | inspect.VarTupleType
COLLECTIONS: Final = (inspect.ListType, inspect.SetType, inspect.FrozenSetType, inspect.VarTupleType)


@dataclass(frozen=True, slots=True)
class FieldPlan:
    """One field: its name in the input, the annotation that converts it, and what the annotation means."""

    name: str  # in the input; the attribute may be called otherwise (Struct's rename)
    attribute: str
    annotation: Any  # what msgspec.convert takes; the typing module has no narrower type for it
    kind: inspect.Type  # without "| None", Annotated and UNSET
    nullable: bool
    required: bool
    trimmed: bool
    item: "FieldPlan | None"  # of a collection


@cache  # pure: a class never changes its fields
def plan_of(form_type: type[msgspec.Struct]) -> tuple[FieldPlan, ...]:
    """Return the plans of all fields of form_type, in their order."""
    described = inspect.type_info(form_type)
    assert isinstance(described, inspect.StructType), f"{form_type} is not a msgspec.Struct"
    return tuple(
        _plan(known.encode_name, known.name, declared.type, known.type, required=known.required)
        for known, declared in zip(described.fields, msgspec.structs.fields(form_type), strict=True)
    )


def _plan(name: str, attribute: str, annotation: Any, described: inspect.Type, *, required: bool) -> FieldPlan:
    kind, extra = _bare(described)
    nullable = isinstance(kind, inspect.NoneType)
    if isinstance(kind, inspect.UnionType):
        nullable = kind.includes_none
        others = [member for member in kind.types if not isinstance(member, inspect.NoneType)]
        if len(others) == 1:
            kind, inner_extra = _bare(others[0])
            extra = {**inner_extra, **extra}
    item = None
    if isinstance(kind, COLLECTIONS):
        item = _plan(name, attribute, _item_annotation(annotation), kind.item_type, required=True)
    return FieldPlan(name, attribute, annotation, kind, nullable, required, extra.get("trim", True) is True, item)


def _bare(described: inspect.Type) -> tuple[inspect.Type, Mapping[str, object]]:
    extra: dict[str, object] = {}
    while isinstance(described, inspect.Metadata):
        extra |= described.extra or {}
        described = described.type
    return described, extra


def _item_annotation(annotation: Any) -> Any:
    """Return what stands between the brackets of the list, set or tuple inside an annotation."""
    if get_origin(annotation) is Annotated:
        return _item_annotation(get_args(annotation)[0])
    if get_origin(annotation) in (list, set, frozenset, tuple):
        return get_args(annotation)[0]
    for member in get_args(annotation):  # list[str] | None
        if (found := _item_annotation(member)) is not Any:
            return found
    return Any
