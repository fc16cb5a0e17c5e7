"""What is done in the forum: one use case, one function, one unit of work.

One job: lock the thread, ask permission of its present state, write, raise the revisions, say so after the commit.
Must not know: requests, forms, how things look.

Locks are taken in one order, so that no two use cases wait for each other: throttle, counter, thread, categories by id.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, TypeVar

from msgspec import UNSET
from sqlalchemy import bindparam, update

from campus.accounts.viewer import Viewer
from campus.forum.errors import LoginNeeded
from campus.forum.model import MAX_TITLE, Category, Message, ReadMark, Thread, ThreadCounter
from campus.forum.permissions import Deed, require
from campus.forum.queries import (
    categories_revision,
    category_topic,
    find_category,
    find_thread_about,
    forum_topic,
    reading_topic,
    subject_topic,
    thread_topic,
)
from campus.forum.subjects import Subject
from campus.forum.values import MessageChange, NewThread, ThreadChange
from veche.data import (
    ConstraintViolated,
    NotFound,
    Statement,
    Unit,
    UnitsOfWork,
    find,
    get,
    get_for_update,
    new_id,
)
from veche.identity import Attempt, Limit, Throttle

R = TypeVar("R")

DELETING_SECONDS: Final = 30.0  # a long thread goes with all its messages
TRIES: Final = 4
# Two that are first at once meet here; the second one finds the row when it tries again.
RACES: Final = frozenset({"pk_thread_counter", "pk_read_mark", "pk_login_throttle"})
SUBJECT_TAKEN: Final = "uq_thread_community_id_subject"
LAST_POSITION: Final = 1000
# Content, in the language of the lessons; moderators see it as any other category.
SUBJECT_CATEGORIES: Final[dict[str, tuple[str, str, str]]] = {
    "en": ("lessons", "Beside the lessons", "What was asked and answered beside the lessons of the courses."),
    "ru": ("uroki", "На полях уроков", "О чём спрашивали и что отвечали рядом с уроками."),
}

NEXT_NUMBER: Final = Statement(
    update(ThreadCounter.__table__)
    .where(ThreadCounter.community_id == bindparam("community"))
    .values(last_number=ThreadCounter.last_number + 1)
    .returning(ThreadCounter.last_number)
)
RAISE_CATEGORY: Final = Statement(
    update(Category.__table__)
    .where(Category.community_id == bindparam("community"), Category.id == bindparam("category_id"))
    .values(revision=Category.revision + 1, thread_count=Category.thread_count + bindparam("more"))
    .returning(Category.revision)
)
MARK_READ: Final = Statement(
    update(ReadMark.__table__)
    .where(
        ReadMark.community_id == bindparam("community"),
        ReadMark.account_id == bindparam("account"),
        ReadMark.thread_id == bindparam("thread"),
        ReadMark.last_number < bindparam("new_number"),
    )
    .values(last_number=bindparam("new_number"))
)


@dataclass(frozen=True)
class Pace:
    """How fast one member may write."""

    throttle: Throttle
    limit: Limit


async def start_thread(
    units: UnitsOfWork, viewer: Viewer, new: NewThread, *, subject: str | None = None, pace: Pace | None = None
) -> Thread:
    """Make a thread with its first message. Raises LoginNeeded, NotFound (no such category), TooManyAttempts."""
    require(viewer, Deed.START)

    async def work(unit: Unit) -> Thread:
        await _take(unit, viewer, pace)
        number = await next_number(unit, viewer.community_id)
        category = await get(unit, Category, community_id=viewer.community_id, slug=new.category)
        now = datetime.now(UTC)
        thread = Thread(
            community_id=viewer.community_id,
            id=new_id(),
            number=number,
            category_id=category.id,
            subject=subject,
            title=new.title.strip(),
            author_id=_account_of(viewer),
            created_at=now,
            revision=1,
            last_number=1,
            message_count=1,
            last_message_at=now,
        )
        await unit.insert(thread)
        await unit.insert(_message(thread, viewer, new.text, now))
        await _mark_read(unit, viewer, thread, 1)
        await _say(unit, thread, {category.id: 1})
        return thread

    return await _repeated(units, work)


async def write_about(
    units: UnitsOfWork, viewer: Viewer, about: Subject, text: str, *, pace: Pace | None = None
) -> Message:
    """Write in the thread about the subject; the first message begins it. Raises what write_message raises."""
    require(viewer, Deed.START)
    for _ in range(TRIES):
        thread = await find_thread_about(units.reader, viewer.community_id, about.subject)
        if thread is not None:
            return await write_message(units, viewer, thread.number, text, pace=pace)
        slug = await _ensure_category_of_subjects(units, viewer.community_id, about.language)
        new = NewThread(category=slug, title=about.title[:MAX_TITLE], text=text)
        try:
            begun = await start_thread(units, viewer, new, subject=about.subject, pace=pace)
        except ConstraintViolated as error:
            if error.name != SUBJECT_TAKEN:
                raise
            continue  # somebody began it at the same moment
        return await get(units.reader, Message, community_id=begun.community_id, thread_id=begun.id, number=1)
    raise NotFound(f"the thread about {about.subject} comes and goes; try again")


async def _ensure_category_of_subjects(units: UnitsOfWork, community_id: int, language: str) -> str:
    """Return the slug of the category for threads that begin beside a lesson; the first of them makes it."""
    slug, title, description = SUBJECT_CATEGORIES.get(language, SUBJECT_CATEGORIES["en"])
    if await find_category(units.reader, community_id, slug) is None:
        try:
            await create_category(units, community_id, slug, title, description, position=LAST_POSITION)
        except ConstraintViolated:
            pass  # somebody made it at the same moment
    return slug


async def write_message(
    units: UnitsOfWork, viewer: Viewer, thread_number: int, text: str, *, pace: Pace | None = None
) -> Message:
    """Add a message to the end of a thread. Raises NotFound, LoginNeeded, ThreadLocked, TooManyAttempts."""
    require(viewer, Deed.WRITE)

    async def work(unit: Unit) -> Message:
        await _take(unit, viewer, pace)
        thread = await _lock(unit, viewer, thread_number)
        require(viewer, Deed.WRITE, thread)
        now = datetime.now(UTC)
        thread.revision += 1
        thread.last_number += 1
        thread.message_count += 1
        thread.last_message_at = max(now, thread.last_message_at)  # clocks of two machines differ
        message = _message(thread, viewer, text, now)
        await unit.insert(message)
        await unit.update(thread, "revision", "last_number", "message_count", "last_message_at")
        await _mark_read(unit, viewer, thread, thread.last_number, only_next=True)
        await _say(unit, thread, {thread.category_id: 0})
        return message

    return await _repeated(units, work)


async def change_message(units: UnitsOfWork, viewer: Viewer, message_id: int, changes: MessageChange) -> Message:
    """Change the text (its author) or hide it (a moderator). Raises NotFound, NotPermitted, MessageRemoved, …"""

    async def work(unit: Unit) -> Message:
        thread, message = await _lock_message(unit, viewer, message_id)
        if changes.hidden is not UNSET:
            require(viewer, Deed.MODERATE, thread, message)
            message.hidden = changes.hidden
        if changes.text is not UNSET:
            require(viewer, Deed.EDIT, thread, message)
            message.text = changes.text
            message.edited_at = datetime.now(UTC)
        thread.revision += 1
        message.revision = thread.revision
        await unit.update(message, "text", "edited_at", "hidden", "revision")
        await unit.update(thread, "revision")
        await _say(unit, thread, {})
        return message

    return await _repeated(units, work)


async def remove_message(units: UnitsOfWork, viewer: Viewer, message_id: int) -> Message:
    """Take a message away; its number stays as a tombstone. Raises NotFound, NotPermitted, MessageRemoved, …"""

    async def work(unit: Unit) -> Message:
        thread, message = await _lock_message(unit, viewer, message_id)
        require(viewer, Deed.REMOVE, thread, message)
        thread.revision += 1
        thread.message_count -= 1
        message.text = ""
        message.removed_at = datetime.now(UTC)
        message.removed_by = viewer.account_id
        message.revision = thread.revision
        await unit.update(message, "text", "removed_at", "removed_by", "revision")
        await unit.update(thread, "revision", "message_count")
        await _say(unit, thread, {thread.category_id: 0})
        return message

    return await _repeated(units, work)


async def change_thread(units: UnitsOfWork, viewer: Viewer, number: int, changes: ThreadChange) -> Thread:
    """Rename it (its author, a moderator), move, lock, pin or hide it (a moderator). Raises NotFound, NotPermitted…"""

    async def work(unit: Unit) -> Thread:
        thread = await _lock(unit, viewer, number)
        if changes.title is not UNSET:
            require(viewer, Deed.RENAME, thread)
            thread.title = changes.title.strip()
        moderated = (changes.category, changes.locked, changes.pinned, changes.hidden)
        if any(one is not UNSET for one in moderated):
            require(viewer, Deed.MODERATE, thread)
        raised = {thread.category_id: 0 if thread.hidden else -1}
        if changes.category is not UNSET:
            category = await get(unit, Category, community_id=viewer.community_id, slug=changes.category)
            thread.category_id = category.id
        thread.locked = thread.locked if changes.locked is UNSET else changes.locked
        thread.pinned = thread.pinned if changes.pinned is UNSET else changes.pinned
        thread.hidden = thread.hidden if changes.hidden is UNSET else changes.hidden
        raised[thread.category_id] = raised.get(thread.category_id, 0) + (0 if thread.hidden else 1)
        thread.revision += 1
        await unit.update(thread, "title", "category_id", "locked", "pinned", "hidden", "revision")
        await _say(unit, thread, raised)
        return thread

    return await _repeated(units, work)


async def name_subject(units: UnitsOfWork, community_id: int, before: str, subject: str) -> bool:
    """Give the thread about `before` another word for what it is about; return whether there was one."""
    async with units.begin() as unit:
        thread = await find_thread_about(unit, community_id, before)
        if thread is None:
            return False
        thread.subject = subject
        thread.revision += 1
        await unit.update(thread, "subject", "revision")
        await _say(unit, thread, {})
        await unit.commit()
    return True


async def delete_thread(units: UnitsOfWork, viewer: Viewer, number: int) -> None:
    """Delete a thread with all its messages. Raises NotFound, LoginNeeded, NotPermitted."""
    async with units.begin(deadline_seconds=DELETING_SECONDS) as unit:
        thread = await _lock(unit, viewer, number)
        require(viewer, Deed.MODERATE, thread)
        await unit.delete(thread)
        thread.revision += 1
        await _say(unit, thread, {thread.category_id: 0 if thread.hidden else -1})
        await unit.commit()


async def create_category(
    units: UnitsOfWork, community_id: int, slug: str, title: str, description: str = "", *, position: int = 0
) -> Category:
    """Make a shelf for threads. Raises ConstraintViolated when the slug is taken."""
    async with units.begin() as unit:
        category = Category(
            community_id=community_id, id=new_id(), slug=slug, title=title, description=description, position=position
        )
        await unit.insert(category)
        unit.publish_after_commit(forum_topic(community_id), await categories_revision(unit, community_id))
        await unit.commit()
    return category


async def mark_read(units: UnitsOfWork, viewer: Viewer, thread_number: int, last_number: int) -> bool:
    """Remember that the member has read the thread up to this message; return whether that is news."""
    if not viewer.is_member:
        return False
    thread = await find(units.reader, Thread, community_id=viewer.community_id, number=thread_number)
    if thread is None:
        return False
    reached = min(last_number, thread.last_number)
    mark = await find(
        units.reader, ReadMark, community_id=viewer.community_id, account_id=viewer.account_id, thread_id=thread.id
    )
    if mark is not None and mark.last_number >= reached:
        return False  # most views of a page: nothing is written

    async def work(unit: Unit) -> None:
        await _mark_read(unit, viewer, thread, reached)

    await _repeated(units, work)
    return True


async def _repeated(units: UnitsOfWork, work: Callable[[Unit], Awaitable[R]]) -> R:
    for _ in range(TRIES - 1):
        try:
            return await units.run(work)
        except ConstraintViolated as error:
            if error.name not in RACES:
                raise
    return await units.run(work)


async def _take(unit: Unit, viewer: Viewer, pace: Pace | None) -> None:
    if pace is not None:
        await pace.throttle.take(unit, [Attempt(pace.limit, str(viewer.account_id))], datetime.now(UTC))


async def next_number(unit: Unit, community_id: int) -> int:
    """Return the number of a new thread; the counter is ours until the unit ends."""
    number = await unit.value(NEXT_NUMBER, community=community_id)
    if number is None:
        await unit.insert(ThreadCounter(community_id=community_id, last_number=1))
        return 1
    return int(number)


async def _lock(unit: Unit, viewer: Viewer, number: int) -> Thread:
    thread = await get_for_update(unit, Thread, community_id=viewer.community_id, number=number)
    require(viewer, Deed.READ, thread)
    return thread


async def _lock_message(unit: Unit, viewer: Viewer, message_id: int) -> tuple[Thread, Message]:
    """Return the message and its thread, both ours until the unit ends."""
    place = await get(unit, Message, community_id=viewer.community_id, id=message_id)
    thread = await get_for_update(unit, Thread, community_id=viewer.community_id, id=place.thread_id)
    require(viewer, Deed.READ, thread)
    # Read again: whoever held the thread before us may have changed it.
    return thread, await get(unit, Message, community_id=viewer.community_id, id=message_id)


def _message(thread: Thread, viewer: Viewer, text: str, now: datetime) -> Message:
    return Message(
        community_id=thread.community_id,
        thread_id=thread.id,
        number=thread.last_number,
        id=new_id(),
        author_id=_account_of(viewer),
        text=text,
        created_at=now,
        revision=thread.revision,
    )


def _account_of(viewer: Viewer) -> int:
    if viewer.account_id is None:
        raise LoginNeeded("Log in first.")
    return viewer.account_id


async def _mark_read(unit: Unit, viewer: Viewer, thread: Thread, number: int, *, only_next: bool = False) -> None:
    """Move the viewer's mark forward; only_next: one's own message does not prove that all before it were read."""
    key = {"community": viewer.community_id, "account": viewer.account_id, "thread": thread.id}
    mark = await find(
        unit, ReadMark, community_id=viewer.community_id, account_id=viewer.account_id, thread_id=thread.id
    )
    if only_next and mark is not None and mark.last_number < number - 1:
        return
    if mark is None:
        await unit.insert(
            ReadMark(
                community_id=viewer.community_id,
                account_id=_account_of(viewer),
                thread_id=thread.id,
                last_number=0 if only_next and number > 1 else number,
            )
        )
    else:
        await unit.run(MARK_READ, new_number=number, **key)
    topic = reading_topic(viewer.community_id, _account_of(viewer))
    unit.publish_after_commit(topic, round(datetime.now(UTC).timestamp() * 1000))


async def _say(unit: Unit, thread: Thread, raised: dict[int, int]) -> None:
    """Raise the revision of these categories (id → how many threads more), and publish all of it after the commit."""
    community_id = thread.community_id
    unit.publish_after_commit(thread_topic(community_id, thread.number), thread.revision)
    if thread.subject is not None:
        unit.publish_after_commit(subject_topic(community_id, thread.subject), thread.revision)
    for category_id, more in sorted(raised.items()):
        revision = await unit.value(RAISE_CATEGORY, community=community_id, category_id=category_id, more=more)
        if revision is None:
            raise NotFound(f"there is no category {category_id}")
        unit.publish_after_commit(category_topic(community_id, category_id), int(revision))
    if raised:
        unit.publish_after_commit(forum_topic(community_id), await categories_revision(unit, community_id))
