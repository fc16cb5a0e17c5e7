"""A course as it was read: frozen values that the courses feature writes into its tables, or does not.

One job: the shapes of the result and of the refusal. Must not know: formats, tables, pages.
"""

from collections.abc import Callable
from enum import Enum
from hashlib import sha256
from pathlib import Path
from typing import Final

import msgspec

# progress(done, total, what): called once for each lesson or file, with its source.
Progress = Callable[[int, int, str], None]


class ImportRefused(Exception):
    """The structure cannot be read, so nothing is imported.

    file: relative to the folder, "" for the folder itself. line: from 1, None where no line is at fault.
    """

    def __init__(self, reason: str, *, file: str = "", line: int | None = None) -> None:
        place = file or "the folder"
        super().__init__(f"{place}:{line}: {reason}" if line else f"{place}: {reason}")
        self.file = file
        self.line = line
        self.reason = reason


class ImportLimits(msgspec.Struct, frozen=True):
    """What one import may take; a book of a thousand pages stays under a tenth of each."""

    file_octets: int = 16 * 1024 * 1024
    text_octets: int = 2 * 1024 * 1024
    total_octets: int = 512 * 1024 * 1024
    files: int = 20_000
    lessons: int = 2_000
    include_depth: int = 10  # mdBook's own bound


class GapReason(Enum):
    """Why something that the source refers to is not there; the value is a stable code."""

    MISSING_FILE = "missing_file"
    MISSING_ANCHOR = "missing_anchor"
    MISSING_LINES = "missing_lines"
    MISSING_SECTION = "missing_section"
    NOT_A_LESSON = "not_a_lesson"
    ELSEWHERE = "elsewhere"
    OUTSIDE = "outside"
    REFUSED_TYPE = "refused_type"


SENTENCES: Final = {
    GapReason.MISSING_FILE: "the file is not in the source",
    GapReason.MISSING_ANCHOR: "the file has no such anchor",
    GapReason.MISSING_LINES: "the file has no such lines",
    GapReason.MISSING_SECTION: "the lesson has no such section",
    GapReason.NOT_A_LESSON: "the file is there, but no lesson of this course",
    GapReason.ELSEWHERE: "the picture lies elsewhere; readers fetch it from there",
    GapReason.OUTSIDE: "it lies outside the imported folder",
    GapReason.REFUSED_TYPE: "files of this kind are not taken over",
}


class Gap(msgspec.Struct, frozen=True):
    """lesson: source of the lesson that shows it. file, line: where the reference stands. target: what it names."""

    lesson: str
    file: str
    line: int
    target: str
    reason: GapReason

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.target}: {SENTENCES[self.reason]}"


class ImportedLesson(msgspec.Struct, frozen=True):
    """source: its path in the folder, which names it for links and for the next import.

    level: 0 for the top. number: "1.2" as in the book, "" for a preface. part: the title above it, "" without one.
    text: Markdown with `lesson:`, `asset:` and `gap:` links, without the heading that repeats the title.
    draft: named by the book and not yet written. minutes: as the authors planned, None where they do not say.
    """

    source: str
    title: str
    text: str
    level: int = 0
    number: str = ""
    part: str = ""
    draft: bool = False
    minutes: int | None = None


class ImportedAsset(msgspec.Struct, frozen=True):
    """path: as in `asset:PATH`. sandboxed: may hold script (SVG), must be served under a sandbox policy."""

    path: str
    file: Path
    media_type: str
    size_octets: int
    digest: str
    sandboxed: bool

    def content(self) -> bytes:
        """Return the octets that were checked; raises ImportRefused when the file has changed since."""
        octets = self.file.read_bytes()
        if sha256(octets).hexdigest() != self.digest:
            raise ImportRefused("the file changed while it was imported; import again", file=self.path)
        return octets


class Notice(msgspec.Struct, frozen=True):
    """A licence, copyright, citation or authors file of the source, to be shown with the course."""

    file: str
    text: str


class ImportedCourse(msgspec.Struct, frozen=True):
    """name: the folder's, which names the course for the next import. language: a tag such as "ru"."""

    name: str
    form: str
    title: str
    description: str
    language: str
    licence: str
    authors: tuple[str, ...]
    source_url: str
    notices: tuple[Notice, ...]
    lessons: tuple[ImportedLesson, ...]
    assets: tuple[ImportedAsset, ...]
    gaps: tuple[Gap, ...]
