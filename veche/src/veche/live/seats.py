"""One browser's place: what its page shows, whether it may, and what it has still to be told.

One job: from the list that a page says it shows to the messages that make it true.
Must not know: WebSockets, streams, HTML.

A seat keeps nothing that the page did not say; the next join says all of it again, to this worker or to any other.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeAlias

import msgspec

from veche.data import Reader
from veche.live.feeds import Feed, FeedBook, Report
from veche.live.fragments import FragmentBook, Showing, UnknownAddress, V, bind
from veche.live.limits import LiveLimits
from veche.publish import Bus, Change, Subscription

Shown: TypeAlias = tuple[str, str]
"""An address and the version of it that stands in the page; "" when nothing stands there yet."""


class JoinRequest(msgspec.Struct, frozen=True):
    """What a page says: all that it shows."""

    join: list[tuple[str, str]]


@dataclass(slots=True, eq=False)
class _Subscription:
    """One part of the page."""

    feed: Feed
    sent: str
    guards: list[Subscription]


def joined_message(*, same: Sequence[str], over: Sequence[str]) -> str:
    return msgspec.json.encode({"type": "joined", "same": same, "over": over}).decode()


def gone_message(address: str) -> str:
    return msgspec.json.encode({"type": "gone", "address": address}).decode()


class Doorkeeper(Generic[V]):
    """Who may see what: the one place that asks `allow`."""

    def __init__(self, book: FragmentBook[V], reader: Reader) -> None:
        self._book = book
        self._reader = reader

    async def admit(self, address: str, viewer: V) -> tuple[Showing, Sequence[str]] | None:
        """Return the showing and its guards' topics; None for what is not there and for what is not theirs."""
        try:
            fragment, params = self._book.resolve(address)
        except UnknownAddress:
            return None
        if not await fragment.allow(self._reader, viewer, params):
            return None
        return bind(fragment, params, viewer), fragment.guards(params)


class Seat(Generic[V]):
    """Made when a connection opens, closed when it ends. Its outbox has at most one message for each part.

    identify: says anew who this is, from the connection's own credentials.
    """

    def __init__(
        self,
        doorkeeper: Doorkeeper[V],
        feeds: FeedBook,
        bus: Bus,
        identify: Callable[[], Awaitable[V]],
        report: Report,
        *,
        limits: LiveLimits,
    ) -> None:
        self._doorkeeper = doorkeeper
        self._feeds = feeds
        self._bus = bus
        self._identify = identify
        self._report = report
        self._limit = limits.live_parts
        self._fresh_seconds = limits.live_fresh_seconds
        self._parts: dict[str, _Subscription] = {}
        self._own_topics: dict[str, Subscription] = {}
        self._notes: dict[str, str] = {}
        self._pending: dict[str, None] = {}
        self._wake = asyncio.Event()
        self._turn = asyncio.Lock()
        self._recheck: asyncio.Task[None] | None = None
        self._recheck_again = False
        self.closed = False

    async def join(self, shown: Sequence[Shown]) -> None:
        """Take the page's whole list: what is not in it is left, the rest is checked and brought up to date."""
        async with self._turn:
            await self._settle(dict(shown), said_by_page=True)

    async def repeat(self) -> None:
        """Join again with what the page is known to show, where the connection goes one way only."""
        async with self._turn:
            await self._settle({address: part.sent for address, part in self._parts.items()}, said_by_page=True)

    async def _settle(self, shown: dict[str, str], *, said_by_page: bool) -> None:
        viewer = await self._identify()
        self._listen_to(viewer.topics)
        over = list(shown)[self._limit :]
        for address in self._parts.keys() - shown.keys():
            self._drop(address)
        same: list[str] = []
        looks: dict[str, asyncio.Future[bool]] = {}
        for address, version in list(shown.items())[: self._limit]:
            admitted = await self._doorkeeper.admit(address, viewer)
            if self.closed:
                return
            if admitted is None:
                self._lose(address)
                continue
            feed = self._keep(address, version, *admitted)
            # A thousand pages beat; that many looks at one thing would tell no more than one each few seconds.
            if feed.shows(version, fresh_seconds=self._fresh_seconds):
                same.append(address)
            else:
                looks[address] = feed.look()
        looked = dict(zip(looks, await asyncio.gather(*looks.values()), strict=True))
        same += [address for address, succeeded in looked.items() if succeeded and self._is_same(address)]
        for address in looked:
            self._offer(address)
        if said_by_page:
            self._note("joined", joined_message(same=same, over=over))

    def _keep(self, address: str, version: str, showing: Showing, guards: Sequence[str]) -> Feed:
        part = self._parts.get(address)
        if part is not None and part.feed.showing.key == showing.key:
            part.sent = version
            return part.feed
        if part is not None:
            self._drop(address)
        feed = self._feeds.listen(showing, self, lambda: self._offer(address))
        watched = [self._bus.subscribe(topic, self._rights_changed) for topic in guards]
        self._parts[address] = _Subscription(feed, version, watched)
        return feed

    def _is_same(self, address: str) -> bool:
        part = self._parts.get(address)
        return part is not None and part.feed.current is not None and part.feed.current.version == part.sent

    def _drop(self, address: str) -> None:
        part = self._parts.pop(address, None)
        self._pending.pop(address, None)
        if part is None:
            return
        self._feeds.leave(part.feed, self)
        for subscription in part.guards:
            subscription.cancel()

    def _lose(self, address: str) -> None:
        self._drop(address)
        self._note(address, gone_message(address))

    def _listen_to(self, topics: Iterable[str]) -> None:
        wanted = set(topics)
        for topic in self._own_topics.keys() - wanted:
            self._own_topics.pop(topic).cancel()
        for topic in wanted - self._own_topics.keys():
            self._own_topics[topic] = self._bus.subscribe(topic, self._rights_changed)

    def _rights_changed(self, _change: Change) -> None:
        self._recheck_again = True
        if self._recheck is None:
            self._recheck = asyncio.get_running_loop().create_task(self._check_rights())

    async def _check_rights(self) -> None:
        try:
            while self._recheck_again and not self.closed:
                self._recheck_again = False
                async with self._turn:
                    shown = {address: part.sent for address, part in self._parts.items()}
                    await self._settle(shown, said_by_page=False)
        except Exception as failure:
            self.close()  # who could not be checked is not let in; the browser comes back and is asked again
            self._report("rights of a live connection", failure)
        finally:
            self._recheck = None

    def _note(self, place: str, message: str) -> None:
        self._notes[place] = message
        self._wake.set()

    def _offer(self, address: str) -> None:
        """There may be something new; what exactly is decided when the connection has room for it."""
        self._pending[address] = None
        self._wake.set()

    async def next_message(self) -> str | None:
        """Wait for what the browser is to be told next; None when the seat is closed."""
        while not self.closed:
            message = self._take()
            if message is not None:
                return message
            self._wake.clear()
            await self._wake.wait()
        return None

    def _take(self) -> str | None:
        if self._notes:
            return self._notes.pop(next(iter(self._notes)))
        while self._pending:
            address = next(iter(self._pending))
            del self._pending[address]
            part = self._parts.get(address)
            if part is None or not part.feed.known:
                continue
            current = part.feed.current
            if current is None:
                self._drop(address)
                return gone_message(address)
            if current.version != part.sent:
                part.sent = current.version
                return current.message
        return None

    def close(self) -> None:
        """Leave every feed and topic; next_message() ends. May be called twice."""
        self.closed = True
        for address in list(self._parts):
            self._drop(address)
        self._listen_to(())
        if self._recheck is not None and self._recheck is not asyncio.current_task():
            self._recheck.cancel()
        self._wake.set()
