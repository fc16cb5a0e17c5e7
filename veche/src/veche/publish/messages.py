"""What is said after a commit: which topic reached which version, and who may be told.

One job: the message, and the promises every way of carrying it keeps.
Must not know: sockets, databases, pages.
"""

from collections.abc import Callable, Sequence
from typing import Final, Protocol, TypeAlias

import msgspec

VERSION_UNKNOWN: Final = 0
"""A carrier that may have missed something says Change(topic, VERSION_UNKNOWN): look the topic up again."""


class Change(msgspec.Struct, frozen=True):
    """The topic has reached this version; what changed stands in the database, never here.

    topic: the words of the site, such as "thread:1735"; version: the durable revision that the writing
    transaction gave it (it only grows), or VERSION_UNKNOWN.
    """

    topic: str
    version: int


ChangeCallback: TypeAlias = Callable[[Change], None]


class Subscription(Protocol):
    """What subscribe() gives; the topic is heard until cancel(), which may be called twice."""

    def cancel(self) -> None: ...


class Bus(Protocol):
    """Carries committed changes to whoever subscribed, in this process and as far as the bus reaches.

    The promises, which the contract tests in tests/publish hold against every implementation:

    - Publish only what is committed. A bus is a hint; the database is the truth.
    - At most once, and perhaps never: a process may die between its commit and its publish. Whoever subscribes
      compares durable versions (PollFloor does it each second or few), so a lost hint heals.
    - In one process the changes of one topic arrive in the order in which they were published. Between processes they
      may overtake each other: a version smaller than the one already seen is old news, not an error.
    - publish() never waits and never raises for a subscriber's fault: the callbacks run later, in the loop's thread.
    - Nothing is kept for later subscribers: subscribe first, then read the version from the database.
    """

    def publish(self, changes: Sequence[Change]) -> None:
        """Hand the changes on; call it in the loop's thread, after the commit."""

    def subscribe(self, topic: str, callback: ChangeCallback) -> Subscription:
        """Call callback(change) in the loop's thread for each change of the topic, until cancelled."""

    async def start(self) -> None:
        """Begin to listen; call it in the running loop, in the lifespan's start."""

    async def close(self) -> None:
        """Stop listening; every subscription falls silent. May be called twice."""
