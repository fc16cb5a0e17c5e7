"""What members do in courses: enrol, leave, mark lessons as done. One function, one unit of work each.

One job: change the rows and raise the revision of the member's progress, in one transaction.
Must not know: requests, pages. What teachers do is in editing.py.
"""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Final, TypeVar

from campus.accounts.viewer import Member
from campus.courses.access import open_course_by_id
from campus.courses.errors import NotEnrolled, NotPermitted
from campus.courses.model import Course, Enrolment, EnrolmentState, Lesson, LessonDone
from campus.courses.permissions import may_take_part
from campus.courses.queries import find_enrolment, progress_topic
from veche.data import ConstraintViolated, Unit, UnitsOfWork, find, get, get_for_update

R = TypeVar("R")

# Two tabs that enrol, or mark one lesson, at once meet here; the second one finds the row when it tries again.
RACES: Final = frozenset({"pk_enrolment", "pk_lesson_done"})


async def enrol(units: UnitsOfWork, viewer: Member, course_id: int) -> Enrolment:
    """Let the member take part; who was here before finds what they have done. Raises NotFound, NotPermitted."""

    async def work(unit: Unit) -> Enrolment:
        course = (await open_course_by_id(unit, viewer, course_id)).course
        if not may_take_part(viewer, course.state):
            raise NotPermitted("Nobody enrols in a draft.")
        return await put_in(unit, course, viewer.account_id)

    return await _twice(units, work)


async def unenrol(units: UnitsOfWork, viewer: Member, course_id: int) -> None:
    """Let the member leave; what they have done is kept. Raises NotFound."""
    async with units.begin() as unit:
        course = (await open_course_by_id(unit, viewer, course_id)).course
        enrolment = await find_enrolment(unit, course, viewer.account_id)
        if enrolment is not None and enrolment.state is EnrolmentState.ENROLLED:
            enrolment = await _lock(unit, enrolment)
            enrolment.state = EnrolmentState.LEFT
            enrolment.left_at = datetime.now(UTC)
            await _raise(unit, enrolment)
        await unit.commit()


async def mark_done(units: UnitsOfWork, viewer: Member, lesson_id: int, *, done: bool) -> None:
    """Note that the member has done the lesson, or has not. Raises NotFound, NotEnrolled."""

    async def work(unit: Unit) -> None:
        lesson = await get(unit, Lesson, community_id=viewer.community_id, id=lesson_id)
        course = (await open_course_by_id(unit, viewer, lesson.course_id)).course
        enrolment = await find_enrolment(unit, course, viewer.account_id)
        if enrolment is None or enrolment.state is not EnrolmentState.ENROLLED:
            raise NotEnrolled("Enrol in the course first.")
        enrolment = await _lock(unit, enrolment)
        key = {"community_id": viewer.community_id, "account_id": viewer.account_id, "lesson_id": lesson_id}
        row = await find(unit, LessonDone, **key)
        if done and row is None:
            await unit.insert(LessonDone(**key, done_at=datetime.now(UTC)))
        elif not done and row is not None:
            await unit.delete(row)
        await _raise(unit, enrolment)

    await _twice(units, work)


async def put_in(unit: Unit, course: Course, account_id: int) -> Enrolment:
    """Make or renew the enrolment within a unit of work."""
    enrolment = await find_enrolment(unit, course, account_id)
    if enrolment is None:
        enrolment = Enrolment(
            community_id=course.community_id,
            course_id=course.id,
            account_id=account_id,
            enrolled_at=datetime.now(UTC),
        )
        await unit.insert(enrolment)
    elif enrolment.state is EnrolmentState.LEFT:
        enrolment = await _lock(unit, enrolment)
        enrolment.state, enrolment.left_at = EnrolmentState.ENROLLED, None
    await _raise(unit, enrolment)
    return enrolment


async def _lock(unit: Unit, enrolment: Enrolment) -> Enrolment:
    return await get_for_update(unit, Enrolment, **_key(enrolment))


def _key(enrolment: Enrolment) -> dict[str, int]:
    return {
        "community_id": enrolment.community_id,
        "course_id": enrolment.course_id,
        "account_id": enrolment.account_id,
    }


async def _raise(unit: Unit, enrolment: Enrolment) -> None:
    enrolment.revision += 1
    await unit.update(enrolment, "state", "left_at", "revision")
    unit.publish_after_commit(progress_topic(enrolment.course_id, enrolment.account_id), enrolment.revision)


async def _twice(units: UnitsOfWork, work: Callable[[Unit], Awaitable[R]]) -> R:
    try:
        return await units.run(work)
    except ConstraintViolated as error:
        if error.name not in RACES:
            raise
        return await units.run(work)
