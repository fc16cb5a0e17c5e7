"""The bus of one process, and the book of subscriptions that every other bus keeps too.

One job: from a change to the callbacks of its topic.
Must not know: other processes, databases.
"""

import asyncio
from collections.abc import Iterable, Sequence

from veche.publish.messages import Change, ChangeCallback, Subscription


class _Entry:
    """One callback in the book; the object is the identity, so that one callback may be entered twice."""

    __slots__ = ("_book", "callback", "topic")

    def __init__(self, book: dict[str, dict["_Entry", None]], topic: str, callback: ChangeCallback) -> None:
        self._book = book
        self.topic = topic
        self.callback = callback

    def cancel(self) -> None:
        entries = self._book.get(self.topic)
        if entries is None:
            return
        entries.pop(self, None)
        if not entries:
            del self._book[self.topic]


class SubscriptionBook:
    """Who listens to which topic in this process. A topic without listeners takes no memory."""

    def __init__(self) -> None:
        self._entries: dict[str, dict[_Entry, None]] = {}

    def enter(self, topic: str, callback: ChangeCallback) -> Subscription:
        entry = _Entry(self._entries, topic, callback)
        self._entries.setdefault(topic, {})[entry] = None
        return entry

    def topics(self) -> frozenset[str]:
        return frozenset(self._entries)

    def deliver(self, changes: Iterable[Change]) -> None:
        """Have the loop call each listener; one that raises reaches the loop's exception handler only."""
        loop = asyncio.get_running_loop()
        for change in changes:
            for entry in self._entries.get(change.topic, ()):
                loop.call_soon(self._call, entry, change)

    def _call(self, entry: _Entry, change: Change) -> None:
        # Cancelled between publish and now: a page that has gone must not be rendered for.
        if entry in self._entries.get(entry.topic, ()):
            entry.callback(change)

    def clear(self) -> None:
        self._entries.clear()


class LocalBus:
    """A Bus that reaches this process only; enough for one worker, and the inside of a PollFloor without relay."""

    def __init__(self) -> None:
        self._book = SubscriptionBook()

    def publish(self, changes: Sequence[Change]) -> None:
        self._book.deliver(changes)

    def subscribe(self, topic: str, callback: ChangeCallback) -> Subscription:
        return self._book.enter(topic, callback)

    async def start(self) -> None:
        """Nothing to begin: there is no other process."""

    async def close(self) -> None:
        self._book.clear()
