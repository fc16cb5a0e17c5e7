"""The use cases on both engines: numbers, revisions, counts, and what is published after a commit."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from campus.accounts import actions as accounts
from campus.accounts.actions import NewAccount, Visit
from campus.accounts.administration import appoint
from campus.accounts.queries import find_account_by_name, find_membership
from campus.accounts.services import open_identity
from campus.accounts.viewer import Member, Viewer, member_of
from campus.communities import ensure_first_community
from campus.forum import queries
from campus.forum.actions import create_category, start_thread, write_message
from campus.forum.errors import LoginNeeded, ThreadLocked
from campus.forum.forum import Forum
from campus.forum.queries import category_topic, forum_topic, newest_revisions, thread_topic
from campus.forum.values import MessageChange, NewMessage, NewThread, ThreadChange
from campus.model import DEFAULT_COMMUNITY_ID, METADATA, Role
from fixtures.campus_site import CHEAP, PASSWORD
from veche.data import NotFound, UnitsOfWork, create_tables, open_database
from veche.identity import Browser, Passwords, parse_account_name
from veche.publish import Change

HERE = DEFAULT_COMMUNITY_ID
WRITERS = 8
EACH = 5


class Two:
    """Two workers on one database, and what they published."""

    def __init__(self, url: str) -> None:
        self.published: list[Change] = []
        self.databases = [open_database(url), open_database(url)]
        self.units, self.other_units = [UnitsOfWork(one, self.published.extend) for one in self.databases]

    async def member(self, name: str, role: Role = Role.MEMBER) -> Member:
        """Make a member."""
        identity = open_identity(Passwords(CHEAP))
        new = NewAccount(name=parse_account_name(name), password=PASSWORD, first_name=name, last_name="")
        try:
            await accounts.register(self.units, identity, Visit(HERE, Browser("a test", "127.0.0.1")), new)
        finally:
            identity.passwords.close()
        account = await find_account_by_name(self.units.reader, name)
        assert account is not None
        if role is not Role.MEMBER:
            await appoint(self.units, HERE, account.id, role)
        membership = await find_membership(self.units.reader, HERE, account.id)
        assert membership is not None
        return member_of(membership, 0)

    def said(self, topic: str) -> list[int]:
        """Return the versions that were published of a topic, in their order."""
        return [change.version for change in self.published if change.topic == topic]


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Two]:
    two = Two(url)
    create_tables(two.databases[0], METADATA)
    await ensure_first_community(two.units, "open")
    await create_category(two.units, HERE, "bread", "Bread")
    await create_category(two.units, HERE, "soup", "Soup")
    try:
        yield two
    finally:
        for database in two.databases:
            await database.close()


def run(url: str, scenario: Callable[[Two], Awaitable[None]]) -> None:
    async def whole() -> None:
        async with opened(url) as two:
            await scenario(two)

    asyncio.run(whole())


def test_many_who_write_at_once_take_numbers_without_a_gap(database_url: str) -> None:
    async def scenario(two: Two) -> None:
        anna = await two.member("anna")
        forum = Forum(two.units, anna)
        thread = await forum.create(NewThread("bread", "Rye", "1"))

        async def write(units: UnitsOfWork) -> None:
            for _ in range(EACH):
                await write_message(units, anna, thread.number, "more")

        await asyncio.gather(*(write((two.units, two.other_units)[number % 2]) for number in range(WRITERS)))
        total = 1 + WRITERS * EACH
        after = await forum.get(thread.number)
        assert (after.last_number, after.message_count, after.revision) == (total, total, total)
        messages = await forum.messages.all(limit=total + 1, thread=thread.number)
        assert [one.number for one in messages] == list(range(1, total + 1))
        assert sorted(two.said(thread_topic(HERE, thread.number))) == list(range(1, total + 1))

    run(database_url, scenario)


def test_many_who_begin_threads_at_once_take_numbers_without_a_gap(database_url: str) -> None:
    async def scenario(two: Two) -> None:
        anna = await two.member("anna")
        made = await asyncio.gather(
            *(
                start_thread((two.units, two.other_units)[number % 2], anna, NewThread("bread", f"{number}", "1"))
                for number in range(10)
            )
        )
        assert sorted(thread.number for thread in made) == list(range(1, 11))
        assert (await Forum(two.units, anna).category("bread")).thread_count == 10

    run(database_url, scenario)


def test_every_change_raises_the_revision_and_a_deleted_message_keeps_its_number(database_url: str) -> None:
    async def scenario(two: Two) -> None:
        anna, petra = await two.member("anna"), await two.member("petra", Role.MODERATOR)
        forum, moderation = Forum(two.units, anna), Forum(two.units, petra)
        thread = await forum.create(NewThread("bread", "Rye", "1"))
        second = await forum.messages.create(NewMessage(thread.number, "2"))
        await forum.messages.create(NewMessage(thread.number, "3"))
        await forum.messages.update(second.id, MessageChange(text="two"))
        await moderation.messages.update(second.id, MessageChange(hidden=True))
        await moderation.update(thread.number, ThreadChange(locked=True))
        await moderation.update(thread.number, ThreadChange(pinned=True))
        await moderation.messages.delete(second.id)
        assert two.said(thread_topic(HERE, thread.number)) == [1, 2, 3, 4, 5, 6, 7, 8]
        messages = await forum.messages.all(thread=thread.number)
        assert [(one.number, one.text, one.removed) for one in messages] == [
            (1, "1", False),
            (2, "", True),
            (3, "3", False),
        ]
        after = await forum.get(thread.number)
        assert (after.last_number, after.message_count) == (3, 2)
        with pytest.raises(ThreadLocked):
            await forum.messages.create(NewMessage(thread.number, "4"))

    run(database_url, scenario)


def test_moving_and_hiding_keep_the_counts_of_the_categories(database_url: str) -> None:
    async def scenario(two: Two) -> None:
        anna, petra = await two.member("anna"), await two.member("petra", Role.MODERATOR)
        forum, moderation = Forum(two.units, anna), Forum(two.units, petra)

        async def counts() -> tuple[int, int]:
            return (await forum.category("bread")).thread_count, (await forum.category("soup")).thread_count

        numbers = [(await forum.create(NewThread("bread", f"Rye {one}", "1"))).number for one in range(3)]
        assert await counts() == (3, 0)
        await moderation.update(numbers[0], ThreadChange(category="soup"))
        assert await counts() == (2, 1)
        await moderation.update(numbers[0], ThreadChange(hidden=True))
        assert await counts() == (2, 0)
        await moderation.update(numbers[0], ThreadChange(hidden=False, category="bread"))
        assert await counts() == (3, 0)
        await moderation.delete(numbers[1])
        assert await counts() == (2, 0)
        new = await forum.create(NewThread("bread", "Oats", "1"))
        assert new.number == 4, "the number of a deleted thread is never given again"
        await moderation.delete(new.number)
        assert (await forum.create(NewThread("bread", "Oats", "1"))).number == 5

    run(database_url, scenario)


def test_the_newest_versions_are_those_that_were_published(database_url: str) -> None:
    async def scenario(two: Two) -> None:
        anna = await two.member("anna")
        forum = Forum(two.units, anna)
        thread = await forum.create(NewThread("bread", "Rye", "1"))
        await forum.messages.create(NewMessage(thread.number, "2"))
        category = await forum.category("bread")
        topics = [thread_topic(HERE, thread.number), category_topic(HERE, category.id), forum_topic(HERE)]
        newest = await newest_revisions(
            two.units.reader, HERE, frozenset([*topics, "account:7", thread_topic(HERE, 99)])
        )
        assert newest == {topic: two.said(topic)[-1] for topic in topics}

    run(database_url, scenario)


def test_what_is_refused_leaves_nothing_half_written(database_url: str) -> None:
    async def scenario(two: Two) -> None:
        anna = await two.member("anna")
        forum = Forum(two.units, anna)
        two.published.clear()
        with pytest.raises(NotFound):
            await forum.create(NewThread("nowhere", "Rye", "1"))
        with pytest.raises(NotFound):
            await forum.messages.create(NewMessage(99, "1"))
        with pytest.raises(LoginNeeded):
            await forum.seen_by(Viewer(HERE)).create(NewThread("bread", "Rye", "1"))
        assert two.published == []
        assert await queries.list_threads(two.units.reader, HERE, limit=10) == []
        assert (await forum.create(NewThread("bread", "Rye", "1"))).number == 1, "no number was used up"

    run(database_url, scenario)


def test_the_list_goes_on_behind_a_place_though_threads_move_meanwhile(database_url: str) -> None:
    async def scenario(two: Two) -> None:
        anna, petra = await two.member("anna"), await two.member("petra", Role.MODERATOR)
        forum = Forum(two.units, anna)
        for number in range(1, 8):
            await forum.create(NewThread("bread", f"{number}", "1"))
        await Forum(two.units, petra).update(3, ThreadChange(pinned=True))
        first = await forum.all(limit=3, category="bread")
        assert [one.number for one in first] == [3, 7, 6]
        await forum.messages.create(NewMessage(6, "up"))  # the last one of the page moves to the top
        rest = await forum.all(first[-1].place, 10, category="bread")
        assert [one.number for one in rest] == [5, 4, 2, 1]
        assert type(first[-1].place).parse(str(first[-1].place)) == first[-1].place

    run(database_url, scenario)
