"""Lessons and their threads, each of which knows the other only through this.

One job: courses' seam `LessonThreads` and the forum's seam `Subjects`, met by the other feature.
Must not know: how either works inside. Part of the composition root (site.py).
"""

from typing import Final

from markupsafe import Markup

from campus.accounts.viewer import Viewer
from campus.courses.access import open_course_by_id
from campus.courses.queries import find_place
from campus.courses.rendering import lesson_path
from campus.courses.threads import LessonPlace, LessonThreads
from campus.feature import Feature
from campus.forum.feature import FORUM
from campus.forum.live import ForumParts
from campus.forum.subject_pages import SubjectThreads
from campus.forum.subjects import Subject, Subjects
from campus.parts import SiteLive
from veche.data import NotFound, Reader
from veche.web import Request
from veche.web.templates import Templates

PREFIX: Final = "lesson:"


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


LESSON_THREADS: Final = Feature(
    name="lesson_threads",
    templates=FORUM.templates,
    routes=(),
    providers={Subjects: provide_subjects, LessonThreads: provide_lesson_threads},
)
