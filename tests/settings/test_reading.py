"""A settings struct read as data: names, units, environment, and errors that name the setting."""

from typing import Annotated, Literal

import pytest
from msgspec import Meta, Struct, defstruct

from veche.settings import SettingsError, build, read_environment, settings_of


class Example(Struct, frozen=True, kw_only=True):
    bind: Annotated[tuple[str, ...], Meta(min_length=1, description="Where.")] = ("a", "b")
    idle_seconds: Annotated[float, Meta(gt=0, description="How long.", extra={"unit": "seconds"})] = 2.5
    mode: Annotated[Literal["slow", "fast"], Meta(description="How.")] = "slow"
    log: bool = True


def test_settings_are_listed_in_their_order_with_default_unit_and_doc() -> None:
    bind, idle, mode, log = settings_of(Example)
    assert (bind.many, bind.kind, bind.default) == (True, str, ("a", "b"))
    assert (idle.option, idle.variable("veche"), idle.unit, idle.doc) == (
        "--idle-seconds",
        "VECHE_IDLE_SECONDS",
        "seconds",
        "How long.",
    )
    assert mode.choices == ("slow", "fast")
    assert log.kind is bool


def test_the_environment_is_read_over_the_defaults_and_other_variables_are_left_alone() -> None:
    environ = {"X_IDLE_SECONDS": "7", "X_BIND": "c d", "X_LOG": "0", "IDLE_SECONDS": "9"}
    assert read_environment(Example, environ, prefix="X") == Example(bind=("c", "d"), idle_seconds=7.0, log=False)


def test_inherited_settings_follow_those_of_the_struct_itself() -> None:
    class Wider(Example, frozen=True, kw_only=True):
        extra: int = 1

    assert [setting.name for setting in settings_of(Wider)] == ["extra", "bind", "idle_seconds", "mode", "log"]


@pytest.mark.parametrize("bad", [{"idle_seconds": "0"}, {"idle_seconds": "soon"}, {"mode": "other"}, {"bind": []}])
def test_a_value_out_of_bounds_is_refused_and_its_setting_is_named(bad: dict[str, object]) -> None:
    [setting] = [setting for setting in settings_of(Example) if setting.name in bad]
    with pytest.raises(SettingsError) as refused:
        build(Example, bad, prefix="X")
    text = str(refused.value)
    assert text.startswith(f"{setting.option} ({setting.variable('X')}): given ")
    assert text.endswith(f"; expected {setting.expected}")


def test_every_wrong_setting_is_named_at_once() -> None:
    with pytest.raises(SettingsError, match=r"--idle-seconds .*--mode "):
        build(Example, {"idle_seconds": -1, "mode": "none", "log": "true"}, prefix="X")


@pytest.mark.parametrize(
    ("bound", "words"),
    [
        (Meta(ge=0, extra={"unit": "processes"}), "a whole number of processes, at least 0"),
        (Meta(gt=0, le=10), "a whole number, more than 0 and at most 10"),
        (Meta(), "a whole number"),
    ],
)
def test_what_is_expected_is_said_in_words(bound: Meta, words: str) -> None:
    made = defstruct("Made", [("number", Annotated[int, bound], 1)])
    assert settings_of(made)[0].expected == words


@pytest.mark.parametrize("text", ["nan", "inf", "-inf"])
def test_a_number_that_is_none_is_refused(text: str) -> None:  # msgspec lets it through every bound
    with pytest.raises(SettingsError, match=f"--idle-seconds .*given '{text}'; expected a number of seconds"):
        build(Example, {"idle_seconds": text}, prefix="X")
