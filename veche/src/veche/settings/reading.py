"""Settings as data: what each field of a settings struct is called, means and may be.

One job: turn a msgspec.Struct whose fields are `Annotated[type, Meta(description=…, extra={"unit": …})]` into a list
that command lines, environment readers, refusals and documents are generated from. A setting with a pattern says in
extra["expected"] what that means.
Must not know: command lines, files, which program the settings belong to.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from types import UnionType
from typing import Annotated, Any, Final, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec

SettingsType = TypeVar("SettingsType", bound=msgspec.Struct)


class SettingsError(ValueError):
    """A value from outside (environment, command line, file) does not fit its setting; the text names both."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: the single place from which options and documents take name, default, unit and meaning."""

    name: str
    kind: type  # str, int, float or bool; of the items when `many`
    many: bool
    choices: tuple[str, ...]
    default: object
    unit: str
    doc: str
    expected: str  # what may be given, in words: "a number of seconds, more than 0"

    @property
    def option(self) -> str:
        """The name on a command line: head_seconds → --head-seconds."""
        return "--" + self.name.replace("_", "-")

    def variable(self, prefix: str) -> str:
        """The name in the environment: head_seconds → VECHE_HEAD_SECONDS."""
        return f"{prefix}_{self.name}".upper()


def settings_of(settings_type: type[msgspec.Struct]) -> tuple[Setting, ...]:
    """Every setting of the struct, in the order in which it declares them; those it inherits follow."""
    hints = get_type_hints(settings_type, include_extras=True)
    fields = {field.name: field for field in msgspec.structs.fields(settings_type)}
    names = [name for base in settings_type.__mro__ for name in vars(base).get("__annotations__", {}) if name in fields]
    return tuple(_setting(fields[name], hints[name]) for name in dict.fromkeys(names))


def read_environment(settings_type: type[SettingsType], environ: Mapping[str, str], *, prefix: str) -> SettingsType:
    """The settings with every variable PREFIX_NAME of `environ` applied over the defaults.

    A setting that takes many values takes them separated by white space.
    Raises SettingsError naming the variable whose value does not fit.
    """
    values: dict[str, object] = {}
    for setting in settings_of(settings_type):
        text = environ.get(setting.variable(prefix))
        if text is not None:
            values[setting.name] = text.split() if setting.many else text
    return build(settings_type, values, prefix=prefix)


def build(settings_type: type[SettingsType], values: Mapping[str, object], *, prefix: str) -> SettingsType:
    """The settings struct made from `values` (text is converted), checked against every bound it declares.

    Raises SettingsError naming every setting that does not fit, as an option and as the variable PREFIX_NAME, with
    what was given and what is expected.
    """
    wrong = [
        refusal(setting, values[setting.name], prefix)
        for setting in settings_of(settings_type)
        if setting.name in values and not _fits(settings_type, setting.name, values[setting.name])
    ]
    if wrong:
        raise SettingsError("; ".join(wrong))
    return msgspec.convert(values, settings_type, strict=False)


def refusal(setting: Setting, value: object, prefix: str) -> str:
    """Why a value is not taken: the option and the variable, what was given, what is expected."""
    given = repr(value) if value or not isinstance(value, (list, tuple)) else "nothing"
    return f"{setting.option} ({setting.variable(prefix)}): given {given}; expected {setting.expected}"


def _fits(settings_type: type[msgspec.Struct], name: str, value: object) -> bool:
    try:
        taken = getattr(msgspec.convert({name: value}, settings_type, strict=False), name)
    except msgspec.ValidationError:
        return False
    return not isinstance(taken, float) or isfinite(taken)  # "nan" is a float to msgspec, and within every bound


def _setting(field: msgspec.structs.FieldInfo, hint: Any) -> Setting:
    meta = msgspec.Meta()
    if get_origin(hint) is Annotated:
        hint, *extras = get_args(hint)
        meta = next((extra for extra in extras if isinstance(extra, msgspec.Meta)), meta)
    many = get_origin(hint) is tuple
    if many:
        hint = get_args(hint)[0]
    choices: tuple[str, ...] = ()
    if get_origin(hint) is Literal:
        choices, hint = get_args(hint), str
    if get_origin(hint) in (Union, UnionType):
        hint = next(member for member in get_args(hint) if member is not type(None))
    return Setting(
        name=field.name,
        kind=hint,
        many=many,
        choices=choices,
        default=field.default,
        unit=str((meta.extra or {}).get("unit", "")),
        doc=meta.description or "",
        expected=_expected(hint, many=many, choices=choices, meta=meta),
    )


KINDS: Final = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}


def _expected(kind: type, *, many: bool, choices: tuple[str, ...], meta: msgspec.Meta) -> str:
    extra = meta.extra or {}
    if choices:
        return f"one of {', '.join(choices)}"
    if many:
        return "one or more" if meta.min_length else "any number of them"
    if meta.pattern is not None:
        return str(extra.get("expected", f"text that matches {meta.pattern}"))
    if kind is str:
        return "text that is not empty" if meta.min_length else "text"
    words = f"{KINDS[kind]} of {extra['unit']}" if "unit" in extra else KINDS[kind]
    bounds = {"at least": meta.ge, "more than": meta.gt, "at most": meta.le, "less than": meta.lt}
    told = [f"{name} {bound}" for name, bound in bounds.items() if bound is not None]
    return f"{words}, {' and '.join(told)}" if told else words
