"""What is read about courses.

One job: statements, and the functions that run them on a Reader (a unit of work is one, too).
Must not know: who asks, pages.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
from sqlalchemy import Boolean, bindparam, func, not_, or_, select

from campus.courses.model import (
    Asset,
    Course,
    CourseState,
    CourseTeacher,
    Enrolment,
    EnrolmentState,
    Gap,
    Lesson,
    LessonDone,
)
from campus.model import Membership
from veche.data import Reader, Statement, find, get, page_after

COURSE_TOPIC: Final = "course:"
PROGRESS_TOPIC: Final = "progress:"


class OutlineEntry(msgspec.Struct, frozen=True):
    """A lesson without its text: an outline of a hundred lessons must not read them all."""

    id: int
    slug: str
    level: int
    number: str
    part_title: str
    title: str
    source_path: str | None
    minutes: int | None
    written: bool
    archived: bool


class Place(msgspec.Struct, frozen=True):
    """Where a lesson is: for whoever links to it."""

    lesson_title: str
    lesson_slug: str
    course_title: str
    course_slug: str
    course_id: int
    state: CourseState


_OF_COMMUNITY: Final = Course.community_id == bindparam("community_id")
VISIBLE_COURSES: Final = Statement(
    page_after(
        select(Course).where(
            _OF_COMMUNITY,
            Course.language.in_(bindparam("languages")),
            or_(Course.state.in_(bindparam("states")), Course.id.in_(bindparam("taught"))),
        ),
        Course.position,
        Course.id,
    ),
    Course,
)
VISIBLE_COURSES_BY_ID: Final = Statement(
    page_after(
        select(Course).where(
            _OF_COMMUNITY,
            or_(Course.state.in_(bindparam("states")), Course.id.in_(bindparam("taught"))),
            or_(bindparam("any_language", type_=Boolean()), Course.language == bindparam("language")),
            or_(bindparam("any_slug", type_=Boolean()), Course.slug == bindparam("slug")),
        ),
        Course.id,
    ),
    Course,
)
SLUGS: Final = Statement(select(Course.slug).where(_OF_COMMUNITY))
LANGUAGES: Final = Statement(
    select(Course.language).where(_OF_COMMUNITY, Course.state == CourseState.PUBLISHED).distinct()
)
COURSES_BY_IDS: Final = Statement(
    select(Course).where(_OF_COMMUNITY, Course.id.in_(bindparam("course_ids"))).order_by(Course.position, Course.id),
    Course,
)
TAUGHT: Final = Statement(
    select(CourseTeacher.course_id).where(
        CourseTeacher.community_id == bindparam("community_id"), CourseTeacher.account_id == bindparam("account_id")
    )
)
TEACHERS: Final = Statement(
    select(Membership)
    .join(
        CourseTeacher.__table__,
        (CourseTeacher.community_id == Membership.community_id) & (CourseTeacher.account_id == Membership.account_id),
    )
    .where(CourseTeacher.community_id == bindparam("community_id"), CourseTeacher.course_id == bindparam("course_id"))
    .order_by(Membership.searched_name, Membership.account_id),
    Membership,
)
_IN_COURSE: Final = (Lesson.community_id == bindparam("community_id"), Lesson.course_id == bindparam("course_id"))
OUTLINE: Final = Statement(
    select(
        Lesson.id,
        Lesson.slug,
        Lesson.level,
        Lesson.number,
        Lesson.part_title,
        Lesson.title,
        Lesson.source_path,
        Lesson.minutes,
        Lesson.written,
        Lesson.archived,
    )
    .where(*_IN_COURSE)
    .order_by(Lesson.position, Lesson.id),
    OutlineEntry,
)
LESSONS: Final = Statement(select(Lesson).where(*_IN_COURSE).order_by(Lesson.position, Lesson.id), Lesson)
LESSONS_BY_ID: Final = Statement(
    page_after(select(Lesson).where(*_IN_COURSE, not_(Lesson.archived)), Lesson.id), Lesson
)
ASSETS: Final = Statement(
    select(Asset).where(Asset.community_id == bindparam("community_id"), Asset.course_id == bindparam("course_id")),
    Asset,
)
GAPS: Final = Statement(
    select(Gap)
    .where(Gap.community_id == bindparam("community_id"), Gap.course_id == bindparam("course_id"))
    .order_by(Gap.file, Gap.line, Gap.id),
    Gap,
)
DONE: Final = Statement(
    select(LessonDone.lesson_id)
    .join(Lesson.__table__, (Lesson.community_id == LessonDone.community_id) & (Lesson.id == LessonDone.lesson_id))
    .where(
        LessonDone.community_id == bindparam("community_id"),
        LessonDone.account_id == bindparam("account_id"),
        Lesson.course_id == bindparam("course_id"),
        not_(Lesson.archived),
    )
)
LESSON_COUNTS: Final = Statement(
    select(Lesson.course_id, func.count())
    .where(
        Lesson.community_id == bindparam("community_id"),
        Lesson.course_id.in_(bindparam("course_ids")),
        not_(Lesson.archived),
    )
    .group_by(Lesson.course_id)
)
DONE_COUNTS: Final = Statement(
    select(Lesson.course_id, func.count())
    .join(LessonDone.__table__, (Lesson.community_id == LessonDone.community_id) & (Lesson.id == LessonDone.lesson_id))
    .where(
        LessonDone.community_id == bindparam("community_id"),
        LessonDone.account_id == bindparam("account_id"),
        Lesson.course_id.in_(bindparam("course_ids")),
        not_(Lesson.archived),
    )
    .group_by(Lesson.course_id)
)
ENROLMENTS: Final = Statement(
    select(Enrolment)
    .where(
        Enrolment.community_id == bindparam("community_id"),
        Enrolment.account_id == bindparam("account_id"),
        Enrolment.state == EnrolmentState.ENROLLED,
    )
    .order_by(Enrolment.enrolled_at.desc()),
    Enrolment,
)
COURSE_REVISIONS: Final = Statement(
    select(Course.id, Course.revision).where(_OF_COMMUNITY, Course.id.in_(bindparam("course_ids")))
)
PROGRESS_REVISIONS: Final = Statement(
    select(Enrolment.course_id, Enrolment.account_id, Enrolment.revision).where(
        Enrolment.community_id == bindparam("community_id"),
        Enrolment.course_id.in_(bindparam("course_ids")),
        Enrolment.account_id.in_(bindparam("account_ids")),
    )
)
PLACES: Final = Statement(
    select(
        Lesson.title.label("lesson_title"),
        Lesson.slug.label("lesson_slug"),
        Course.title.label("course_title"),
        Course.slug.label("course_slug"),
        Course.id.label("course_id"),
        Course.state.label("state"),
    )
    .join(Course.__table__, (Course.community_id == Lesson.community_id) & (Course.id == Lesson.course_id))
    .where(Lesson.community_id == bindparam("community_id"), Lesson.id == bindparam("lesson_id")),
    Place,
)
PUBLIC_LESSONS: Final = Statement(
    select(Course.slug, Lesson.slug)
    .join(Lesson.__table__, (Course.community_id == Lesson.community_id) & (Course.id == Lesson.course_id))
    .where(_OF_COMMUNITY, Course.state == CourseState.PUBLISHED, not_(Lesson.archived), Lesson.written)
    .order_by(Course.position, Course.id, Lesson.position, Lesson.id)
)


def course_topic(course_id: int) -> str:
    """Return the topic on which a change of the course is published."""
    return f"{COURSE_TOPIC}{course_id}"


def progress_topic(course_id: int, account_id: int) -> str:
    """Return the topic on which a member's progress in the course is published."""
    return f"{PROGRESS_TOPIC}{course_id}:{account_id}"


async def newest_revisions(reader: Reader, community_id: int, topics: frozenset[str]) -> dict[str, int]:
    """Return the versions of those topics that are courses'."""
    versions: dict[str, int] = {}
    course_ids = [int(topic.removeprefix(COURSE_TOPIC)) for topic in topics if topic.startswith(COURSE_TOPIC)]
    if course_ids:
        rows = await reader.all(COURSE_REVISIONS, community_id=community_id, course_ids=course_ids)
        versions |= {course_topic(course_id): revision for course_id, revision in rows}
    pairs = [topic.split(":") for topic in topics if topic.startswith(PROGRESS_TOPIC)]
    if pairs:
        found = await reader.all(
            PROGRESS_REVISIONS,
            community_id=community_id,
            course_ids=sorted({int(pair[1]) for pair in pairs}),
            account_ids=sorted({int(pair[2]) for pair in pairs}),
        )
        versions |= {progress_topic(course, account): revision for course, account, revision in found}
    return {topic: version for topic, version in versions.items() if topic in topics}


async def find_course(reader: Reader, community_id: int, slug: str) -> Course | None:
    """Return the course with this address."""
    return await find(reader, Course, community_id=community_id, slug=slug)


async def find_lesson(reader: Reader, course: Course, slug: str) -> Lesson:
    """Return the lesson of the course with this address, also an archived one. Raises NotFound."""
    return await get(reader, Lesson, community_id=course.community_id, course_id=course.id, slug=slug)


async def find_enrolment(reader: Reader, course: Course, account_id: int | None) -> Enrolment | None:
    """Return the account's place in the course, also a left one."""
    if account_id is None:
        return None
    return await find(reader, Enrolment, community_id=course.community_id, course_id=course.id, account_id=account_id)


async def load_outline(reader: Reader, course: Course) -> list[OutlineEntry]:
    """Return the lessons in their order, archived ones included."""
    return await reader.all(OUTLINE, community_id=course.community_id, course_id=course.id)


async def taught_courses(reader: Reader, community_id: int, account_id: int) -> list[int]:
    """Return the ids of the courses that the member teaches."""
    return [row[0] for row in await reader.all(TAUGHT, community_id=community_id, account_id=account_id)]


async def lessons_done(reader: Reader, course: Course, account_id: int) -> set[int]:
    """Return the ids of the course's lessons that the member has done."""
    rows = await reader.all(DONE, community_id=course.community_id, course_id=course.id, account_id=account_id)
    return {row[0] for row in rows}


async def count_lessons(reader: Reader, community_id: int, course_ids: Sequence[int]) -> Mapping[int, int]:
    """Return course → how many lessons it has."""
    return dict(await reader.all(LESSON_COUNTS, community_id=community_id, course_ids=list(course_ids)))


async def count_done(
    reader: Reader, community_id: int, account_id: int, course_ids: Sequence[int]
) -> Mapping[int, int]:
    """Return course → how many of its lessons the member has done."""
    found = await reader.all(DONE_COUNTS, community_id=community_id, account_id=account_id, course_ids=list(course_ids))
    return dict(found)


async def list_teachers(reader: Reader, course: Course) -> list[Membership]:
    """Return those who teach the course, by name."""
    return await reader.all(TEACHERS, community_id=course.community_id, course_id=course.id)


async def list_gaps(reader: Reader, course: Course) -> list[Gap]:
    """Return what the course refers to and does not hold, by file and line."""
    return await reader.all(GAPS, community_id=course.community_id, course_id=course.id)


async def find_place(reader: Reader, community_id: int, lesson_id: int) -> Place | None:
    """Return where the lesson is."""
    return await reader.first(PLACES, community_id=community_id, lesson_id=lesson_id)


async def public_addresses(reader: Reader, community_id: int) -> list[str]:
    """Return the paths of all pages of courses that everybody may see, for the site map."""
    rows = await reader.all(PUBLIC_LESSONS, community_id=community_id)
    courses = dict.fromkeys(f"/courses/{course}" for course, _lesson in rows)
    return ["/courses", *courses, *(f"/courses/{course}/{lesson}" for course, lesson in rows)]
