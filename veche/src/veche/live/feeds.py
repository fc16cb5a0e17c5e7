"""What this worker keeps fresh: one feed for each part and audience that somebody here looks at.

One job: from a change of a topic to one look at the database, and a word to everybody who looks.
Must not know: browsers, sockets, who may look.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from math import inf
from typing import Final, TypeAlias

from veche.live.fragments import Showing
from veche.live.rendering import Rendered, Renderer
from veche.live.viewers import Audience
from veche.publish import Bus, Change

FIRST_RETRY_SECONDS: Final = 0.5
LONGEST_RETRY_SECONDS: Final = 30.0

FeedKey: TypeAlias = tuple[str, Audience, str]
Report: TypeAlias = Callable[[str, Exception], None]
"""Tell the operator what could not be done, and why."""


class Feed:
    """One Showing, kept up to date while somebody listens. One look at a time; changes meanwhile mean one more.

    current: what is to be seen; None when there is nothing to see, or before the first look (known is False then).
    """

    def __init__(self, showing: Showing, renderer: Renderer, bus: Bus, report: Report) -> None:
        self.showing = showing
        self.current: Rendered | None = None
        self.known = False
        self.listeners: dict[object, Callable[[], None]] = {}
        self._renderer = renderer
        self._report = report
        self._waiting: list[asyncio.Future[bool]] = []
        self._dirty = False
        self._looked_at = -inf
        self._hurry = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        # Subscribed before the first look: whatever is committed from now on is heard.
        self._subscriptions = [bus.subscribe(topic, self._changed) for topic in showing.topics]

    def look(self) -> asyncio.Future[bool]:
        """Look at the database again; done when a look that began after this call is: True when it succeeded."""
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append(done)
        self._begin()
        return done

    def shows(self, version: str, *, fresh_seconds: float) -> bool:
        """Is this version what is to be seen, by a look that is not older than that?"""
        age_seconds = asyncio.get_running_loop().time() - self._looked_at
        is_settled = self.known and not self._dirty and self.current is not None and age_seconds < fresh_seconds
        return is_settled and self.current is not None and self.current.version == version

    def close(self) -> None:
        for subscription in self._subscriptions:
            subscription.cancel()
        if self._task is not None:
            self._task.cancel()
        _settle(self._waiting, succeeded=False)

    def _changed(self, _change: Change) -> None:
        self._begin()

    def _begin(self) -> None:
        self._dirty = True
        self._hurry.set()
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._look_until_clean())

    async def _look_until_clean(self) -> None:
        retry_seconds = FIRST_RETRY_SECONDS
        while self._dirty:
            self._dirty = False
            waiting, self._waiting = self._waiting, []
            try:
                await self._look_once()
            except Exception as failure:  # the database is away: whoever looks keeps what they see, and we try again
                self._report(f"live part {self.showing.address}", failure)
                _settle(waiting, succeeded=False)
                self._dirty = True
                await self._wait_or_hurry(retry_seconds)
                retry_seconds = min(retry_seconds * 2, LONGEST_RETRY_SECONDS)
            else:
                retry_seconds = FIRST_RETRY_SECONDS
                _settle(waiting, succeeded=True)
        self._task = None

    async def _wait_or_hurry(self, seconds: float) -> None:
        self._hurry.clear()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._hurry.wait(), seconds)

    async def _look_once(self) -> None:
        began_at = asyncio.get_running_loop().time()
        rendered = await self._renderer.renew(self.showing, self.current)
        self._looked_at = began_at
        if self.known and rendered is self.current:
            return
        self.current = rendered
        self.known = True
        for tell in list(self.listeners.values()):
            tell()


def _settle(waiting: list[asyncio.Future[bool]], *, succeeded: bool) -> None:
    for done in waiting:
        if not done.done():
            done.set_result(succeeded)


class FeedBook:
    """All feeds of this worker. A feed lives as long as somebody listens to it."""

    def __init__(self, renderer: Renderer, bus: Bus, report: Report) -> None:
        self._renderer = renderer
        self._bus = bus
        self._report = report
        self._feeds: dict[FeedKey, Feed] = {}

    def __len__(self) -> int:
        return len(self._feeds)

    def listen(self, showing: Showing, listener: object, tell: Callable[[], None]) -> Feed:
        """Return the feed, made when there is none; tell() is called after each change of what is to be seen."""
        feed = self._feeds.get(showing.key)
        if feed is None:
            feed = Feed(showing, self._renderer, self._bus, self._report)
            self._feeds[showing.key] = feed
        feed.listeners[listener] = tell
        return feed

    def leave(self, feed: Feed, listener: object) -> None:
        """Listen no more; harmless when nobody did."""
        feed.listeners.pop(listener, None)
        if not feed.listeners and self._feeds.get(feed.showing.key) is feed:
            del self._feeds[feed.showing.key]
            feed.close()
