"""What teachers type about courses.

One job: form types. Must not know: the database, requests, pages.
"""

from typing import Annotated, Final, Literal, TypeAlias

import msgspec
from msgspec import Meta

from campus.courses.model import MAX_ATTRIBUTION, MAX_SUMMARY, MAX_TEXT, MAX_TITLE
from campus.courses.values import LanguageTag, Slug
from veche.changes import N_, Message

SLUG_CONSTRAINTS: Final = {
    "uq_course_community_id_slug": ("slug", "taken"),
    "uq_lesson_community_id_course_id_slug": ("slug", "taken"),
}

NO_SUCH_TEACHER: Final = Message(N_("No teacher of this community has this account name."))

TitleText = Annotated[str, Meta(min_length=1, max_length=MAX_TITLE)]
PublicState: TypeAlias = Literal["draft", "published"]


class CourseForm(msgspec.Struct):
    """What a course's page says. slug: blank makes it from the title."""

    title: TitleText
    language: LanguageTag
    summary: Annotated[str, Meta(max_length=MAX_SUMMARY)] = ""
    attribution: Annotated[str, Meta(max_length=MAX_ATTRIBUTION)] = ""
    slug: Slug | None = None


class LessonForm(msgspec.Struct):
    """A lesson. preview: show it, do not save it."""

    title: TitleText
    text: Annotated[str, Meta(max_length=MAX_TEXT)] = ""
    part_title: Annotated[str, Meta(max_length=MAX_TITLE)] = ""
    slug: Slug | None = None
    preview: bool = False


class StateForm(msgspec.Struct):
    """Whether everybody sees the course."""

    state: PublicState


class MoveForm(msgspec.Struct):
    """Where a lesson goes."""

    direction: Literal["up", "down"]


class TeacherForm(msgspec.Struct):
    """Who shall teach the course."""

    account_name: Annotated[str, Meta(min_length=1, max_length=200)]


class DoneForm(msgspec.Struct):
    """Whether the lesson is done."""

    done: bool = False
