"""What courses give to programs, and what programs and forms give to them.

One job: the shapes. Must not know: the database, who asks.
"""

from datetime import datetime
from typing import Annotated, Final, Literal, TypeAlias

import msgspec
from msgspec import UNSET, Meta, UnsetType

from campus.courses.model import (
    MAX_ATTRIBUTION,
    MAX_SLUG,
    MAX_SUMMARY,
    MAX_TEXT,
    MAX_TITLE,
    Course,
    CourseState,
    Lesson,
)
from campus.courses.slugs import RESERVED
from campus.words import WORDS

MAX_KEY: Final = 2**53 - 1

Title = Annotated[str, Meta(min_length=1, max_length=MAX_TITLE, pattern=WORDS)]
Summary = Annotated[str, Meta(max_length=MAX_SUMMARY)]
Attribution = Annotated[str, Meta(max_length=MAX_ATTRIBUTION)]
Text = Annotated[str, Meta(max_length=MAX_TEXT)]
PartTitle = Annotated[str, Meta(max_length=MAX_TITLE)]
# "$" alone also stands before a line feed at the end.
LANGUAGE_TAG: Final = r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$(?!\n)"
SLUG: Final = rf"^(?!({'|'.join(sorted(RESERVED))})$)[^\W_]+(-[^\W_]+)*$(?!\n)"
LanguageTag = Annotated[str, Meta(min_length=2, max_length=35, pattern=LANGUAGE_TAG)]
Slug = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=MAX_SLUG,
        pattern=SLUG,
        description="The last part of the address: letters and digits with hyphens between, no word of the site's own.",
    ),
]
Key = Annotated[int, Meta(ge=1, le=MAX_KEY)]
State: TypeAlias = Literal["draft", "published"]


class CourseItem(msgspec.Struct, frozen=True):
    """A course. Drafts are there for those who teach them."""

    id: int
    slug: str
    title: str
    summary: str
    language: str
    state: State
    attribution: str
    created_at: datetime
    revision: int


class NewCourse(msgspec.Struct):
    """A course begins as a draft; without a slug its address is made from its title."""

    title: Title
    language: LanguageTag
    summary: Summary = ""
    attribution: Attribution = ""
    slug: Slug | None = None
    state: State = "draft"


class CourseChange(msgspec.Struct):
    """What may be changed of a course; publishing it is a change of its state."""

    title: Title | UnsetType = UNSET
    language: LanguageTag | UnsetType = UNSET
    summary: Summary | UnsetType = UNSET
    attribution: Attribution | UnsetType = UNSET
    slug: Slug | UnsetType = UNSET
    state: State | UnsetType = UNSET


class LessonItem(msgspec.Struct, frozen=True):
    """A lesson; its text is Markdown. `position` orders the lessons of a course."""

    id: int
    course: int
    slug: str
    position: int
    level: int
    number: str
    part_title: str
    title: str
    text: str
    minutes: int | None
    revision: int


class NewLesson(msgspec.Struct):
    """A lesson at the end of the course with this id."""

    course: Key
    title: Title
    text: Text = ""
    part_title: PartTitle = ""
    slug: Slug | None = None


class LessonChange(msgspec.Struct):
    """What may be changed of a lesson."""

    title: Title | UnsetType = UNSET
    text: Text | UnsetType = UNSET
    part_title: PartTitle | UnsetType = UNSET
    slug: Slug | UnsetType = UNSET


class CourseFilter(msgspec.Struct):
    """Which courses: those of a language, or the one with this slug."""

    language: Annotated[str, Meta(max_length=35)] | None = None
    slug: Annotated[str, Meta(max_length=MAX_SLUG)] | None = None


class LessonFilter(msgspec.Struct):
    """Whose lessons: the id of a course."""

    course: Key


def course_item(course: Course) -> CourseItem:
    """Return what programs see of the course."""
    return CourseItem(
        id=course.id,
        slug=course.slug,
        title=course.title,
        summary=course.summary,
        language=course.language,
        state="published" if course.state is CourseState.PUBLISHED else "draft",
        attribution=course.attribution,
        created_at=course.created_at,
        revision=course.revision,
    )


def lesson_item(lesson: Lesson) -> LessonItem:
    """Return what programs see of the lesson."""
    return LessonItem(
        id=lesson.id,
        course=lesson.course_id,
        slug=lesson.slug,
        position=lesson.position,
        level=lesson.level,
        number=lesson.number,
        part_title=lesson.part_title,
        title=lesson.title,
        text=lesson.text,
        minutes=lesson.minutes,
        revision=lesson.revision,
    )
