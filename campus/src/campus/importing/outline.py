"""What a format says about a course before any lesson is read.

One job: the shape that mdbook.py and carpentries.py fill and reading.py follows. Must not know: either format.
"""

from collections.abc import Callable

import msgspec


class SourceLine(msgspec.Struct, frozen=True):
    """One line of a lesson and where it came from, so that a gap can name file and line."""

    text: str
    file: str
    number: int


class Entry(msgspec.Struct, frozen=True):
    """One lesson in the order of the course. file, line: where the order names it. source "": a draft."""

    source: str
    title: str
    level: int
    number: str
    part: str
    line: int


class LessonHead(msgspec.Struct, frozen=True):
    """What stands before a lesson's own text: its own title, planned minutes; lines is the text."""

    lines: tuple[SourceLine, ...]
    title: str = ""
    minutes: int | None = None


class Outline(msgspec.Struct, frozen=True):
    """order_file: the file that lists the lessons. take_head: cuts a lesson's front matter from its text."""

    form: str
    title: str
    description: str
    language: str
    licence: str
    authors: tuple[str, ...]
    source_url: str
    order_file: str
    entries: tuple[Entry, ...]
    take_head: Callable[[str, str, str], LessonHead]
