"""What goes into a rendering and what comes out of it.

One job: the shapes. Must not know: how Markdown is parsed, what a lesson or a message is.
"""

from collections.abc import Callable
from enum import Enum
from typing import Final

import msgspec
from markupsafe import Markup


class Trust(Enum):
    """How much HTML an author may write; both are sanitised."""

    MEMBER = "member"  # none: a tag is shown as text
    TEACHER = "teacher"  # the structural subset of sanitising.TEACHER_TAGS; also for imported lessons


class Links(msgspec.Struct, frozen=True):
    """Where `lesson:SOURCE` and `asset:PATH` lead on this site; None means that it is not there.

    key: names this set of answers in the cache; it must change when an answer changes, such as "course 12 version 3".
    """

    key: str
    lesson: Callable[[str], str | None]
    asset: Callable[[str], str | None]


def _nowhere(_source: str) -> None:
    return None


NO_LINKS: Final = Links(key="", lesson=_nowhere, asset=_nowhere)


class Heading(msgspec.Struct, frozen=True):
    """level: 2 to 6 as in the HTML; anchor: the id in the HTML, prefix included."""

    level: int
    text: str
    anchor: str


class RenderedMarkdown(msgspec.Struct, frozen=True):
    """html: sanitised; plain_text: all words, for search; summary: the first words of the prose, for a description."""

    html: Markup
    headings: tuple[Heading, ...]
    plain_text: str
    summary: str

    @property
    def size_octets(self) -> int:
        """What this costs in the cache, roughly: two octets a character are right for Latin and Cyrillic mixed."""
        return 2 * (len(self.html) + len(self.plain_text) + len(self.summary)) + 200
