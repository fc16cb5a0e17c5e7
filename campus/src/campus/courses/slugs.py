"""The last part of an address, made from words.

One job: a text → a short name that no other thing beside it has. Must not know: tables.
"""

import re
from collections.abc import Container
from typing import Final

from campus.courses.model import MAX_SLUG

# Addresses that are pages of their own below /courses and /courses/{course}.
RESERVED: Final = frozenset(
    {"new", "edit", "copy", "delete", "files", "lessons", "enrol", "leave", "state", "teachers"}
)
NOT_WORDS: Final = re.compile(r"[\W_]+")
FOLDERS: Final = re.compile(r"^(?:src|episodes)/")
SUFFIX: Final = re.compile(r"\.(?:r?md|markdown)$", re.IGNORECASE)


def slug_of(text: str, fallback: str) -> str:
    """Return the words of the text in lower case with hyphens between; letters of any script are kept."""
    return NOT_WORDS.sub("-", text.lower()).strip("-")[: MAX_SLUG - 8].strip("-") or fallback


def slug_of_source(source: str, title: str) -> str:
    """Return the address of an imported lesson: its file's name, which stays when its title is changed."""
    return slug_of(SUFFIX.sub("", FOLDERS.sub("", source)) or title, "lesson")


def unique_slug(wanted: str, taken: Container[str]) -> str:
    """Return wanted, or wanted-2, wanted-3, …: the first that is neither taken nor reserved."""
    if wanted not in taken and wanted not in RESERVED:
        return wanted
    number = 2
    while f"{wanted}-{number}" in taken:
        number += 1
    return f"{wanted}-{number}"
