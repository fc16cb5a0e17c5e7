"""What stands beside a lesson: its thread. Courses do not know the forum; the site hands in who does.

One job: the seam. Must not know: threads.
"""

from dataclasses import dataclass

from markupsafe import Markup

from campus.accounts.viewer import Viewer
from veche.web import Request


@dataclass(frozen=True)
class LessonPlace:
    """A lesson as its thread knows it."""

    lesson_id: int
    lesson_title: str
    course_title: str
    language: str

    @property
    def subject(self) -> str:
        """What a thread about this lesson is about."""
        return f"lesson:{self.lesson_id}"


class LessonThreads:
    """Shows nothing: a site without a forum. One with a forum provides a subclass under this type."""

    async def embed(self, request: Request, viewer: Viewer, place: LessonPlace) -> Markup:
        """Return the live thread of the lesson, or the way to begin it."""
        return Markup()


def no_threads() -> LessonThreads:
    """Provide the seam where nobody else does."""
    return LessonThreads()
