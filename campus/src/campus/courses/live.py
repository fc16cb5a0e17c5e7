"""The live parts of courses: the outline for everybody, and a member's own progress in all of their tabs.

One job: what each part shows, its topics and its version. Must not know: connections, pages.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from campus.accounts.viewer import Viewer
from campus.courses.access import open_course_by_id
from campus.courses.model import Course
from campus.courses.progress import load_progress
from campus.courses.queries import course_topic, find_enrolment, load_outline, progress_topic
from campus.courses.rendering import course_path
from veche.data import NotFound, Reader, find
from veche.live import Audience, Fragment, PersonalFragment, SharedFragment
from veche.web.templates import Templates


class CourseParams(msgspec.Struct, frozen=True):
    """Which course."""

    community: int
    course: int


class LessonParams(msgspec.Struct, frozen=True):
    """Which lesson of which course."""

    community: int
    course: int
    lesson: int


class CourseLive:
    """The parts, over the site's templates.

    outline: for strangers. mine: a member's: the outline with done marks, the progress bar, the way in and out.
    lesson: a member's, on a lesson's page: the progress bar and the mark of this lesson.
    """

    def __init__(self, templates: Templates) -> None:
        self._templates = templates
        self.outline: SharedFragment[Viewer, CourseParams] = SharedFragment(
            name="course-outline",
            params=CourseParams,
            topics=lambda params: [course_topic(params.course)],
            allow=_may_see,
            version=_course_revision,
            render=self._render_outline,
        )
        self.mine: PersonalFragment[Viewer, CourseParams] = PersonalFragment(
            name="my-course",
            params=CourseParams,
            topics=_own_topics,
            allow=_may_see,
            version=_own_revision,
            render=self._render_mine,
        )
        self.lesson: PersonalFragment[Viewer, LessonParams] = PersonalFragment(
            name="my-lesson",
            params=LessonParams,
            topics=_own_topics,
            allow=_may_see,
            version=_own_revision,
            render=self._render_lesson,
        )

    @property
    def fragments(self) -> Sequence[Fragment[Viewer, Any]]:
        return (self.outline, self.mine, self.lesson)

    async def _render_outline(self, reader: Reader, audience: Audience, params: CourseParams) -> str | None:
        course = await _find(reader, params)
        if course is None:
            return None
        return self._templates.render_text(
            "courses/_outline.html",
            language=audience.language,
            course=course,
            base=course_path(course.slug),
            outline=await load_outline(reader, course),
            done=frozenset(),
        )

    async def _render_mine(self, reader: Reader, viewer: Viewer, params: CourseParams) -> str | None:
        course = await _find(reader, params)
        if course is None:
            return None
        outline = await load_outline(reader, course)
        progress = await load_progress(reader, viewer, course, outline)
        return self._templates.render_text(
            "courses/_my_course.html",
            language=viewer.reads,
            course=course,
            base=course_path(course.slug),
            outline=outline,
            progress=progress,
            done=progress.done,
        )

    async def _render_lesson(self, reader: Reader, viewer: Viewer, params: LessonParams) -> str | None:
        course = await _find(reader, params)
        if course is None:
            return None
        outline = await load_outline(reader, course)
        lesson = next((entry for entry in outline if entry.id == params.lesson), None)
        if lesson is None:
            return None
        return self._templates.render_text(
            "courses/_my_lesson.html",
            language=viewer.reads,
            course=course,
            base=course_path(course.slug),
            lesson=lesson,
            progress=await load_progress(reader, viewer, course, outline),
        )


def provide_course_live(templates: Templates) -> CourseLive:
    """Provide the parts to pages that show them."""
    return CourseLive(templates)


def make_fragments(templates: Templates) -> Sequence[Fragment[Viewer, Any]]:
    """Return what the site's Live is made with."""
    return CourseLive(templates).fragments


async def _find(reader: Reader, params: CourseParams | LessonParams) -> Course | None:
    return await find(reader, Course, community_id=params.community, id=params.course)


async def _may_see(reader: Reader, viewer: Viewer, params: CourseParams | LessonParams) -> bool:
    if viewer.community_id != params.community:
        return False
    try:
        await open_course_by_id(reader, viewer, params.course)
    except NotFound:
        return False
    return True


def _own_topics(viewer: Viewer, params: CourseParams | LessonParams) -> Sequence[str]:
    topics = [course_topic(params.course)]
    return topics if viewer.account_id is None else [*topics, progress_topic(params.course, viewer.account_id)]


async def _course_revision(reader: Reader, params: CourseParams) -> int | None:
    course = await _find(reader, params)
    return None if course is None else course.revision


async def _own_revision(reader: Reader, viewer: Viewer, params: CourseParams | LessonParams) -> int | None:
    """Return the sum of both revisions that count: it grows when either does."""
    course = await _find(reader, params)
    if course is None:
        return None
    enrolment = await find_enrolment(reader, course, viewer.account_id)
    return course.revision + (0 if enrolment is None else enrolment.revision)
