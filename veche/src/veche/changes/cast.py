"""Typed changes from untyped input, or every error of it at once.

One job: allow-list, convert, check; in that order, and none of them stops at its first error.
Must not know: HTTP, the database, languages.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Generic, TypeVar

import msgspec
from msgspec import inspect

from veche.changes.errors import ChangesError, FieldError
from veche.changes.explain import explain
from veche.changes.json_numbers import prepare_json
from veche.changes.plan import FieldPlan, plan_of
from veche.changes.storable import under, unstorable
from veche.changes.text import prepare_text

T = TypeVar("T", bound=msgspec.Struct)

REFUSED: Final = object()  # what a conversion returns when it has added to the errors


@dataclass(frozen=True, slots=True)
class Check:
    """A rule over several inputs, or one that no type can say; it runs only when all its inputs converted.

    inputs: attribute names of the form type; test takes their values in this order and returns what is wrong, or None.
    """

    inputs: tuple[str, ...]
    test: Callable[..., FieldError | None]


@dataclass(frozen=True, slots=True)
class Changes(Generic[T]):
    """The outcome of a cast: value, or the errors that stand in its way; never both.

    raw: the input as it came, for showing it again; converted: attribute → value of the inputs that did convert.
    """

    form_type: type[T]
    raw: Mapping[str, object]
    value: T | None
    errors: tuple[FieldError, ...] = ()
    converted: Mapping[str, object] = field(default_factory=dict)

    def errors_for(self, name: str) -> tuple[FieldError, ...]:
        """Return the errors of the input called name, first found first."""
        return tuple(error for error in self.errors if error.field == name)

    def with_error(self, name: str, code: str, **parameters: str | int | float) -> "Changes[T]":
        """Return these changes with one more error; they have no value any more."""
        converted = self.converted if self.value is None else msgspec.structs.asdict(self.value)
        errors = (*self.errors, FieldError(name, code, parameters))
        return replace(self, value=None, errors=errors, converted=converted)


def cast(form_type: type[T], data: Mapping[str, object], *, checks: Iterable[Check] = ()) -> Changes[T]:
    """Return the changes that the texts of an HTML form or a query string make.

    data: name → text, or name → list of all texts sent under it. Names form_type does not declare are ignored.
    checks: run after those that form_type keeps itself, as `checks: ClassVar[tuple[Check, ...]]`.
    """
    return _cast(form_type, data, prepare_text(form_type, data), checks, strict=False)


def cast_json(
    form_type: type[T], data: object, *, checks: Iterable[Check] = (), refuse_unknown: bool = True
) -> Changes[T]:
    """Return the changes that a decoded JSON value makes; types are not guessed: "1" is no number.

    A name that form_type does not declare is an error "unknown" unless refuse_unknown is false: a caller of an API who
    misspells a name must hear of it.
    """
    if not isinstance(data, Mapping):
        return Changes(form_type, {}, None, (FieldError("", "object"),))
    unknown = tuple(_unknown(form_type, data, "")) if refuse_unknown else ()
    return _cast(form_type, data, prepare_json(form_type, data), checks, strict=True, errors=unknown)


def _cast(
    form_type: type[T],
    raw: Mapping[str, object],
    prepared: Mapping[str, object],
    checks: Iterable[Check],
    *,
    strict: bool,
    errors: tuple[FieldError, ...] = (),
) -> Changes[T]:
    found = list(errors)
    converted: dict[str, object] = {}
    value = _convert_struct(form_type, prepared, "", converted, found, strict=strict)
    if isinstance(value, form_type):
        converted = msgspec.structs.asdict(value)
    own: Iterable[Check] = getattr(form_type, "checks", ())  # a ClassVar; most form types have none
    for check in (*own, *checks):
        _require_known(form_type, check)
        if all(name in converted for name in check.inputs):
            error = check.test(*(converted[name] for name in check.inputs))
            if error is not None:
                found.append(error)
    if found or not isinstance(value, form_type):
        return Changes(form_type, raw, None, tuple(found), converted)
    return Changes(form_type, raw, value)


def _convert_struct(
    form_type: type[msgspec.Struct],
    data: Mapping[str, object],
    path: str,
    converted: dict[str, object],
    errors: list[FieldError],
    *,
    strict: bool,
) -> object:
    """Return the struct, or REFUSED after adding every error; converted gets the attributes that are good."""
    before = len(errors)
    try:
        value = msgspec.convert(data, form_type, strict=strict)
    except msgspec.ValidationError:
        for plan in plan_of(form_type):
            result = _convert_field(plan, data, path, errors, strict=strict)
            if result is not REFUSED:
                converted[plan.attribute] = result
        if len(errors) == before:  # every field is good alone: __post_init__ refused them together
            errors.append(FieldError(path, "invalid"))
        return REFUSED
    if problems := list(unstorable(value, path)):
        errors.extend(problems)
        refused = {problem.field.removeprefix(path).lstrip(".").partition(".")[0] for problem in problems}
        for plan in plan_of(form_type):
            if plan.name not in refused:
                converted[plan.attribute] = getattr(value, plan.attribute)
        return REFUSED
    return value


def _convert_field(
    plan: FieldPlan, data: Mapping[str, object], path: str, errors: list[FieldError], *, strict: bool
) -> object:
    if plan.name in data:
        return _convert(plan, data[plan.name], under(path, plan.name), errors, strict=strict)
    if plan.required:
        errors.append(FieldError(under(path, plan.name), "required"))
    return REFUSED  # a default is no input: a check must not run on it while the form is wrong


def _convert(plan: FieldPlan, value: object, path: str, errors: list[FieldError], *, strict: bool) -> object:
    before = len(errors)
    if isinstance(plan.kind, inspect.StructType) and isinstance(value, Mapping):
        return _convert_struct(plan.kind.cls, value, path, {}, errors, strict=strict)
    if plan.item is not None and isinstance(value, list | tuple):
        for number, item in enumerate(value):
            _convert(plan.item, item, under(path, str(number)), errors, strict=strict)
        if len(errors) > before:
            return REFUSED
    try:
        result: object = msgspec.convert(value, plan.annotation, strict=strict)
    except msgspec.ValidationError:
        code, parameters = explain(plan.kind, value, strict=strict)
        errors.append(FieldError(path, code, parameters))
        return REFUSED
    errors.extend(unstorable(result, path))
    return REFUSED if len(errors) > before else result


def _unknown(form_type: type[msgspec.Struct], data: Mapping[Any, object], path: str) -> Iterable[FieldError]:
    plans = {plan.name: plan for plan in plan_of(form_type)}
    for name, value in data.items():
        plan = plans.get(name)
        place = under(path, str(name))
        if plan is None:
            yield FieldError(place, "unknown")
        elif isinstance(plan.kind, inspect.StructType) and isinstance(value, Mapping):
            yield from _unknown(plan.kind.cls, value, place)
        elif plan.item is not None and isinstance(plan.item.kind, inspect.StructType) and isinstance(value, list):
            for number, item in enumerate(value):
                if isinstance(item, Mapping):
                    yield from _unknown(plan.item.kind.cls, item, under(place, str(number)))


def _require_known(form_type: type[msgspec.Struct], check: Check) -> None:
    missing = [name for name in check.inputs if name not in form_type.__struct_fields__]
    if missing:
        known = ", ".join(form_type.__struct_fields__)
        raise ChangesError(f"a check names {missing}; {form_type.__name__} has {known}; name its attributes")
