"""Command line options made from a settings struct.

One job: one click option for each setting, with its name, type, default, unit and meaning, and its variable.
Must not know: which settings, which command.
"""

from collections.abc import Sequence
from typing import Any

import click

from veche.settings import Setting, refusal


def options_of(settings: Sequence[Setting], *, prefix: str) -> list[click.Option]:
    """An option for each setting: --name-with-dashes, or PREFIX_NAME in the environment."""
    return [_option(setting, prefix) for setting in settings]


class _SettingOption(click.Option):
    """It refuses a value that has not even its kind as the settings refuse one that is out of bounds.

    click would name the option alone, also when the value came from the environment.
    """

    def __init__(self, *declarations: Any, setting: Setting, prefix: str, **attributes: Any) -> None:
        super().__init__(*declarations, **attributes)
        self._setting = setting
        self._prefix = prefix

    def type_cast_value(self, ctx: click.Context, value: Any) -> Any:
        try:
            return super().type_cast_value(ctx, value)
        except click.BadParameter as error:
            raise click.UsageError(refusal(self._setting, value, self._prefix), ctx) from error


def _option(setting: Setting, prefix: str) -> click.Option:
    name = setting.option
    if setting.kind is bool:
        name = f"{name}/--no-{name.removeprefix('--')}"
    return _SettingOption(
        [name, setting.name],
        setting=setting,
        prefix=prefix,
        type=click.Choice(setting.choices) if setting.choices else setting.kind,
        multiple=setting.many,
        default=setting.default,
        show_default=True,
        metavar=_metavar(setting),
        envvar=setting.variable(prefix),
        show_envvar=False,
        help=setting.doc,
    )


def _metavar(setting: Setting) -> str | None:
    if setting.kind is bool or setting.choices:
        return None
    return (setting.unit or {str: "text", int: "number", float: "number"}[setting.kind]).upper()


def given(values: dict[str, Any]) -> dict[str, object]:
    """click's values as a settings struct takes them: without the settings that are not set."""
    return {name: value for name, value in values.items() if value is not None}
