"""The floor under every bus: ask the database for the newest versions of what somebody here is looking at.

One job: make a change arrive though no message of it did (gunicorn's workers have no relay, another container is
another machine, a worker can die between its commit and its publish).
Must not know: SQL, pages; how versions are read is a function handed in.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeAlias

from veche.publish.local import SubscriptionBook
from veche.publish.messages import VERSION_UNKNOWN, Bus, Change, ChangeCallback, Subscription

NewestVersions: TypeAlias = Callable[[frozenset[str]], Awaitable[Mapping[str, int]]]
"""From the topics that have subscribers here to the newest version of each; a topic it does not know is left out."""


class PollFloor:
    """A Bus: the inner bus, and beside it one question to the database every `every_seconds`.

    The question names only topics with subscribers in this process; without subscribers it is not asked. A
    topic's first answer is always delivered: between subscribe() and it a change may have been committed elsewhere.
    A question that fails is told to `on_failure` and asked again at the next turn.
    """

    def __init__(
        self,
        bus: Bus,
        newest: NewestVersions,
        *,
        every_seconds: float = 1.0,
        on_failure: Callable[[Exception], None],
    ) -> None:
        self._bus = bus
        self._newest = newest
        self._every_seconds = every_seconds
        self._on_failure = on_failure
        self._book = SubscriptionBook()
        self._seen: dict[str, int] = {}
        self._inner: dict[str, Subscription] = {}
        self._task: asyncio.Task[None] | None = None

    def publish(self, changes: Sequence[Change]) -> None:
        self._bus.publish(changes)

    def subscribe(self, topic: str, callback: ChangeCallback) -> Subscription:
        if topic not in self._inner:
            self._inner[topic] = self._bus.subscribe(topic, self._pass_on)
        return self._book.enter(topic, callback)

    async def start(self) -> None:
        await self._bus.start()
        self._task = asyncio.get_running_loop().create_task(self._ask_for_ever())

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        await self._bus.close()
        self._book.clear()
        self._inner.clear()
        self._seen.clear()

    def _pass_on(self, change: Change) -> None:
        self._seen[change.topic] = max(change.version, self._seen.get(change.topic, VERSION_UNKNOWN))
        self._book.deliver((change,))

    async def _ask_for_ever(self) -> None:
        while True:
            await asyncio.sleep(self._every_seconds)
            try:
                await self.ask()
            except Exception as failure:  # the database is away: the floor must outlive it
                self._on_failure(failure)

    async def ask(self) -> None:
        """Ask once, now, and deliver what nobody had told."""
        topics = self._book.topics()
        for silent in self._inner.keys() - topics:
            self._inner.pop(silent).cancel()
            self._seen.pop(silent, None)
        if not topics:
            return
        for topic, version in (await self._newest(topics)).items():
            seen = self._seen.get(topic)
            if seen is None or version > seen:
                self._seen[topic] = version
                self._book.deliver((Change(topic, version),))
