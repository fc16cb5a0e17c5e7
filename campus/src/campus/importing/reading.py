"""read_course(): a folder in, a course out, or a refusal with file, line and reason.

One job: the door. The parsers behind it are imported when it opens: a site that serves pages imports this package for
its types, and must start in under a second. Must not know: how a course is read.
"""

from pathlib import Path
from typing import Final

from campus.importing.model import ImportedCourse, ImportLimits, Progress

LIMITS: Final = ImportLimits()


def _no_progress(_done: int, _total: int, _what: str) -> None:
    return None


def read_course(folder: Path, *, progress: Progress = _no_progress, limits: ImportLimits = LIMITS) -> ImportedCourse:
    """Return the course in the folder: an mdBook or a Carpentries lesson. Nothing is written anywhere.

    What the source refers to and does not hold becomes a gap: listed with file and line, and visible in the lesson.
    Raises ImportRefused, with file and line, when the structure cannot be read or a limit is passed.
    """
    from campus.importing.source import SourceFolder
    from campus.importing.steps import Reading

    return Reading(SourceFolder(folder, limits), limits, progress).course()
