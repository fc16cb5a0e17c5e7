"""What a field's type says to the browser.

One job: a field's plan → HTML attributes, so that no rule is written twice.
Must not know: values, errors, templates.
"""

from typing import Final

from msgspec import inspect

from veche.changes import FieldPlan

INPUT_TYPES: Final[dict[type[inspect.Type], str]] = {
    inspect.IntType: "number",
    inspect.FloatType: "number",
    inspect.DecimalType: "number",
    inspect.DateType: "date",
    inspect.DateTimeType: "datetime-local",
    inspect.TimeType: "time",
}


def input_type(plan: FieldPlan) -> str:
    """Return the `type` of the `<input>` that fits the field."""
    return INPUT_TYPES.get(type(plan.kind), "text")


def constraint_attributes(plan: FieldPlan) -> dict[str, str | bool]:
    """Return required, minlength, maxlength, min, max and step as far as the type has them.

    No pattern: JavaScript reads regular expressions otherwise than Python does, and a browser that refuses what the
    server takes cannot be argued with.
    """
    attributes: dict[str, str | bool] = {}
    if plan.required and not isinstance(plan.kind, inspect.BoolType):
        attributes["required"] = True
    match plan.kind:
        case inspect.StrType(min_length=least, max_length=most):
            _put(attributes, "minlength", least if least and least > 1 else None)
            _put(attributes, "maxlength", most)
        case inspect.IntType(gt=above, ge=least, lt=below, le=most, multiple_of=step):
            _put(attributes, "min", least if above is None else above + 1)
            _put(attributes, "max", most if below is None else below - 1)
            _put(attributes, "step", step)
        case inspect.FloatType(ge=least, le=most):
            _put(attributes, "min", least)
            _put(attributes, "max", most)
            attributes["step"] = "any"
        case inspect.DecimalType():
            attributes["step"] = "any"
    return attributes


def _put(attributes: dict[str, str | bool], name: str, value: float | None) -> None:
    if value is not None:
        attributes[name] = str(value)
