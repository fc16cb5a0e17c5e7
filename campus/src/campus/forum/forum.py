"""`Forum`: threads and messages for one viewer. Pages, the API and other programs call it; there is no second way.

One job: the five verbs for threads and for messages, with the rights of whoever asks.
Must not know: requests, HTML.
"""

from typing import Final

from campus.accounts.viewer import Viewer
from campus.forum import actions, queries
from campus.forum.actions import Pace
from campus.forum.model import Message, Thread, numbers_on
from campus.forum.permissions import Deed, require
from campus.forum.values import (
    ForumCategory,
    ForumMessage,
    ForumThread,
    MessageChange,
    NewMessage,
    NewThread,
    Order,
    Place,
    ThreadChange,
)
from veche.data import NotFound, Reader, UnitsOfWork, find, get

THREADS_ON_A_PAGE: Final = 30


class Forum:
    """The forum as the viewer may see and change it.

    `all` and `get` show hidden threads to moderators only. What is not there, or not for this viewer, raises NotFound;
    what is not allowed raises LoginNeeded, NotPermitted or ThreadLocked; too fast raises TooManyAttempts.
    """

    def __init__(self, units: UnitsOfWork, viewer: Viewer, *, pace: Pace | None = None) -> None:
        self._units = units
        self.pace = pace
        self.viewer = viewer
        self.messages = Messages(units, viewer, pace=pace)

    def seen_by(self, viewer: Viewer) -> "Forum":
        """Return the same forum for somebody else."""
        return type(self)(self._units, viewer, pace=self.pace)

    async def all(
        self,
        after: int | Place | None = None,
        limit: int = THREADS_ON_A_PAGE,
        *,
        category: str | None = None,
        order: Order = "active",
    ) -> list[ForumThread]:
        """Return at most limit threads: pinned ones first, then those that were written to last; or by number.

        after: the place behind which to go on, or the number of the thread that stands there now.
        category: the slug of one. In a category and behind a thread that are not there stands nothing.
        """
        reader, here = self._units.reader, self.viewer.community_id
        place = after if isinstance(after, Place) else None
        category_id = None
        if category is not None:
            found = await queries.find_category(reader, here, category)
            if found is None:
                return []
            category_id = found.id
        if order == "number":
            return await queries.list_threads_by_number(
                reader,
                here,
                after=place.number if place else after if isinstance(after, int) else None,
                limit=limit,
                category_id=category_id,
                hidden_too=self.viewer.moderates,
            )
        if isinstance(after, int):
            anchor = await queries.read_thread(reader, here, after)
            if anchor is None:
                return []
            place = anchor.place
        return await queries.list_threads(
            reader, here, after=place, limit=limit, category_id=category_id, hidden_too=self.viewer.moderates
        )

    async def get(self, number: int) -> ForumThread:
        """Return the thread with this number."""
        found = await queries.read_thread(self._units.reader, self.viewer.community_id, number)
        if found is None or (found.hidden and not self.viewer.moderates):
            raise NotFound(f"there is no thread {number}")
        return found

    async def create(self, new: NewThread) -> ForumThread:
        """Make a thread with its first message."""
        thread = await actions.start_thread(self._units, self.viewer, new, pace=self.pace)
        return await self.get(thread.number)

    async def update(self, number: int, changes: ThreadChange) -> ForumThread:
        """Rename, move, lock, pin or hide the thread; what is UNSET stays."""
        await actions.change_thread(self._units, self.viewer, number, changes)
        return await self.get(number)

    async def delete(self, number: int) -> None:
        """Delete the thread with all its messages."""
        await actions.delete_thread(self._units, self.viewer, number)

    async def categories(self) -> list[ForumCategory]:
        """Return the categories in their order."""
        return await queries.list_categories(self._units.reader, self.viewer.community_id)

    async def category(self, slug: str) -> ForumCategory:
        """Return the category at this address."""
        found = await queries.find_category(self._units.reader, self.viewer.community_id, slug)
        if found is None:
            raise NotFound(f"there is no category {slug!r}")
        return found


class Messages:
    """The messages of threads; a message is called by its id, or by its thread's number and its own."""

    def __init__(self, units: UnitsOfWork, viewer: Viewer, *, pace: Pace | None = None) -> None:
        self._units = units
        self._viewer = viewer
        self._pace = pace

    @property
    def _reader(self) -> Reader:
        return self._units.reader

    async def all(self, after: int | None = None, limit: int = 30, *, thread: int) -> list[ForumMessage]:
        """Return at most limit messages of the thread with this number, those behind the message with the id after.

        Of a thread that is not there, and behind a message that is not there, stands nothing.
        """
        try:
            found = await self._thread(thread)
            first = 1 if after is None else (await self._row(after, found)).number + 1
        except NotFound:
            return []
        return await self._read(found, first, first + limit - 1)

    async def page(self, thread: int, page: int) -> list[ForumMessage]:
        """Return the messages of one page of the thread, from 1; the cost does not depend on which page it is."""
        numbers = numbers_on(page)
        return await self._read(await self._thread(thread), numbers[0], numbers[-1])

    async def get(self, message_id: int) -> ForumMessage:
        """Return the message with this id."""
        row = await self._row(message_id)
        thread = await get(self._reader, Thread, community_id=row.community_id, id=row.thread_id)
        require(self._viewer, Deed.READ, thread)
        return _one(await self._read(thread, row.number, row.number))

    async def at(self, thread: int, number: int) -> ForumMessage:
        """Return the message with this number in the thread with that number."""
        return _one(await self._read(await self._thread(thread), number, number))

    async def create(self, new: NewMessage) -> ForumMessage:
        """Write a message at the end of a thread."""
        written = await actions.write_message(self._units, self._viewer, new.thread, new.text, pace=self._pace)
        return await self.get(written.id)

    async def update(self, message_id: int, changes: MessageChange) -> ForumMessage:
        """Change the text or hide the message; what is UNSET stays."""
        await actions.change_message(self._units, self._viewer, message_id, changes)
        return await self.get(message_id)

    async def delete(self, message_id: int) -> None:
        """Delete the message; its number stays."""
        await actions.remove_message(self._units, self._viewer, message_id)

    async def _thread(self, number: int) -> Thread:
        thread = await queries.find_thread(self._reader, self._viewer.community_id, number)
        if thread is None:
            raise NotFound(f"there is no thread {number}")
        require(self._viewer, Deed.READ, thread)
        return thread

    async def _row(self, message_id: int, thread: Thread | None = None) -> Message:
        row = await find(self._reader, Message, community_id=self._viewer.community_id, id=message_id)
        if row is None or (thread is not None and row.thread_id != thread.id):
            raise NotFound(f"there is no message {message_id}")
        return row

    async def _read(self, thread: Thread, first: int, last: int) -> list[ForumMessage]:
        return await queries.list_messages(self._reader, thread, first, last, hidden_too=self._viewer.moderates)


def _one(found: list[ForumMessage]) -> ForumMessage:
    if not found:
        raise NotFound("there is no such message")
    return found[0]
