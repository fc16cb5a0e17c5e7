"""The live parts of the forum: what pages show of threads and lists, kept true while somebody looks.

One job: fragments and how each is rendered.
Must not know: requests. A shared part never learns who looks; what is personal are parts of their own.

A part is rendered without a request, so its addresses are written out; `addresses` in tests hold them to the routes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Final

import msgspec
from markupsafe import Markup
from msgspec import Meta

from campus.accounts.viewer import Viewer
from campus.forum import queries
from campus.forum.model import Thread, numbers_on, page_of
from campus.forum.permissions import Deed, Verdict, verdict
from campus.forum.values import ForumMessage, ForumThread
from campus.markdown import render as render_markdown
from campus.model import Membership, Role
from veche.data import Reader, find
from veche.live import Audience, Fragment, PersonalFragment, SharedFragment, place
from veche.web.templates import Templates

THREADS_IN_A_LIST: Final = 30
NEWEST_IN_A_CATEGORY: Final = 4
MESSAGES_BESIDE: Final = 20
MODERATING: Final = frozenset({Role.MODERATOR.value, Role.ADMINISTRATOR.value})

Positive = Annotated[int, Meta(ge=1, le=2**53)]


class CommunityParams(msgspec.Struct, frozen=True):
    """The whole forum."""

    community: Positive


class CategoryParams(msgspec.Struct, frozen=True):
    """One category, by its slug."""

    community: Positive
    slug: str


class ThreadParams(msgspec.Struct, frozen=True):
    """One thread."""

    community: Positive
    number: Positive


class PageParams(msgspec.Struct, frozen=True):
    """One page of a thread."""

    community: Positive
    number: Positive
    page: Positive


class SubjectParams(msgspec.Struct, frozen=True):
    """The thread about a subject, whether it has begun or not."""

    community: Positive
    subject: Annotated[str, Meta(max_length=60)]


@dataclass(frozen=True)
class ShownMessage:
    """A message with its text as HTML."""

    message: ForumMessage
    html: Markup


def shown(message: ForumMessage) -> ShownMessage:
    """Return the message as pages show it."""
    return ShownMessage(message, render_markdown(message.text, anchor_prefix=f"m{message.number}-").html)


@dataclass(frozen=True)
class ListedThread:
    """A thread in a list, with the place of the viewer's own unread mark."""

    thread: ForumThread
    mark: Markup = field(default_factory=Markup)


class ForumParts:
    """The fragments, rendered with the site's templates; a page embeds them as `live.embed(viewer, parts.head, …)`."""

    def __init__(self, templates: Templates) -> None:
        self._templates = templates
        self.head: SharedFragment[Viewer, ThreadParams] = SharedFragment(
            name="thread-head",
            params=ThreadParams,
            topics=_thread_topics,
            allow=may_read,
            version=thread_revision,
            render=self._head,
        )
        self.messages: SharedFragment[Viewer, PageParams] = SharedFragment(
            name="thread-messages",
            params=PageParams,
            topics=_thread_topics,
            allow=may_read,
            version=thread_revision,
            render=self._messages,
        )
        self.state: SharedFragment[Viewer, ThreadParams] = SharedFragment(
            name="thread-state",
            params=ThreadParams,
            topics=_thread_topics,
            allow=may_read,
            version=thread_revision,
            render=self._state,
        )
        self.about: SharedFragment[Viewer, SubjectParams] = SharedFragment(
            name="thread-about",
            params=SubjectParams,
            topics=lambda params: [queries.subject_topic(params.community, params.subject)],
            allow=is_of_the_community,
            version=subject_revision,
            render=self._about,
        )
        self.categories: SharedFragment[Viewer, CommunityParams] = SharedFragment(
            name="forum-categories",
            params=CommunityParams,
            topics=lambda params: [queries.forum_topic(params.community)],
            allow=is_of_the_community,
            version=lambda reader, params: queries.categories_revision(reader, params.community),
            render=self._categories,
        )
        self.threads: SharedFragment[Viewer, CategoryParams] = SharedFragment(
            name="thread-list",
            params=CategoryParams,
            topics=lambda params: [queries.forum_topic(params.community)],
            allow=is_of_the_community,
            version=category_revision,
            render=self._threads,
        )
        self.unread: PersonalFragment[Viewer, ThreadParams] = PersonalFragment(
            name="unread-mark",
            params=ThreadParams,
            topics=lambda viewer, params: [
                *_thread_topics(params),
                queries.reading_topic(params.community, viewer.account_id or 0),
            ],
            allow=is_a_member,
            render=self._unread,
        )
        self.unread_count: PersonalFragment[Viewer, CommunityParams] = PersonalFragment(
            name="unread-count",
            params=CommunityParams,
            topics=lambda viewer, params: [
                queries.forum_topic(params.community),
                queries.reading_topic(params.community, viewer.account_id or 0),
            ],
            allow=is_a_member,
            render=self._unread_count,
        )

    @property
    def fragments(self) -> Sequence[Fragment[Viewer, Any]]:
        """All of them, for Live."""
        return (
            self.head,
            self.messages,
            self.state,
            self.about,
            self.categories,
            self.threads,
            self.unread,
            self.unread_count,
        )

    def listed(self, threads: Sequence[ForumThread], community_id: int) -> list[ListedThread]:
        """Return the rows of a list."""
        return [
            ListedThread(one, place(self.unread, ThreadParams(community_id, one.number), tag="span")) for one in threads
        ]

    async def _head(self, reader: Reader, audience: Audience, params: ThreadParams) -> str | None:
        thread = await queries.read_thread(reader, params.community, params.number)
        if thread is None or _is_unseen(thread.hidden, audience):
            return None
        return self._text("thread_head", audience, thread=thread)

    async def _state(self, reader: Reader, audience: Audience, params: ThreadParams) -> str | None:
        thread = await queries.find_thread(reader, params.community, params.number)
        if thread is None or _is_unseen(thread.hidden, audience):
            return None
        return self._text("thread_state", audience, thread=thread)

    async def _messages(self, reader: Reader, audience: Audience, params: PageParams) -> str | None:
        thread = await queries.find_thread(reader, params.community, params.number)
        if thread is None or _is_unseen(thread.hidden, audience):
            return None
        numbers = numbers_on(params.page)
        found = await queries.list_messages(
            reader, thread, numbers[0], numbers[-1], hidden_too=audience.role in MODERATING
        )
        return self._text(
            "messages",
            audience,
            thread=thread,
            messages=[shown(one) for one in found],
            page=params.page,
            pages=page_of(max(thread.last_number, 1)),
        )

    async def _about(self, reader: Reader, audience: Audience, params: SubjectParams) -> str | None:
        thread = await queries.find_thread_about(reader, params.community, params.subject)
        if thread is None or _is_unseen(thread.hidden, audience):
            return self._text("subject_thread", audience, thread=None)
        first = max(1, thread.last_number - MESSAGES_BESIDE + 1)
        found = await queries.list_messages(
            reader, thread, first, thread.last_number, hidden_too=audience.role in MODERATING
        )
        messages = [shown(one) for one in found]
        return self._text("subject_thread", audience, thread=thread, messages=messages, earlier=first - 1)

    async def _categories(self, reader: Reader, audience: Audience, params: CommunityParams) -> str | None:
        categories = await queries.list_categories(reader, params.community)
        categories.sort(key=lambda one: one.language not in (None, audience.language))  # stable: else in their order
        rows = [
            (
                category,
                self.listed(
                    await queries.list_threads(
                        reader, params.community, limit=NEWEST_IN_A_CATEGORY, category_id=category.id
                    ),
                    params.community,
                ),
            )
            for category in categories
        ]
        return self._text("categories", audience, rows=rows)

    async def _threads(self, reader: Reader, audience: Audience, params: CategoryParams) -> str | None:
        category = await queries.find_category(reader, params.community, params.slug)
        if category is None:
            return None
        threads = await queries.list_threads(
            reader,
            params.community,
            limit=THREADS_IN_A_LIST + 1,
            category_id=category.id,
            hidden_too=audience.role in MODERATING,
        )
        return self._text(
            "threads",
            audience,
            category=category,
            rows=self.listed(threads[:THREADS_IN_A_LIST], params.community),
            more=len(threads) > THREADS_IN_A_LIST,
        )

    async def _unread(self, reader: Reader, viewer: Viewer, params: ThreadParams) -> str | None:
        thread = await queries.find_thread(reader, params.community, params.number)
        if thread is None or verdict(viewer, Deed.READ, thread) is not Verdict.YES:
            return None
        marks = await queries.read_marks(reader, params.community, viewer.account_id or 0, [params.number])
        since = await joined_at(reader, viewer)
        if params.number not in marks and thread.last_message_at <= since:
            return self._text("unread", viewer.audience, thread=thread, count=0, is_new=False)
        count = thread.last_number - marks.get(params.number, 0)
        return self._text("unread", viewer.audience, thread=thread, count=count, is_new=params.number not in marks)

    async def _unread_count(self, reader: Reader, viewer: Viewer, params: CommunityParams) -> str | None:
        count = await unread_count(reader, viewer)
        return self._text("unread_count", viewer.audience, count=count, most=queries.MOST_UNREAD)

    def _text(self, name: str, audience: Audience, **context: object) -> str:
        moderates = audience.role in MODERATING
        is_member = audience.role != "stranger"
        return self._templates.render_text(
            f"forum/_{name}.html", language=audience.language, moderates=moderates, is_member=is_member, **context
        )


async def joined_at(reader: Reader, viewer: Viewer) -> datetime:
    """Return since when the viewer is a member: what was said before is not unread."""
    member = await find(reader, Membership, community_id=viewer.community_id, account_id=viewer.account_id)
    assert member is not None, "a viewer with an account is a member"
    return member.joined_at


async def unread_count(reader: Reader, viewer: Viewer) -> int:
    """Return in how many threads the member has something to read; 0 for strangers."""
    if viewer.account_id is None:
        return 0
    since = await joined_at(reader, viewer)
    return await queries.count_unread(reader, viewer.community_id, viewer.account_id, since)


def _thread_topics(params: ThreadParams | PageParams) -> Sequence[str]:
    return [queries.thread_topic(params.community, params.number)]


def _is_unseen(hidden: bool, audience: Audience) -> bool:
    return hidden and audience.role not in MODERATING


async def may_read(reader: Reader, viewer: Viewer, params: ThreadParams | PageParams) -> bool:
    """Return whether the thread is there for this viewer."""
    if params.community != viewer.community_id:
        return False
    thread: Thread | None = await queries.find_thread(reader, params.community, params.number)
    return thread is not None and verdict(viewer, Deed.READ, thread) is Verdict.YES


async def is_of_the_community(
    _reader: Reader, viewer: Viewer, params: CommunityParams | CategoryParams | SubjectParams
) -> bool:
    """Return whether the forum is this community's; anybody may read it."""
    return params.community == viewer.community_id


async def is_a_member(_reader: Reader, viewer: Viewer, params: CommunityParams | ThreadParams) -> bool:
    """Return whether the viewer has something that can be unread."""
    return params.community == viewer.community_id and viewer.is_member


async def thread_revision(reader: Reader, params: ThreadParams | PageParams) -> int | None:
    """Return the thread's revision; None when it is gone."""
    revision = await reader.value(queries.THREAD_REVISION, community_id=params.community, number=params.number)
    return None if revision is None else int(revision)


async def category_revision(reader: Reader, params: CategoryParams) -> int | None:
    """Return the category's revision; None when it is gone."""
    category = await queries.find_category(reader, params.community, params.slug)
    return None if category is None else category.revision


async def subject_revision(reader: Reader, params: SubjectParams) -> int | None:
    """Return the revision of the thread about the subject; 0 before it has begun."""
    thread = await queries.find_thread_about(reader, params.community, params.subject)
    return 0 if thread is None else thread.revision
