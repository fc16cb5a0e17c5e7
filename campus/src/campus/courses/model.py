"""The tables of courses: what is taught, what stands beside it, who takes part and how far they are.

One job: the rows and the few rules that need nothing but the row itself.
Must not know: who may do what (permissions.py), pages, the forum.

An enrolment is never deleted: who leaves keeps what they have done, and finds it again when they come back.
"""

from datetime import datetime
from enum import Enum
from typing import Final

from campus.model import CampusModel
from veche.data import Check, Field, ForeignKey, Index, Unique, field

MAX_TITLE: Final = 200
MAX_SUMMARY: Final = 2_000
MAX_TEXT: Final = 2_000_000  # as much as one imported text may have
MAX_ATTRIBUTION: Final = 60_000
MAX_SLUG: Final = 80

OF_A_COURSE: Final = ForeignKey(("community_id", "course_id"), "course", on_delete="CASCADE")


class CourseState(Enum):
    """A draft is seen by its teachers only."""

    DRAFT = "draft"
    PUBLISHED = "published"


class EnrolmentState(Enum):
    """Whether the member takes part now."""

    ENROLLED = "enrolled"
    LEFT = "left"


class Course(
    CampusModel,
    table="course",
    scope="tenant",
    constraints=(
        ForeignKey(("community_id",), "community", on_delete="CASCADE"),
        Unique("community_id", "slug"),
        Unique("community_id", "source"),
        Index("community_id", "state", "position", "id", name="ix_course_listed"),
    ),
):
    """One course.

    language: a tag such as "ru". attribution: Markdown, who made it and under which licence.
    source: the name of what it was imported from, by which the next import finds it.
    revision: rises with everything that its pages show.
    """

    community_id: Field[int] = field(primary_key=True)
    id: Field[int] = field(primary_key=True)
    slug: Field[str] = field(min_length=1, max_length=MAX_SLUG)
    title: Field[str] = field(min_length=1, max_length=MAX_TITLE)
    summary: Field[str] = field(default="", max_length=MAX_SUMMARY)
    language: Field[str] = field(min_length=2, max_length=35)
    state: Field[CourseState] = field(default=CourseState.DRAFT)
    source: Field[str | None] = field(default=None, max_length=200)
    attribution: Field[str] = field(default="", max_length=MAX_ATTRIBUTION)
    position: Field[int] = field(default=0)
    created_at: Field[datetime]
    revision: Field[int] = field(default=0)


class CourseTeacher(
    CampusModel,
    table="course_teacher",
    scope="tenant",
    constraints=(OF_A_COURSE, Index("community_id", "account_id", "course_id", name="ix_course_teacher_account")),
):
    """A member who teaches a course, and may change it."""

    community_id: Field[int] = field(primary_key=True)
    course_id: Field[int] = field(primary_key=True)
    account_id: Field[int] = field(primary_key=True)


class Lesson(
    CampusModel,
    table="lesson",
    scope="tenant",
    constraints=(
        OF_A_COURSE,
        Unique("community_id", "course_id", "slug"),
        Unique("community_id", "course_id", "source_path"),
        Check("level", "level >= 0"),
        Index("community_id", "course_id", "position", "id", name="ix_lesson_order"),
    ),
):
    """One lesson in Markdown.

    part_title: of the part that it belongs to. level: indents it in the outline. number: as in the book, such as "1.2".
    minutes: as its authors planned. written: False for one that has a title and no text yet.
    source_path: its file in what was imported, by which the next import finds it; None for one that was written here.
    archived: an import no longer has it; its thread and who had done it are kept, the outline does not show it.
    """

    community_id: Field[int] = field(primary_key=True)
    id: Field[int] = field(primary_key=True)
    course_id: Field[int]
    slug: Field[str] = field(min_length=1, max_length=MAX_SLUG)
    position: Field[int]
    level: Field[int] = field(default=0)
    number: Field[str] = field(default="", max_length=40)
    part_title: Field[str] = field(default="", max_length=MAX_TITLE)
    title: Field[str] = field(min_length=1, max_length=MAX_TITLE)
    text: Field[str] = field(max_length=MAX_TEXT)
    source_path: Field[str | None] = field(default=None, max_length=400)
    minutes: Field[int | None] = field(default=None)
    written: Field[bool] = field(default=True)
    archived: Field[bool] = field(default=False)
    revision: Field[int] = field(default=0)


class Asset(CampusModel, table="asset", scope="tenant", constraints=(OF_A_COURSE,)):
    """A picture or file of a course; the bytes stand in the media folder under their digest (SHA-256, hexadecimal)."""

    community_id: Field[int] = field(primary_key=True)
    course_id: Field[int] = field(primary_key=True)
    path: Field[str] = field(primary_key=True, max_length=400)
    media_type: Field[str] = field(max_length=100)
    digest: Field[str] = field(max_length=64)
    octets: Field[int]


class Gap(
    CampusModel,
    table="gap",
    scope="tenant",
    constraints=(OF_A_COURSE, Index("community_id", "course_id", "id", name="ix_gap_course")),
):
    """Something that an imported course refers to and does not hold; reason: a code of campus.importing.GapReason."""

    community_id: Field[int] = field(primary_key=True)
    id: Field[int] = field(primary_key=True)
    course_id: Field[int]
    lesson_id: Field[int | None] = field(default=None)
    file: Field[str] = field(max_length=400)
    line: Field[int]
    what: Field[str] = field(max_length=2_000)
    reason: Field[str] = field(max_length=40)


class Enrolment(
    CampusModel,
    table="enrolment",
    scope="tenant",
    constraints=(OF_A_COURSE, Index("community_id", "account_id", "course_id", name="ix_enrolment_account")),
):
    """A member in a course, now or once. `revision` rises with each lesson done: the version of what they see of it."""

    community_id: Field[int] = field(primary_key=True)
    course_id: Field[int] = field(primary_key=True)
    account_id: Field[int] = field(primary_key=True)
    state: Field[EnrolmentState] = field(default=EnrolmentState.ENROLLED)
    enrolled_at: Field[datetime]
    left_at: Field[datetime | None] = field(default=None)
    revision: Field[int] = field(default=0)


class LessonDone(
    CampusModel,
    table="lesson_done",
    scope="tenant",
    constraints=(
        ForeignKey(("community_id", "lesson_id"), "lesson", on_delete="CASCADE"),
        Index("community_id", "lesson_id", name="ix_lesson_done_lesson"),
    ),
):
    """A member has done a lesson."""

    community_id: Field[int] = field(primary_key=True)
    account_id: Field[int] = field(primary_key=True)
    lesson_id: Field[int] = field(primary_key=True)
    done_at: Field[datetime]
