"""`Form[T]`: what a browser sent, as a T or as errors beside the inputs, with what was typed kept.

One job: tie Changes to one HTML form: its id, its texts, its errors in the order of its fields.
Must not know: templates, languages, the database.
"""

import datetime
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any, Generic, TypeVar, cast

import msgspec

from veche.changes import Changes, FieldError, FieldPlan, plan_of, with_constraint
from veche.changes import cast as cast_form
from veche.web.forms.attributes import constraint_attributes, input_type
from veche.web.requests import FormData, Request

T = TypeVar("T", bound=msgspec.Struct)


@dataclass(frozen=True, slots=True)
class Form(Generic[T]):
    """A form: empty (`Form.empty(Registration)`), filled from a value, or sent (a handler's parameter `Form[T]`).

    changes: None while nothing was sent; initial: what the inputs show then. id: stable, and one per page.
    """

    form_type: type[T]
    id: str
    changes: Changes[T] | None = None
    initial: Mapping[str, object] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict, compare=False)
    """What the page calls its inputs; the macros put it here, so that the summary can name what it leads to."""

    @classmethod
    def empty(cls, form_type: type[T], initial: msgspec.Struct | Mapping[str, object] | None = None) -> "Form[T]":
        """Return a form to be filled in; initial: names → values, or any struct with fields of these names."""
        if isinstance(initial, msgspec.Struct):
            initial = {name: getattr(initial, name) for name in initial.__struct_fields__}
        defaults = {known.encode_name: known.default for known in msgspec.structs.fields(form_type)}
        shown = {name: value for name, value in defaults.items() if value is not msgspec.NODEFAULT}
        return cls(form_type, _id_of(form_type), None, {**shown, **(initial or {})})

    @classmethod
    async def from_request(cls, request: Request, argument: Any, /) -> "Form[T]":
        """Return the form that was sent; the kernel calls it for a parameter `form: Form[Registration]`."""
        form_type = cast("type[T]", argument)
        return cls(form_type, _id_of(form_type), cast_form(form_type, _texts(await request.form())))

    def named(self, id: str) -> "Form[T]":  # the attribute of HTML
        """Return the form under another id, for a page that holds several of one type."""
        return replace(self, id=id)

    @property
    def value(self) -> T | None:
        """What was sent, when all of it is good."""
        return None if self.changes is None else self.changes.value

    @property
    def errors(self) -> tuple[FieldError, ...]:
        """Every error, in the order in which they were found."""
        return () if self.changes is None else self.changes.errors

    @property
    def raw(self) -> Mapping[str, object]:
        """What was typed: name → all texts sent under it."""
        return {} if self.changes is None else self.changes.raw

    @property
    def summary(self) -> tuple[FieldError, ...]:
        """Every error in the order in which a reader meets the inputs; those of the whole form come first."""
        order = {plan.name: number for number, plan in enumerate(plan_of(self.form_type))}
        return tuple(sorted(self.errors, key=lambda error: order.get(error.field.partition(".")[0], -1)))

    def error_for(self, name: str) -> FieldError | None:
        """Return the first error of an input; one of its items ("tags.1") counts as its own."""
        return next((one for one in self.errors if one.field == name or one.field.startswith(name + ".")), None)

    def with_error(self, name: str, code: str, **parameters: str | int | float) -> "Form[T]":
        """Return the form with one more error beside the input called name; "" is the whole form."""
        changes = self.changes or Changes(self.form_type, {}, None)
        return replace(self, changes=changes.with_error(name, code, **parameters))

    def with_constraint(self, violated_name: str, mapping: Mapping[str, tuple[str, str]]) -> "Form[T]":
        """Return the form with the error of a constraint that the database refused (changes.with_constraint)."""
        changes = self.changes or Changes(self.form_type, {}, None)
        return replace(self, changes=with_constraint(changes, violated_name, mapping))

    def text_of(self, name: str) -> str:
        """Return what the input shows: what was typed, else the initial value, written as HTML inputs want it."""
        texts = self.texts_of(name)
        return texts[-1] if texts else ""

    def texts_of(self, name: str) -> list[str]:
        """Return all that was chosen in an input with several values."""
        if self.raw:
            sent = self.raw.get(name, [])
            return [text for text in (sent if isinstance(sent, list) else [sent]) if isinstance(text, str)]
        value = self.initial.get(name)
        values = value if isinstance(value, list | tuple | set | frozenset) else [value]
        return [_text(one) for one in values if one is not None and one is not msgspec.UNSET]

    def is_ticked(self, name: str) -> bool:
        """Return whether a check box is shown ticked."""
        return self.text_of(name).strip().lower() in ("on", "true", "1", "yes")

    def input_id(self, name: str) -> str:
        """Return the id of an input; the errors of the summary lead to it."""
        # An item's error leads to the whole input: "tags.1" is shown at tags.
        known = {plan.name for plan in plan_of(self.form_type)}
        own = name if name in known else name.partition(".")[0]
        return f"{self.id}-{own.replace('_', '-')}"

    def note_label(self, name: str, label: str) -> str:
        """Keep the label of an input for label_of; returns "", for templates."""
        self.labels[name] = label
        return ""

    def label_of(self, name: str) -> str:
        """Return the label under which the page shows an input; "" when it shows none."""
        return self.labels.get(name) or self.labels.get(name.partition(".")[0], "")

    def input_type(self, name: str) -> str:
        """Return the `type` of the `<input>` that fits the field."""
        return input_type(self._plan(name))

    def attributes(self, name: str) -> dict[str, str | bool]:
        """Return what the field's type lets the browser say before anything is sent."""
        return constraint_attributes(self._plan(name))

    def _plan(self, name: str) -> FieldPlan:
        for plan in plan_of(self.form_type):
            if plan.name == name:
                return plan
        known = ", ".join(plan.name for plan in plan_of(self.form_type))
        raise LookupError(f"{self.form_type.__name__} has no field {name!r}; it has {known}; correct the template")


def _texts(sent: FormData) -> dict[str, object]:
    """Return name → everything sent under it; a file input in which nothing was chosen sends nothing."""
    texts: dict[str, list[object]] = {}
    for name, value in sent.multi_items():
        if isinstance(value, str) or value.filename:
            texts.setdefault(name, []).append(value)
    return dict(texts)


def _id_of(form_type: type[msgspec.Struct]) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", form_type.__name__).lower()


def _text(value: object) -> str:
    match value:
        case bool():
            return "on" if value else ""
        case Enum():
            return str(value.value)
        case datetime.datetime():
            return value.replace(tzinfo=None).isoformat(timespec="minutes")  # what datetime-local shows
        case datetime.date() | datetime.time():
            return value.isoformat()
        case _:
            return str(value)
