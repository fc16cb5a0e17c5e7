"""What is read about the forum.

One job: statements, and the functions that run them on a Reader (a unit of work is one, too).
Must not know: who asks, pages.

A page of a thread is a range of numbers, so its query walks the primary key and costs the same wherever it lies.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from sqlalchemy import BindParameter, Select, and_, bindparam, func, literal, not_, select
from sqlalchemy.sql.elements import ColumnElement

from campus.forum.model import Category, Message, ReadMark, Thread
from campus.forum.values import ForumCategory, ForumMessage, ForumThread, Place
from campus.model import Membership
from veche.data import Reader, Statement, find, page_after
from veche.data.columns import Text

MOST_UNREAD: Final = 100

HERE: Final[BindParameter[int]] = bindparam("community_id")
AUTHOR_NAME: Final = func.trim(Membership.first_name + literal(" ") + Membership.last_name, type_=Text()).label(
    "author_name"
)

CATEGORY_COLUMNS: Final = (
    Category.id,
    Category.slug,
    Category.title,
    Category.description,
    Category.language,
    Category.thread_count,
    Category.revision,
)
CATEGORIES: Final = Statement(
    select(*CATEGORY_COLUMNS).where(Category.community_id == HERE).order_by(Category.position, Category.id),
    ForumCategory,
)
CATEGORY: Final = Statement(
    select(*CATEGORY_COLUMNS).where(Category.community_id == HERE, Category.slug == bindparam("slug")), ForumCategory
)
CATEGORIES_REVISION: Final = Statement(
    select(func.coalesce(func.sum(Category.revision), 0)).where(Category.community_id == HERE)
)

_THREADS: Final = (
    select(
        Thread.number,
        Thread.title,
        Category.slug.label("category"),
        Category.title.label("category_title"),
        Thread.subject,
        Membership.account_name.label("author"),
        AUTHOR_NAME,
        Thread.created_at,
        Thread.last_message_at,
        Thread.message_count,
        Thread.last_number,
        Thread.locked,
        Thread.pinned,
        Thread.hidden,
        Thread.revision,
    )
    .join(
        Category.__table__,
        and_(Category.community_id == Thread.community_id, Category.id == Thread.category_id),
    )
    .join(
        Membership.__table__,
        and_(Membership.community_id == Thread.community_id, Membership.account_id == Thread.author_id),
    )
    .where(Thread.community_id == HERE)
)
THREAD: Final = Statement(_THREADS.where(Thread.number == bindparam("number")), ForumThread)


_IN_CATEGORY: Final = Thread.category_id == bindparam("category_id")
_SHOWN: Final = not_(Thread.hidden)
# (in one category, hidden ones too) → which threads
_CONDITIONS: Final[dict[tuple[bool, bool], tuple[ColumnElement[bool], ...]]] = {
    (False, False): (_SHOWN,),
    (False, True): (),
    (True, False): (_IN_CATEGORY, _SHOWN),
    (True, True): (_IN_CATEGORY,),
}


def _listed(conditions: tuple[ColumnElement[bool], ...]) -> Statement[ForumThread]:
    sql: Select[Any] = _THREADS.where(*conditions)
    order = (Thread.pinned, Thread.last_message_at, Thread.number)
    return Statement(page_after(sql, *order, descending=True), ForumThread)


def _numbered(conditions: tuple[ColumnElement[bool], ...]) -> Statement[ForumThread]:
    sql: Select[Any] = _THREADS.where(*conditions)
    return Statement(page_after(sql, Thread.number), ForumThread)


THREADS: Final = {which: _listed(conditions) for which, conditions in _CONDITIONS.items()}
THREADS_BY_NUMBER: Final = {which: _numbered(conditions) for which, conditions in _CONDITIONS.items()}

_MESSAGES: Final = (
    select(
        Message.id,
        Message.number,
        Message.author_id,
        Membership.account_name.label("author"),
        AUTHOR_NAME,
        Message.text,
        Message.created_at,
        Message.edited_at,
        Message.removed_at,
        Message.hidden,
    )
    .join(
        Membership.__table__,
        and_(Membership.community_id == Message.community_id, Membership.account_id == Message.author_id),
    )
    .where(Message.community_id == HERE, Message.thread_id == bindparam("thread_id"))
)


THREADS_OF_AUTHOR: Final = Statement(
    page_after(_THREADS.where(Thread.author_id == bindparam("author_id"), _SHOWN), Thread.id, descending=True),
    ForumThread,
)


class _MessageRow(msgspec.Struct):
    id: int
    number: int
    author_id: int
    author: str
    author_name: str
    text: str
    created_at: datetime
    edited_at: datetime | None
    removed_at: datetime | None
    hidden: bool


MESSAGES: Final = Statement(
    _MESSAGES.where(Message.number >= bindparam("first"), Message.number <= bindparam("last")).order_by(Message.number),
    _MessageRow,
)

READ_MARKS: Final = Statement(
    select(Thread.number, ReadMark.last_number)
    .join(ReadMark.__table__, and_(ReadMark.community_id == Thread.community_id, ReadMark.thread_id == Thread.id))
    .where(
        Thread.community_id == HERE,
        ReadMark.account_id == bindparam("account_id"),
        Thread.number.in_(bindparam("numbers")),
    )
)
# Unread is what was written since the member joined and lies behind their mark.
_IS_UNREAD: Final = (
    not_(Thread.hidden),
    Thread.last_message_at > bindparam("since", type_=Thread.last_message_at.type),
    Thread.last_number > func.coalesce(ReadMark.last_number, 0),
)
_UNREAD: Final = (
    select(Thread.number)
    .join(
        ReadMark.__table__,
        and_(
            ReadMark.community_id == Thread.community_id,
            ReadMark.account_id == bindparam("account_id"),
            ReadMark.thread_id == Thread.id,
        ),
        isouter=True,
    )
    .where(Thread.community_id == HERE, *_IS_UNREAD)
)
UNREAD_COUNT: Final = Statement(select(func.count()).select_from(_UNREAD.limit(MOST_UNREAD).subquery()))
UNREAD: Final = Statement(
    _THREADS.join(
        ReadMark.__table__,
        and_(
            ReadMark.community_id == Thread.community_id,
            ReadMark.account_id == bindparam("account_id"),
            ReadMark.thread_id == Thread.id,
        ),
        isouter=True,
    )
    .where(*_IS_UNREAD)
    .order_by(Thread.last_message_at.desc(), Thread.number.desc())
    .limit(MOST_UNREAD),
    ForumThread,
)

THREAD_REVISIONS: Final = Statement(
    select(Thread.number, Thread.revision).where(Thread.community_id == HERE, Thread.number.in_(bindparam("numbers")))
)
SUBJECT_REVISIONS: Final = Statement(
    select(Thread.subject, Thread.revision).where(
        Thread.community_id == HERE, Thread.subject.in_(bindparam("subjects"))
    )
)
CATEGORY_REVISIONS: Final = Statement(
    select(Category.id, Category.revision).where(Category.community_id == HERE, Category.id.in_(bindparam("ids")))
)
THREAD_REVISION: Final = Statement(
    select(Thread.revision).where(Thread.community_id == HERE, Thread.number == bindparam("number"))
)


async def list_categories(reader: Reader, community_id: int) -> list[ForumCategory]:
    """Return all categories in their order."""
    return await reader.all(CATEGORIES, community_id=community_id)


async def find_category(reader: Reader, community_id: int, slug: str) -> ForumCategory | None:
    """Return the category that stands at this address."""
    return await reader.first(CATEGORY, community_id=community_id, slug=slug)


async def find_thread(reader: Reader, community_id: int, number: int) -> Thread | None:
    """Return the thread's row."""
    return await find(reader, Thread, community_id=community_id, number=number)


async def find_thread_about(reader: Reader, community_id: int, subject: str) -> Thread | None:
    """Return the row of the thread about the subject, once somebody has begun it."""
    return await find(reader, Thread, community_id=community_id, subject=subject)


async def read_thread(reader: Reader, community_id: int, number: int) -> ForumThread | None:
    """Return the thread as it is shown."""
    return await reader.first(THREAD, community_id=community_id, number=number)


async def list_threads(
    reader: Reader,
    community_id: int,
    *,
    after: Place | None = None,
    limit: int,
    category_id: int | None = None,
    hidden_too: bool = False,
) -> list[ForumThread]:
    """Return at most limit threads behind the place: pinned ones first, then those that were written to last."""
    keys = (None, None, None) if after is None else (after.pinned, after.last_message_at, after.number)
    place = {f"after_{index}": key for index, key in enumerate(keys)}
    where: dict[str, object] = {"community_id": community_id, "limit": limit, **place}
    if category_id is not None:
        where["category_id"] = category_id
    return await reader.all(THREADS[category_id is not None, hidden_too], **where)


async def list_threads_by_number(
    reader: Reader,
    community_id: int,
    *,
    after: int | None = None,
    limit: int,
    category_id: int | None = None,
    hidden_too: bool = False,
) -> list[ForumThread]:
    """Return at most limit threads behind the number, in the order of their numbers."""
    where: dict[str, object] = {"community_id": community_id, "limit": limit, "after_0": after}
    if category_id is not None:
        where["category_id"] = category_id
    return await reader.all(THREADS_BY_NUMBER[category_id is not None, hidden_too], **where)


async def list_threads_of(reader: Reader, community_id: int, author_id: int, limit: int) -> list[ForumThread]:
    """Return the threads that the member began last."""
    return await reader.all(THREADS_OF_AUTHOR, community_id=community_id, author_id=author_id, limit=limit)


async def list_messages(
    reader: Reader, thread: Thread, first: int, last: int, *, hidden_too: bool = False
) -> list[ForumMessage]:
    """Return the messages with these numbers, both included; the text of hidden ones only if they are wanted."""
    rows = await reader.all(MESSAGES, community_id=thread.community_id, thread_id=thread.id, first=first, last=last)
    return [_message(thread, row, withhold=row.hidden and not hidden_too) for row in rows]


def _message(thread: Thread, row: _MessageRow, *, withhold: bool) -> ForumMessage:
    return ForumMessage(
        id=row.id,
        thread=thread.number,
        number=row.number,
        author=row.author,
        author_name=row.author_name,
        author_id=row.author_id,
        text="" if withhold else row.text,
        created_at=row.created_at,
        edited_at=row.edited_at,
        removed=row.removed_at is not None,
        hidden=row.hidden,
    )


async def read_marks(reader: Reader, community_id: int, account_id: int, numbers: Sequence[int]) -> dict[int, int]:
    """Return how far the member has read each of these threads; those that were never opened are left out."""
    if not numbers:
        return {}
    found = await reader.all(READ_MARKS, community_id=community_id, account_id=account_id, numbers=list(numbers))
    return dict(found)


async def count_unread(reader: Reader, community_id: int, account_id: int, since: datetime) -> int:
    """Return in how many threads something stands that the member has not read; at most MOST_UNREAD."""
    return await reader.value(UNREAD_COUNT, community_id=community_id, account_id=account_id, since=since) or 0


async def list_unread(reader: Reader, community_id: int, account_id: int, since: datetime) -> list[ForumThread]:
    """Return those threads, the newest first; at most MOST_UNREAD."""
    return await reader.all(UNREAD, community_id=community_id, account_id=account_id, since=since)


async def categories_revision(reader: Reader, community_id: int) -> int:
    """Return a number that grows with every change of any category."""
    return int(await reader.value(CATEGORIES_REVISION, community_id=community_id) or 0)


def thread_topic(community_id: int, number: int) -> str:
    """Return the topic whose version is the thread's revision."""
    return f"thread:{community_id}:{number}"


def subject_topic(community_id: int, subject: str) -> str:
    """Return the topic of the thread about a subject, before there is one too; its version is the thread's revision."""
    return f"about:{community_id}:{subject}"


def category_topic(community_id: int, category_id: int) -> str:
    """Return the topic whose version is the category's revision."""
    return f"category:{community_id}:{category_id}"


def forum_topic(community_id: int) -> str:
    """Return the topic of the page of all categories; its version is the sum of their revisions."""
    return f"forum:{community_id}"


def reading_topic(community_id: int, account_id: int) -> str:
    """Return the topic of what one member has read; a hint without a durable version."""
    return f"reading:{community_id}:{account_id}"


async def newest_revisions(reader: Reader, community_id: int, topics: frozenset[str]) -> dict[str, int]:
    """Return the versions of those topics that are the forum's."""
    newest: dict[str, int] = {}
    threads = _ids_in(topics, thread_topic(community_id, 0)[:-1])
    if threads:
        rows = await reader.all(THREAD_REVISIONS, community_id=community_id, numbers=threads)
        newest |= {thread_topic(community_id, number): revision for number, revision in rows}
    categories = _ids_in(topics, category_topic(community_id, 0)[:-1])
    if categories:
        rows = await reader.all(CATEGORY_REVISIONS, community_id=community_id, ids=categories)
        newest |= {category_topic(community_id, one): revision for one, revision in rows}
    subjects = _rest_of(topics, subject_topic(community_id, ""))
    if subjects:
        about = await reader.all(SUBJECT_REVISIONS, community_id=community_id, subjects=subjects)
        newest |= {subject_topic(community_id, subject or ""): revision for subject, revision in about}
    if forum_topic(community_id) in topics:
        newest[forum_topic(community_id)] = await categories_revision(reader, community_id)
    return newest


def _ids_in(topics: frozenset[str], prefix: str) -> list[int]:
    return [int(rest) for rest in _rest_of(topics, prefix)]


def _rest_of(topics: frozenset[str], prefix: str) -> list[str]:
    return [topic.removeprefix(prefix) for topic in topics if topic.startswith(prefix)]
