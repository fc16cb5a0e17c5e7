"""Lessons and their threads, each of which knows the other only through this.

One job: courses' seam `LessonThreads` and the forum's seam `Subjects`, met by the other feature.
Must not know: how either works inside. Part of the composition root (site.py).
"""

import asyncio
from typing import Final

from markupsafe import Markup
from sqlalchemy import and_, bindparam, select

from campus.accounts.viewer import Viewer
from campus.courses.access import open_course_by_id
from campus.courses.model import Course, Lesson
from campus.courses.queries import find_place
from campus.courses.rendering import lesson_path
from campus.courses.threads import LessonPlace, LessonThreads
from campus.feature import Feature
from campus.forum.actions import name_subject
from campus.forum.feature import FORUM
from campus.forum.live import ForumParts
from campus.forum.sample_threads import sample_subject
from campus.forum.subject_pages import SubjectThreads
from campus.forum.subjects import Subject, Subjects
from campus.model import DEFAULT_COMMUNITY_ID
from campus.parts import Parts, SiteLive
from campus.sample import sample_content
from veche.data import NotFound, Reader, Statement
from veche.web import Request
from veche.web.templates import Templates

PREFIX: Final = "lesson:"
IMPORTED_LESSON: Final = Statement(
    select(Lesson.id)
    .join(Course.__table__, and_(Course.community_id == Lesson.community_id, Course.id == Lesson.course_id))
    .where(
        Lesson.community_id == bindparam("community_id"),
        Course.source == bindparam("source"),
        Lesson.source_path == bindparam("path"),
    )
)


class LessonSubjects(Subjects):
    """Says which lesson a thread is about, to those who may see the lesson."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def find(self, viewer: Viewer, subject: str) -> Subject | None:
        number = subject.removeprefix(PREFIX)
        if number == subject or not (number.isascii() and number.isdigit() and len(number) < 17):
            return None
        place = await find_place(self._reader, viewer.community_id, int(number))
        if place is None:
            return None
        try:
            course = (await open_course_by_id(self._reader, viewer, place.course_id)).course
        except NotFound:
            return None
        url = lesson_path(place.course_slug, place.lesson_slug)
        return Subject(subject, place.lesson_title, url, course.language)


class ForumOfLessons(LessonThreads):
    """Shows a lesson's thread beside it."""

    def __init__(self, threads: SubjectThreads) -> None:
        self._threads = threads

    async def embed(self, request: Request, viewer: Viewer, place: LessonPlace) -> Markup:
        about = Subject(place.subject, place.lesson_title, request.path, place.language)
        return await self._threads.embed(request, viewer, about)


def provide_subjects(reader: Reader) -> Subjects:
    """Provide what threads are about."""
    return LessonSubjects(reader)


def provide_lesson_threads(templates: Templates, live: SiteLive, parts: ForumParts) -> LessonThreads:
    """Provide the threads of lessons."""
    return ForumOfLessons(SubjectThreads(templates, live, parts))


async def join_sample_threads(parts: Parts) -> None:
    """Let the sample's threads be about its lessons; both were loaded before."""
    for thread in (await asyncio.to_thread(sample_content)).threads:
        if not thread.lesson:
            continue
        lesson = await parts.units.reader.first(
            IMPORTED_LESSON, community_id=DEFAULT_COMMUNITY_ID, source=thread.course, path=thread.lesson
        )
        if lesson is not None:
            before = sample_subject(thread.course, thread.lesson)
            await name_subject(parts.units, DEFAULT_COMMUNITY_ID, before, f"{PREFIX}{lesson[0]}")


LESSON_THREADS: Final = Feature(
    name="lesson_threads",
    templates=FORUM.templates,
    routes=(),
    providers={Subjects: provide_subjects, LessonThreads: provide_lesson_threads},
    load_sample=join_sample_threads,
)
