"""A bound form: what was sent, its errors, and what the inputs show again."""

import asyncio
import datetime
import enum
from typing import Annotated

import httpx
import msgspec
import pytest
from msgspec import Meta

from veche.changes import FieldError, UnmappedConstraint
from veche.web import Application, PlainTextResponse, Response, Route
from veche.web.forms import Form


class Level(enum.Enum):
    FIRST = "first"
    SECOND = "second"


class NewCourse(msgspec.Struct):
    title: Annotated[str, Meta(min_length=3, max_length=40)]
    seats: Annotated[int, Meta(ge=1, le=500)]
    level: Level = Level.FIRST
    public: bool = True
    starts: datetime.date | None = None
    tags: list[str] = []


class Stored(msgspec.Struct):
    id: int
    title: str
    seats: int
    public: bool
    starts: datetime.date
    tags: list[str]


def send(data: dict[str, str | list[str]], files: dict[str, tuple[str, bytes]] | None = None) -> Form[NewCourse]:
    """Return the form that a handler gets when a browser sends data."""
    received: list[Form[NewCourse]] = []

    async def take(form: Form[NewCourse]) -> Response:
        received.append(form)
        return PlainTextResponse("taken")

    async def post() -> None:
        application = Application([Route("/", take, methods=("POST",))])
        async with httpx.AsyncClient(transport=httpx.ASGITransport(application), base_url="http://site") as client:
            answer = await client.post("/", data=data, files=files)
            assert answer.text == "taken"

    asyncio.run(post())
    return received[0]


def test_a_good_form_has_its_value() -> None:
    form = send({"title": " Asyncio ", "seats": "5", "tags": ["io", "net"], "public": "on"})
    assert form.value == NewCourse("Asyncio", 5, tags=["io", "net"])
    assert form.errors == ()


def test_a_wrong_form_has_every_error_and_keeps_what_was_typed() -> None:
    form = send({"title": "ab", "seats": "many", "level": "third", "tags": ["io", "net"]})
    assert form.value is None
    assert {error.field: error.code for error in form.errors} == {
        "title": "too_short",
        "seats": "whole_number",
        "level": "choice",
    }
    assert form.error_for("title") == FieldError("title", "too_short", {"min": 3})
    assert form.error_for("starts") is None
    assert (form.text_of("title"), form.text_of("seats"), form.text_of("level")) == ("ab", "many", "third")
    assert form.texts_of("tags") == ["io", "net"]
    assert not form.is_ticked("public")  # it was not sent, although its default is true


def test_a_multipart_form_is_the_same(tmp_path: object) -> None:
    form = send({"title": "Asyncio", "seats": "5"}, files={"picture": ("a.png", b"octets")})
    assert form.value == NewCourse("Asyncio", 5, public=False)


def test_an_empty_form_shows_defaults_and_has_no_errors() -> None:
    form = Form.empty(NewCourse)
    assert form.errors == ()
    assert form.value is None
    assert (form.text_of("title"), form.text_of("level")) == ("", "first")
    assert form.is_ticked("public")


def test_an_empty_form_shows_what_is_stored() -> None:
    stored = Stored(1, "Asyncio", 5, public=False, starts=datetime.date(2026, 9, 1), tags=["io"])
    form = Form.empty(NewCourse, stored)
    assert [form.text_of(name) for name in ("title", "seats", "starts")] == ["Asyncio", "5", "2026-09-01"]
    assert form.texts_of("tags") == ["io"]
    assert not form.is_ticked("public")


def test_what_the_use_case_refuses_becomes_an_error_of_the_form() -> None:
    form = send({"title": "Asyncio", "seats": "5"}).with_error("title", "taken").with_error("", "invalid")
    assert form.value is None
    assert [error.code for error in form.summary] == ["invalid", "taken"]
    assert form.text_of("title") == "Asyncio"


def test_what_the_database_refuses_becomes_an_error_of_the_form() -> None:
    form = send({"title": "Asyncio", "seats": "5"})
    refused = form.with_constraint("course_title_unique", {"course_title_unique": ("title", "taken")})
    assert refused.error_for("title") == FieldError("title", "taken")
    with pytest.raises(UnmappedConstraint):
        form.with_constraint("course_title_unique", {})


def test_the_summary_follows_the_inputs_not_the_finding() -> None:
    form = Form.empty(NewCourse).with_error("seats", "required").with_error("title", "required")
    assert [error.field for error in form.summary] == ["title", "seats"]


def test_ids_are_stable_and_can_be_told_apart() -> None:
    form = Form.empty(NewCourse)
    assert form.id == "new-course"
    assert form.input_id("title") == "new-course-title"
    assert form.input_id("tags.1") == "new-course-tags"
    assert form.named("course-7").input_id("title") == "course-7-title"


def test_the_type_says_what_the_browser_may_say_before() -> None:
    form = Form.empty(NewCourse)
    assert form.attributes("title") == {"required": True, "minlength": "3", "maxlength": "40"}
    assert form.attributes("seats") == {"required": True, "min": "1", "max": "500"}
    assert form.attributes("public") == {}
    assert [form.input_type(name) for name in ("title", "seats", "starts")] == ["text", "number", "date"]


def test_an_input_that_the_type_does_not_have_is_a_mistake_of_the_template() -> None:
    with pytest.raises(LookupError, match="NewCourse has no field 'titel'"):
        Form.empty(NewCourse).attributes("titel")
