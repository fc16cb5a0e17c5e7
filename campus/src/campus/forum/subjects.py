"""What a thread is about, as far as the forum knows: a word such as "lesson:7" which somebody else can explain.

One job: the seam between threads and what they are about. Must not know: lessons.
"""

from dataclasses import dataclass

from campus.accounts.viewer import Viewer


@dataclass(frozen=True)
class Subject:
    """What a thread is about: how it is called, where it is, and in which language."""

    subject: str
    title: str
    url: str
    language: str


class Subjects:
    """Knows nothing. A site where threads are about something provides a subclass under this type."""

    async def find(self, viewer: Viewer, subject: str) -> Subject | None:
        """Return what the word means, if the viewer may know it."""
        return None


def no_subjects() -> Subjects:
    """Provide the seam where nobody else does."""
    return Subjects()
