"""What teachers do with courses: make, change, copy, delete; the same with lessons. One function, one unit of work.

One job: lock the course, ask permission of its present state, write, raise its revision, say so after the commit.
Must not know: requests, forms, how things look.
"""

from datetime import UTC, datetime
from enum import Enum
from typing import Final

import msgspec
from msgspec import UNSET
from sqlalchemy import bindparam, func, select

from campus.accounts.viewer import Viewer
from campus.courses.access import open_course_by_id, open_to_edit
from campus.courses.errors import NotPermitted
from campus.courses.model import Asset, Course, CourseState, CourseTeacher, Gap, Lesson
from campus.courses.permissions import may_create
from campus.courses.queries import ASSETS, GAPS, LESSONS, SLUGS, course_topic
from campus.courses.slugs import slug_of, unique_slug
from campus.courses.values import CourseChange, LessonChange, NewCourse, NewLesson
from veche.data import Statement, Unit, UnitsOfWork, find, get, get_for_update, new_id

COPYING_SECONDS: Final = 30.0  # a long course is copied or deleted with all its lessons
LAST_POSITION: Final = Statement(
    select(func.max(Lesson.position)).where(
        Lesson.community_id == bindparam("community_id"), Lesson.course_id == bindparam("course_id")
    )
)


class Direction(Enum):
    """Where a lesson is moved in its course."""

    UP = "up"
    DOWN = "down"


async def create_course(units: UnitsOfWork, viewer: Viewer, new: NewCourse) -> Course:
    """Make a course that the viewer teaches. Raises NotPermitted; ConstraintViolated when the slug is taken."""
    account_id = _require_teacher(viewer)
    async with units.begin() as unit:
        slug = new.slug or await _free_slug(unit, viewer, new.title)
        course = Course(
            community_id=viewer.community_id,
            id=new_id(),
            slug=slug,
            title=new.title.strip(),
            summary=new.summary.strip(),
            language=new.language,
            attribution=new.attribution,
            state=CourseState(new.state),
            created_at=datetime.now(UTC),
            revision=1,
        )
        await unit.insert(course)
        await _add_teacher(unit, course, account_id)
        await unit.commit()
    return course


async def change_course(units: UnitsOfWork, viewer: Viewer, course_id: int, changes: CourseChange) -> Course:
    """Change what is given. Raises NotFound, NotPermitted; ConstraintViolated when the slug is taken."""
    async with units.begin() as unit:
        course = await _lock(unit, viewer, course_id)
        for name in ("title", "summary", "language", "attribution", "slug"):
            value = getattr(changes, name)
            if value is not UNSET:
                setattr(course, name, value.strip())
        if changes.state is not UNSET:
            course.state = CourseState(changes.state)
        await _raise(unit, course)
        await unit.commit()
    return course


async def delete_course(units: UnitsOfWork, viewer: Viewer, course_id: int) -> None:
    """Delete the course with its lessons and everybody's progress. Raises NotFound, NotPermitted."""
    async with units.begin(deadline_seconds=COPYING_SECONDS) as unit:
        course = await _lock(unit, viewer, course_id)
        await unit.delete(course)
        unit.publish_after_commit(course_topic(course.id), course.revision + 1)
        await unit.commit()


async def copy_course(units: UnitsOfWork, viewer: Viewer, course_id: int, title: str) -> Course:
    """Make a draft with the same lessons, pictures and gaps, taught by the viewer. Raises NotFound, NotPermitted.

    A course that was imported can be copied, too; the copy is nobody's import.
    """
    account_id = _require_teacher(viewer)
    async with units.begin(deadline_seconds=COPYING_SECONDS) as unit:
        original = (await open_course_by_id(unit, viewer, course_id)).course
        copy = msgspec.structs.replace(
            original,
            id=new_id(),
            slug=await _free_slug(unit, viewer, original.slug),
            title=title,
            state=CourseState.DRAFT,
            source=None,
            created_at=datetime.now(UTC),
            revision=1,
        )
        await unit.insert(copy)
        await _copy_contents(unit, original, copy)
        await _add_teacher(unit, copy, account_id)
        await unit.commit()
    return copy


async def appoint_teacher(units: UnitsOfWork, viewer: Viewer, course_id: int, account_id: int) -> None:
    """Let a member teach the course, beside those who do. Raises NotFound, NotPermitted."""
    async with units.begin() as unit:
        course = await _lock(unit, viewer, course_id)
        await _add_teacher(unit, course, account_id)
        await _raise(unit, course)
        await unit.commit()


async def dismiss_teacher(units: UnitsOfWork, viewer: Viewer, course_id: int, account_id: int) -> None:
    """Let a member teach the course no more. Raises NotFound, NotPermitted."""
    async with units.begin() as unit:
        course = await _lock(unit, viewer, course_id)
        await unit.delete(CourseTeacher(community_id=course.community_id, course_id=course.id, account_id=account_id))
        await _raise(unit, course)
        await unit.commit()


async def create_lesson(units: UnitsOfWork, viewer: Viewer, new: NewLesson) -> Lesson:
    """Add a lesson to the end. Raises NotFound, NotPermitted; ConstraintViolated when the slug is taken."""
    async with units.begin() as unit:
        course = await _lock(unit, viewer, new.course)
        place = {"community_id": course.community_id, "course_id": course.id}
        last = await unit.value(LAST_POSITION, **place)
        taken = {lesson.slug for lesson in await unit.all(LESSONS, **place)}
        lesson = Lesson(
            community_id=course.community_id,
            course_id=course.id,
            id=new_id(),
            slug=new.slug or unique_slug(slug_of(new.title, "lesson"), taken),
            position=0 if last is None else int(last) + 1,
            part_title=new.part_title.strip(),
            title=new.title.strip(),
            text=new.text,
            written=bool(new.text.strip()),
        )
        await unit.insert(lesson)
        await _raise(unit, course)
        await unit.commit()
    return lesson


async def change_lesson(units: UnitsOfWork, viewer: Viewer, lesson_id: int, changes: LessonChange) -> Lesson:
    """Change what is given. Raises NotFound, NotPermitted; ConstraintViolated when the slug is taken."""
    async with units.begin() as unit:
        course, lesson = await _lock_lesson(unit, viewer, lesson_id)
        for name in ("title", "part_title", "slug"):
            value = getattr(changes, name)
            if value is not UNSET:
                setattr(lesson, name, value.strip())
        if changes.text is not UNSET:
            lesson.text = changes.text
            lesson.written = bool(changes.text.strip())
        lesson.revision += 1
        await unit.update(lesson)
        await _raise(unit, course)
        await unit.commit()
    return lesson


async def move_lesson(units: UnitsOfWork, viewer: Viewer, lesson_id: int, direction: Direction) -> None:
    """Let the lesson and its neighbour change places; at the end nothing happens. Raises NotFound, NotPermitted."""
    async with units.begin() as unit:
        course, lesson = await _lock_lesson(unit, viewer, lesson_id)
        rows = await unit.all(LESSONS, community_id=course.community_id, course_id=course.id)
        shown = [row for row in rows if not row.archived]
        here = next((index for index, row in enumerate(shown) if row.id == lesson.id), None)
        there = None if here is None else here + (-1 if direction is Direction.UP else 1)
        if here is not None and there is not None and 0 <= there < len(shown):
            shown[here], shown[there] = shown[there], shown[here]
            for position, row in enumerate(shown):
                if row.position != position:
                    row.position = position
                    await unit.update(row, "position")
            await _raise(unit, course)
        await unit.commit()


async def delete_lesson(units: UnitsOfWork, viewer: Viewer, lesson_id: int) -> None:
    """Delete the lesson and everybody's mark of it. Raises NotFound, NotPermitted."""
    async with units.begin(deadline_seconds=COPYING_SECONDS) as unit:
        course, lesson = await _lock_lesson(unit, viewer, lesson_id)
        await unit.delete(lesson)
        await _raise(unit, course)
        await unit.commit()


def _require_teacher(viewer: Viewer) -> int:
    if viewer.account_id is None or not may_create(viewer):
        raise NotPermitted("Only teachers make courses.")
    return viewer.account_id


async def _free_slug(unit: Unit, viewer: Viewer, words: str) -> str:
    taken = {row[0] for row in await unit.all(SLUGS, community_id=viewer.community_id)}
    return unique_slug(slug_of(words, "course"), taken)


async def _lock(unit: Unit, viewer: Viewer, course_id: int) -> Course:
    """Return the course, ours until the unit ends: two edits at once follow each other."""
    await open_to_edit(unit, viewer, course_id)
    return await get_for_update(unit, Course, community_id=viewer.community_id, id=course_id)


async def _lock_lesson(unit: Unit, viewer: Viewer, lesson_id: int) -> tuple[Course, Lesson]:
    lesson = await get(unit, Lesson, community_id=viewer.community_id, id=lesson_id)
    course = await _lock(unit, viewer, lesson.course_id)
    # Read again: whoever held the course before us may have changed the lesson.
    return course, await get(unit, Lesson, community_id=viewer.community_id, id=lesson_id)


async def _raise(unit: Unit, course: Course) -> None:
    course.revision += 1
    await unit.update(course)
    unit.publish_after_commit(course_topic(course.id), course.revision)


async def _add_teacher(unit: Unit, course: Course, account_id: int) -> None:
    key = {"community_id": course.community_id, "course_id": course.id, "account_id": account_id}
    if await find(unit, CourseTeacher, **key) is None:
        await unit.insert(CourseTeacher(**key))


async def _copy_contents(unit: Unit, original: Course, copy: Course) -> None:
    place = {"community_id": original.community_id, "course_id": original.id}
    rows = await unit.all(LESSONS, **place)
    ids = {row.id: new_id() for row in rows if not row.archived}
    replace = msgspec.structs.replace
    lessons: list[Lesson] = [
        replace(row, id=ids[row.id], course_id=copy.id, revision=0) for row in rows if not row.archived
    ]
    assets: list[Asset] = [replace(row, course_id=copy.id) for row in await unit.all(ASSETS, **place)]
    gaps: list[Gap] = [
        replace(row, id=new_id(), course_id=copy.id, lesson_id=ids.get(row.lesson_id or 0))
        for row in await unit.all(GAPS, **place)
    ]
    await unit.insert_all(lessons)
    await unit.insert_all(assets)
    await unit.insert_all(gaps)
