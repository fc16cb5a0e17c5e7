"""Casting: allow-list, conversion, every error at once (facts: Ecto's changeset)."""

import datetime
import enum
from typing import Annotated, ClassVar, Literal

import msgspec
import pytest
from msgspec import UNSET, Meta, UnsetType

from veche.changes import UNTRIMMED, ChangesError, Check, FieldError, cast, cast_json


class Level(enum.Enum):
    FIRST = "first"
    SECOND = "second"


class Lesson(msgspec.Struct):
    title: Annotated[str, Meta(min_length=2, max_length=20)]
    minutes: Annotated[int, Meta(ge=1, le=600)] = 10


class Place(msgspec.Struct):
    city: Annotated[str, Meta(min_length=1)]
    house: Annotated[int, Meta(ge=1)]


class Course(msgspec.Struct):
    title: Annotated[str, Meta(min_length=3, max_length=10)]
    seats: Annotated[int, Meta(ge=1, le=500)]
    level: Level = Level.FIRST
    kind: Literal["open", "closed"] = "open"
    starts: datetime.date | None = None
    opens: datetime.datetime | None = None
    price: float = 0.0
    public: bool = False
    tags: Annotated[list[Annotated[str, Meta(max_length=5)]], Meta(max_length=3)] = []
    lessons: list[Lesson] = []
    place: Place | None = None
    secret: Annotated[str, Meta(extra=UNTRIMMED)] = ""


class Change(msgspec.Struct):
    title: Annotated[str, Meta(max_length=5)] | UnsetType = UNSET
    seats: int | UnsetType = UNSET


def codes(errors: tuple[FieldError, ...]) -> dict[str, str]:
    return {error.field: error.code for error in errors}


def test_text_of_a_form_becomes_typed() -> None:
    sent = {
        "title": "  Asyncio \r\n",
        "seats": " 12 ",
        "level": "second",
        "starts": "2026-09-01",
        "opens": "2026-09-01T10:30",
        "public": "on",
        "tags": ["io", " net ", ""],
        "lessons.0.title": "Sockets",
        "lessons.1.title": "Loops",
        "lessons.1.minutes": "30",
        "place.city": "Псков",
        "place.house": "7",
    }
    changes = cast(Course, sent)
    assert changes.errors == ()
    assert changes.value == Course(
        title="Asyncio",
        seats=12,
        level=Level.SECOND,
        starts=datetime.date(2026, 9, 1),
        opens=datetime.datetime(2026, 9, 1, 10, 30),
        public=True,
        tags=["io", "net"],
        lessons=[Lesson("Sockets"), Lesson("Loops", 30)],
        place=Place("Псков", 7),
    )


def test_every_error_is_collected_with_its_code_and_numbers() -> None:
    sent = {
        "title": "ab",
        "seats": "501",
        "level": "third",
        "kind": "x",
        "starts": "tomorrow",
        "opens": "1",
        "price": "dear",
        "public": "perhaps",
        "tags": ["ok", "too long a tag"],
        "lessons.0.title": "x",
        "lessons.0.minutes": "0",
        "lessons.1.minutes": "5",
        "place.city": "",
        "place.house": "0",
    }
    changes = cast(Course, sent)
    assert changes.value is None
    assert codes(changes.errors) == {
        "title": "too_short",
        "seats": "too_large",
        "level": "choice",
        "kind": "choice",
        "starts": "date",
        "opens": "datetime",
        "price": "number",
        "public": "bool",
        "tags.1": "too_long",
        "lessons.0.title": "too_short",
        "lessons.0.minutes": "too_small",
        "lessons.1.title": "required",
        "place.city": "required",
        "place.house": "too_small",
    }
    assert changes.errors_for("title") == (FieldError("title", "too_short", {"min": 3}),)
    assert changes.errors_for("level")[0].parameters == {"of": "first, second"}


def test_what_did_convert_is_kept_and_what_was_typed_too() -> None:
    changes = cast(Course, {"title": "Asyncio", "seats": "many"})
    assert changes.converted["title"] == "Asyncio"
    assert "seats" not in changes.converted
    assert changes.raw["seats"] == "many"


def test_a_name_that_is_not_declared_cannot_be_assigned() -> None:
    changes = cast(Course, {"title": "Asyncio", "seats": "1", "is_admin": "1", "__class__": "x"})
    assert changes.errors == ()
    assert not hasattr(changes.value, "is_admin")


def test_an_undeclared_name_in_json_is_an_error_at_its_place() -> None:
    body = {"title": "Asyncio", "seats": 1, "seat": 2, "lessons": [{"title": "Sockets", "lenght": 1}]}
    assert codes(cast_json(Course, body).errors) == {"seat": "unknown", "lessons.0.lenght": "unknown"}
    assert cast_json(Course, body, refuse_unknown=False).errors == ()


@pytest.mark.parametrize("blank", ["", "   ", "\r\n", None])
def test_a_blank_field_without_default_is_required(blank: str | None) -> None:
    sent = {"seats": "1"} if blank is None else {"seats": "1", "title": blank}
    assert cast(Course, sent).errors == (FieldError("title", "required"),)


def test_a_blank_field_with_default_is_its_default_and_a_blank_optional_is_none() -> None:
    changes = cast(Course, {"title": "Asyncio", "seats": "1", "kind": "", "starts": " "})
    assert changes.value is not None
    assert changes.value.kind == "open"
    assert changes.value.starts is None


def test_a_box_that_is_not_ticked_is_false_because_browsers_send_nothing() -> None:
    class Settings(msgspec.Struct):
        letters: bool = True

    assert cast(Settings, {}).value == Settings(letters=False)
    assert cast(Settings, {"letters": ["off", "on"]}).value == Settings(letters=True)


def test_spaces_of_an_untrimmed_text_are_kept() -> None:
    changes = cast(Course, {"title": "Asyncio", "seats": "1", "secret": " pass "})
    assert changes.value is not None
    assert changes.value.secret == " pass "


def test_a_person_may_be_called_null_and_a_number_may_not() -> None:
    class Person(msgspec.Struct):
        name: str | None = None
        age: int | None = None

    changes = cast(Person, {"name": "Null", "age": "null"})
    assert codes(changes.errors) == {"age": "whole_number"}
    assert changes.converted["name"] == "Null"


@pytest.mark.parametrize(
    ("text", "shown"), [("a\x00bc", "U+0000"), ("abc\ud800", "U+D800"), ("ab\x1bc\x00", "U+0000, U+001B")]
)
def test_characters_that_no_database_keeps_are_named(text: str, shown: str) -> None:
    expected = FieldError("title", "forbidden_characters", {"characters": shown})
    assert cast(Course, {"title": text, "seats": "1"}).errors == (expected,)
    both = cast_json(Course, {"title": text, "seats": 0})
    assert codes(both.errors) == {"title": "forbidden_characters", "seats": "too_small"}
    assert both.converted == {}


@pytest.mark.parametrize(("number", "code"), [(2**63, "too_large"), (-(2**63) - 1, "too_small")])
def test_an_integer_outside_64_bits_is_refused(number: int, code: str) -> None:
    class Counter(msgspec.Struct):
        count: int
        name: str = ""

    changes = cast(Counter, {"count": str(number), "name": "x"})
    assert codes(changes.errors) == {"count": code}
    assert changes.converted == {"name": "x"}


@pytest.mark.parametrize("text", ["nan", "inf", "-Infinity"])
def test_infinities_are_no_numbers(text: str) -> None:
    assert codes(cast(Course, {"title": "Asyncio", "seats": "1", "price": text}).errors) == {"price": "number"}


def test_json_is_not_guessed() -> None:
    body = {"title": 5, "seats": "1", "public": "on", "starts": None, "tags": "io", "place": [], "level": None}
    assert codes(cast_json(Course, body).errors) == {
        "title": "text",
        "seats": "whole_number",
        "public": "bool",
        "tags": "list",
        "place": "object",
        "level": "null",
    }


def test_an_integral_number_of_json_is_an_integer() -> None:  # RFC 8259 §6
    class Counts(msgspec.Struct):
        many: list[int]
        one: int | None = None
        lesson: Lesson | None = None

    changes = cast_json(Counts, {"one": 5.0, "many": [1, 2.0], "lesson": {"title": "Sockets", "minutes": 3.0}})
    assert changes.value == Counts([1, 2], 5, Lesson("Sockets", 3))
    wrong = cast_json(Counts, {"one": 5.5, "many": [1e300, "1.0"]})
    assert codes(wrong.errors) == {"one": "whole_number", "many.0": "too_large", "many.1": "whole_number"}


@pytest.mark.parametrize("body", [None, [], "text", 1])
def test_json_that_is_no_object_is_one_error_of_the_whole(body: object) -> None:
    assert cast_json(Course, body).errors == (FieldError("", "object"),)


def test_what_a_patch_leaves_out_is_unset() -> None:
    changes = cast_json(Change, {"seats": 5})
    assert changes.value is not None
    assert changes.value.title is UNSET
    assert codes(cast_json(Change, {"title": "too long", "seats": "1"}).errors) == {
        "title": "too_long",
        "seats": "whole_number",
    }


def test_lists_are_counted() -> None:
    sent = {"title": "Asyncio", "seats": "1", "tags": ["a", "b", "c", "d"]}
    assert cast(Course, sent).errors == (FieldError("tags", "too_many", {"max": 3}),)


class Passwords(msgspec.Struct):
    first: Annotated[str, Meta(min_length=8)]
    again: str


def same(first: str, again: str) -> FieldError | None:
    return None if first == again else FieldError("again", "mismatch")


SAME = Check(("first", "again"), same)


def test_a_check_over_several_fields_runs_when_they_converted() -> None:
    assert codes(cast(Passwords, {"first": "long enough", "again": "other"}, checks=[SAME]).errors) == {
        "again": "mismatch"
    }
    assert cast(Passwords, {"first": "long enough", "again": "long enough"}, checks=[SAME]).errors == ()


def test_a_check_does_not_run_on_what_did_not_convert() -> None:
    assert codes(cast(Passwords, {"first": "short", "again": "x"}, checks=[SAME]).errors) == {"first": "too_short"}


def test_a_check_runs_beside_errors_of_other_fields() -> None:
    class Signup(Passwords):
        age: int

    sent = {"first": "long enough", "again": "other", "age": "old"}
    assert codes(cast(Signup, sent, checks=[SAME]).errors) == {"age": "whole_number", "again": "mismatch"}


def test_a_form_type_keeps_its_own_checks() -> None:
    class Renewal(Passwords):
        checks: ClassVar[tuple[Check, ...]] = (SAME,)

    assert codes(cast(Renewal, {"first": "long enough", "again": "other"}).errors) == {"again": "mismatch"}
    assert codes(cast_json(Renewal, {"first": "long enough", "again": "other"}).errors) == {"again": "mismatch"}


def test_a_check_that_names_no_field_is_a_mistake_of_the_program() -> None:
    with pytest.raises(ChangesError, match="frist"):
        cast(Passwords, {}, checks=[Check(("frist",), same)])


def test_an_added_error_takes_the_value_and_keeps_the_inputs() -> None:
    changes = cast(Passwords, {"first": "long enough", "again": "long enough"})
    refused = changes.with_error("first", "taken")
    assert refused.value is None
    assert refused.errors == (FieldError("first", "taken"),)
    assert refused.converted == {"first": "long enough", "again": "long enough"}
    assert changes.value is not None


def test_what_only_the_whole_refuses_is_an_error_of_the_whole() -> None:
    class Span(msgspec.Struct):
        start: int
        end: int

        def __post_init__(self) -> None:
            if self.end < self.start:
                raise ValueError("ends before it starts")

    assert cast(Span, {"start": "2", "end": "1"}).errors == (FieldError("", "invalid"),)


def test_names_in_the_input_follow_rename() -> None:
    class Renamed(msgspec.Struct, rename="camel"):
        first_name: Annotated[str, Meta(max_length=3)]

    changes = cast(Renamed, {"firstName": "Анна"})
    assert codes(changes.errors) == {"firstName": "too_long"}
    good = cast(Renamed, {"firstName": "Аня"})
    assert good.value == Renamed("Аня")
