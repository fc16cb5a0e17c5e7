"""A course as one viewer has it: what is there for them, and what they may do with it.

One job: the course of an address → the course and the viewer's rights, or NotFound.
Must not know: pages, what is done with it.
"""

from dataclasses import dataclass

from campus.accounts.viewer import Viewer
from campus.courses.errors import NotPermitted
from campus.courses.model import Course, CourseState, CourseTeacher
from campus.courses.permissions import may_edit, may_see
from campus.courses.queries import find_course, taught_courses
from veche.data import NotFound, Reader, find


@dataclass(frozen=True)
class OpenCourse:
    """A course that the viewer may see."""

    course: Course
    may_edit: bool


async def open_course(reader: Reader, viewer: Viewer, slug: str) -> OpenCourse:
    """Return the course with this address. Raises NotFound, also for a draft that is not the viewer's."""
    return await _opened(reader, viewer, await find_course(reader, viewer.community_id, slug))


async def open_course_by_id(reader: Reader, viewer: Viewer, course_id: int) -> OpenCourse:
    """Return the course with this id. Raises NotFound, also for a draft that is not the viewer's."""
    found = await find(reader, Course, community_id=viewer.community_id, id=course_id)
    return await _opened(reader, viewer, found)


async def open_to_edit(reader: Reader, viewer: Viewer, course_id: int) -> Course:
    """Return a course that the viewer may change. Raises NotFound, NotPermitted."""
    opened = await open_course_by_id(reader, viewer, course_id)
    if not opened.may_edit:
        raise NotPermitted("Only its teachers change a course.")
    return opened.course


async def visible_drafts(reader: Reader, viewer: Viewer) -> tuple[list[CourseState], list[int]]:
    """Return the states of which the viewer sees every course, and the courses that they see beside those."""
    if viewer.administers:
        return list(CourseState), []
    if viewer.account_id is None or not viewer.teaches:
        return [CourseState.PUBLISHED], []
    return [CourseState.PUBLISHED], await taught_courses(reader, viewer.community_id, viewer.account_id)


async def _opened(reader: Reader, viewer: Viewer, course: Course | None) -> OpenCourse:
    if course is None:
        raise NotFound("there is no such course")
    teaches_it = viewer.teaches and not viewer.administers and await _teaches(reader, viewer, course)
    if not may_see(viewer, course.state, teaches_it=teaches_it):
        raise NotFound("there is no such course")  # not 403: a draft's title is nobody's business
    return OpenCourse(course, may_edit(viewer, teaches_it=teaches_it))


async def _teaches(reader: Reader, viewer: Viewer, course: Course) -> bool:
    found = await find(
        reader,
        CourseTeacher,
        community_id=course.community_id,
        course_id=course.id,
        account_id=viewer.account_id,
    )
    return found is not None
