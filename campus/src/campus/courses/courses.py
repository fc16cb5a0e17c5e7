"""`Courses` and `Lessons`: courses for one viewer. Pages and the API call them; there is no second way.

One job: the five verbs, with the rights of whoever asks.
Must not know: requests, HTML.
"""

from campus.accounts.viewer import Viewer
from campus.courses import editing
from campus.courses.access import open_course_by_id, visible_drafts
from campus.courses.model import Lesson
from campus.courses.queries import LESSONS_BY_ID, VISIBLE_COURSES_BY_ID
from campus.courses.values import (
    CourseChange,
    CourseItem,
    LessonChange,
    LessonItem,
    NewCourse,
    NewLesson,
    course_item,
    lesson_item,
)
from veche.data import NotFound, UnitsOfWork, get


class Courses:
    """The courses that the viewer may see and change.

    What is not there, or not for this viewer, raises NotFound; what is not allowed raises NotPermitted; a slug that is
    taken raises ConstraintViolated.
    """

    def __init__(self, units: UnitsOfWork, viewer: Viewer) -> None:
        self.units = units
        self.viewer = viewer
        self.lessons = Lessons(units, viewer)

    async def all(
        self, after: int | None = None, limit: int = 50, *, language: str | None = None, slug: str | None = None
    ) -> list[CourseItem]:
        """Return at most limit courses behind the one with the id after, in the order of their ids."""
        states, taught = await visible_drafts(self.units.reader, self.viewer)
        rows = await self.units.reader.all(
            VISIBLE_COURSES_BY_ID,
            community_id=self.viewer.community_id,
            states=states,
            taught=taught,
            any_language=language is None,
            language=language or "",
            any_slug=slug is None,
            slug=slug or "",
            after_0=after,
            limit=limit,
        )
        return [course_item(row) for row in rows]

    async def get(self, course_id: int) -> CourseItem:
        """Return the course with this id."""
        return course_item((await open_course_by_id(self.units.reader, self.viewer, course_id)).course)

    async def create(self, new: NewCourse) -> CourseItem:
        """Make a course that the viewer teaches."""
        return course_item(await editing.create_course(self.units, self.viewer, new))

    async def update(self, course_id: int, changes: CourseChange) -> CourseItem:
        """Change what is given; what is UNSET stays."""
        return course_item(await editing.change_course(self.units, self.viewer, course_id, changes))

    async def delete(self, course_id: int) -> None:
        """Delete the course with its lessons and everybody's progress."""
        await editing.delete_course(self.units, self.viewer, course_id)


class Lessons:
    """The lessons of the courses that the viewer may see and change."""

    def __init__(self, units: UnitsOfWork, viewer: Viewer) -> None:
        self._units = units
        self._viewer = viewer

    async def all(self, after: int | None = None, limit: int = 50, *, course: int) -> list[LessonItem]:
        """Return at most limit lessons of the course behind the one with the id after, in the order of their ids.

        None of a course that is not there, or not for this viewer: `course` is a filter of the list.
        """
        try:
            opened = await open_course_by_id(self._units.reader, self._viewer, course)
        except NotFound:
            return []
        rows = await self._units.reader.all(
            LESSONS_BY_ID,
            community_id=self._viewer.community_id,
            course_id=opened.course.id,
            after_0=after,
            limit=limit,
        )
        return [lesson_item(row) for row in rows]

    async def get(self, lesson_id: int) -> LessonItem:
        """Return the lesson with this id."""
        lesson = await get(self._units.reader, Lesson, community_id=self._viewer.community_id, id=lesson_id)
        await open_course_by_id(self._units.reader, self._viewer, lesson.course_id)
        return lesson_item(lesson)

    async def create(self, new: NewLesson) -> LessonItem:
        """Add a lesson to the end of its course."""
        return lesson_item(await editing.create_lesson(self._units, self._viewer, new))

    async def update(self, lesson_id: int, changes: LessonChange) -> LessonItem:
        """Change what is given; what is UNSET stays."""
        return lesson_item(await editing.change_lesson(self._units, self._viewer, lesson_id, changes))

    async def delete(self, lesson_id: int) -> None:
        """Delete the lesson and everybody's mark of it."""
        await editing.delete_lesson(self._units, self._viewer, lesson_id)


def provide_courses(units: UnitsOfWork, viewer: Viewer) -> Courses:
    """Provide the courses as the viewer may see and change them."""
    return Courses(units, viewer)


def provide_lessons(units: UnitsOfWork, viewer: Viewer) -> Lessons:
    """Provide the lessons as the viewer may see and change them."""
    return Lessons(units, viewer)
