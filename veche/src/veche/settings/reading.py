"""Settings as data: what each field of a settings struct is called, means and may be.

One job: turn a msgspec.Struct whose fields are `Annotated[type, Meta(description=…, extra={"unit": …})]` into a list
that command lines, environment readers and documents are generated from.
Must not know: command lines, files, which program the settings belong to.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

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
    return build(settings_type, values)


def build(settings_type: type[SettingsType], values: Mapping[str, object]) -> SettingsType:
    """The settings struct made from `values` (text is converted), checked against every bound it declares.

    Raises SettingsError naming every setting that does not fit, with what it expects.
    """
    try:
        return msgspec.convert(values, settings_type, strict=False)
    except msgspec.ValidationError as error:
        wrong = [_refusal(settings_type, {name: value}) for name, value in values.items()]
        raise SettingsError("; ".join(filter(None, wrong)) or str(error)) from error


def _refusal(settings_type: type[msgspec.Struct], value: Mapping[str, object]) -> str:
    """What is wrong with this one value; empty when nothing is."""
    try:
        msgspec.convert(value, settings_type, strict=False)
    except msgspec.ValidationError as error:
        return str(error)
    return ""


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
    )
