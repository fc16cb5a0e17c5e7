"""What the forum gives to pages, to the API and to other programs: threads and messages with their authors' names.

One job: the shapes, and the place of a thread in its list.
Must not know: the database, who asks.
"""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Final, Literal, TypeAlias

import msgspec
from msgspec import UNSET, Meta, UnsetType

from campus.forum.model import MAX_TEXT, MAX_TITLE
from campus.words import WORDS

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

Title = Annotated[str, Meta(min_length=1, max_length=MAX_TITLE, pattern=WORDS)]
Text = Annotated[str, Meta(min_length=1, max_length=MAX_TEXT, pattern=WORDS)]
Order: TypeAlias = Literal["number", "active"]
Slug = Annotated[str, Meta(min_length=1, max_length=60)]


class ForumThread(msgspec.Struct, frozen=True):
    """A conversation. `number` is its name in addresses; `subject` is what it is about, such as "lesson:7"."""

    number: int
    title: str
    category: str
    category_title: str
    subject: str | None
    author: str
    author_name: str
    created_at: datetime
    last_message_at: datetime
    message_count: int
    last_number: int
    locked: bool
    pinned: bool
    hidden: bool
    revision: int

    @property
    def place(self) -> "Place":
        """Where it stands in the list of threads."""
        return Place(self.pinned, self.last_message_at, self.number)


class ForumMessage(msgspec.Struct, frozen=True):
    """One message; `number` counts within its thread. The text of a removed one is gone, a hidden one's is withheld."""

    id: int
    thread: int
    number: int
    author: str
    author_name: str
    author_id: int
    text: str
    created_at: datetime
    edited_at: datetime | None
    removed: bool
    hidden: bool


class ForumCategory(msgspec.Struct, frozen=True):
    """A shelf of threads."""

    id: int
    slug: str
    title: str
    description: str
    language: str | None
    thread_count: int
    revision: int


class Place(msgspec.Struct, frozen=True, order=True):
    """Where a list of threads goes on: pinned ones first, then those that were written to last."""

    pinned: bool
    last_message_at: datetime
    number: int

    def __str__(self) -> str:
        microseconds = (self.last_message_at - EPOCH) // timedelta(microseconds=1)
        return f"{self.pinned:d}-{microseconds}-{self.number}"

    @classmethod
    def parse(cls, text: str) -> "Place | None":
        """Return the place that str() wrote, or None for anything else."""
        parts = text.split("-")
        if len(parts) != 3 or parts[0] not in ("0", "1"):  # the three fields
            return None
        if not all(part.isascii() and part.isdigit() and len(part) <= 18 for part in parts):  # 63 bits
            return None
        try:
            moment = EPOCH + timedelta(microseconds=int(parts[1]))
        except OverflowError:
            return None
        return cls(parts[0] == "1", moment, int(parts[2]))


class NewThread(msgspec.Struct):
    """A thread begins with its first message."""

    category: Slug
    title: Title
    text: Text


class ThreadChange(msgspec.Struct):
    """What may be changed of a thread. Its author may give another title; the rest is the moderators'."""

    title: Title | UnsetType = UNSET
    category: Slug | UnsetType = UNSET
    locked: bool | UnsetType = UNSET
    pinned: bool | UnsetType = UNSET
    hidden: bool | UnsetType = UNSET


class NewMessage(msgspec.Struct):
    """A message at the end of the thread with this number."""

    thread: Annotated[int, Meta(ge=1, le=2**63 - 1)]
    text: Text


class MessageChange(msgspec.Struct):
    """Its author may change the text; moderators may hide it."""

    text: Text | UnsetType = UNSET
    hidden: bool | UnsetType = UNSET


class ThreadFilter(msgspec.Struct):
    """Which threads, and how they follow each other."""

    category: Annotated[str, Meta(max_length=60, description="Only threads of the category with this slug.")] | None = (
        None
    )
    order: Annotated[
        Order,
        Meta(description="number: as they were begun; active: pinned first, then those that were written to last."),
    ] = "number"


class MessageFilter(msgspec.Struct):
    """Of which thread."""

    thread: Annotated[int, Meta(ge=1, le=2**63 - 1, description="The number of a thread.")]
