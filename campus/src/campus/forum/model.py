"""The tables of the forum: categories, threads, messages, and what each member has read.

One job: the rows and the few rules that need nothing but the row itself.
Must not know: who may do what (permissions.py), pages, the database.

A thread is a room in the sense of docs/design.md, rule 4: `revision` rises in the same transaction as whatever changes
what its page shows. Messages are numbered 1, 2, 3 … without gaps and a deleted one leaves a tombstone, so that page n
is a range of numbers, found by the key however long the thread is.
"""

from datetime import datetime
from typing import Final

from campus.model import CampusModel
from campus.settings import Language
from veche.data import Check, Field, ForeignKey, Index, Unique, field

MAX_TITLE: Final = 120
MAX_TEXT: Final = 20_000
MAX_SLUG: Final = 60
MAX_DESCRIPTION: Final = 400
MESSAGES_ON_A_PAGE: Final = 30

OF_A_COMMUNITY: Final = ForeignKey(("community_id",), "community", on_delete="CASCADE")
BY_A_MEMBER: Final = ForeignKey(("community_id", "author_id"), "membership", references=("community_id", "account_id"))


class Category(
    CampusModel,
    table="category",
    scope="tenant",
    constraints=(OF_A_COMMUNITY, Unique("community_id", "slug")),
):
    """A shelf of threads. `revision` rises when a thread in it appears, moves, or changes what lists show of it.

    language: what its threads are written in; None is any.
    """

    community_id: Field[int] = field(primary_key=True)
    id: Field[int] = field(primary_key=True)
    slug: Field[str] = field(min_length=1, max_length=MAX_SLUG)
    title: Field[str] = field(min_length=1, max_length=MAX_TITLE)
    description: Field[str] = field(default="", max_length=MAX_DESCRIPTION)
    language: Field[Language | None] = field(default=None)
    position: Field[int] = field(default=0)
    thread_count: Field[int] = field(default=0)
    """How many threads stand here that are not hidden."""
    revision: Field[int] = field(default=0)


class ThreadCounter(CampusModel, table="thread_counter", scope="tenant", constraints=(OF_A_COMMUNITY,)):
    """The number of the community's newest thread; the number of a deleted thread is never given again."""

    community_id: Field[int] = field(primary_key=True)
    last_number: Field[int]


class Thread(
    CampusModel,
    table="thread",
    scope="tenant",
    constraints=(
        ForeignKey(("community_id", "category_id"), "category"),
        BY_A_MEMBER,
        Unique("community_id", "number"),
        Unique("community_id", "subject"),
        Index("community_id", "category_id", "pinned", "last_message_at", "number", name="ix_thread_listed"),
        Index("community_id", "pinned", "last_message_at", "number", name="ix_thread_newest"),
        Index("community_id", "author_id", "id", name="ix_thread_author"),
    ),
):
    """One conversation. `number` is how addresses call it; `subject` is what it is about ("lesson:7"), or None."""

    community_id: Field[int] = field(primary_key=True)
    id: Field[int] = field(primary_key=True)
    number: Field[int]
    category_id: Field[int]
    subject: Field[str | None] = field(default=None, max_length=60)
    title: Field[str] = field(min_length=1, max_length=MAX_TITLE)
    author_id: Field[int]
    created_at: Field[datetime]
    revision: Field[int] = field(default=0)
    last_number: Field[int] = field(default=0)
    """The number of the newest message; also of one that was deleted."""
    message_count: Field[int] = field(default=0)
    """How many of its messages were not deleted."""
    last_message_at: Field[datetime]
    locked: Field[bool] = field(default=False)
    pinned: Field[bool] = field(default=False)
    hidden: Field[bool] = field(default=False)


class Message(
    CampusModel,
    table="message",
    scope="tenant",
    constraints=(
        ForeignKey(("community_id", "thread_id"), "thread", on_delete="CASCADE"),
        BY_A_MEMBER,
        Unique("community_id", "id"),
        Check("number", "number >= 1"),
        Index("community_id", "author_id", "id", name="ix_message_author"),
    ),
):
    """One message; a deleted one keeps its number and loses its text."""

    community_id: Field[int] = field(primary_key=True)
    thread_id: Field[int] = field(primary_key=True)
    number: Field[int] = field(primary_key=True)
    id: Field[int]
    author_id: Field[int]
    text: Field[str] = field(max_length=MAX_TEXT)
    created_at: Field[datetime]
    edited_at: Field[datetime | None] = field(default=None)
    removed_at: Field[datetime | None] = field(default=None)
    removed_by: Field[int | None] = field(default=None)
    hidden: Field[bool] = field(default=False)
    revision: Field[int] = field(default=0)
    """The thread's revision that this row was last changed in: replay is `revision > N`."""


class ReadMark(
    CampusModel,
    table="read_mark",
    scope="tenant",
    constraints=(ForeignKey(("community_id", "thread_id"), "thread", on_delete="CASCADE"),),
):
    """How far one member has read one thread."""

    community_id: Field[int] = field(primary_key=True)
    account_id: Field[int] = field(primary_key=True)
    thread_id: Field[int] = field(primary_key=True)
    last_number: Field[int]


def page_of(number: int) -> int:
    """Return the page, from 1, on which message `number` stands."""
    return max(1, (number - 1) // MESSAGES_ON_A_PAGE + 1)


def numbers_on(page: int) -> range:
    """Return the message numbers of a page, from 1."""
    first = (page - 1) * MESSAGES_ON_A_PAGE + 1
    return range(first, first + MESSAGES_ON_A_PAGE)
