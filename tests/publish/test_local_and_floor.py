"""The promises of veche.publish.Bus, held against the bus of one process and the floor around it."""

import asyncio
import socket
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

import pytest

from veche.publish import RELAY_ENVIRONMENT_NAME, VERSION_UNKNOWN, Bus, Change, LocalBus, PollFloor, open_bus


class Revisions:
    """A database of versions, as other processes would write it."""

    def __init__(self, **versions: int) -> None:
        self.versions = dict(versions)
        self.questions: list[frozenset[str]] = []
        self.failing = False

    async def newest(self, topics: frozenset[str]) -> Mapping[str, int]:
        self.questions.append(topics)
        if self.failing:
            raise ConnectionError("database is away")
        return {topic: version for topic, version in self.versions.items() if topic in topics}


def fail_the_test(failure: Exception) -> None:
    raise AssertionError("the floor's question failed") from failure


def local_bus() -> Bus:
    return LocalBus()


def floored_bus() -> Bus:
    return PollFloor(LocalBus(), Revisions().newest, every_seconds=60, on_failure=fail_the_test)


BUSES = pytest.mark.parametrize("make_bus", [local_bus, floored_bus])


def run(coroutine: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(coroutine, 40))


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.005)


@BUSES
def test_a_change_reaches_the_subscribers_of_its_topic_only_and_in_order(make_bus: Callable[[], Bus]) -> None:
    async def scenario() -> None:
        bus = make_bus()
        await bus.start()
        heard: list[Change] = []
        bus.subscribe("thread:1", heard.append)
        bus.publish([Change("thread:1", 1), Change("thread:2", 9), Change("thread:1", 2)])
        await settle()
        assert heard == [Change("thread:1", 1), Change("thread:1", 2)]
        await bus.close()

    run(scenario())


@BUSES
def test_publish_returns_before_any_callback_runs(make_bus: Callable[[], Bus]) -> None:
    async def scenario() -> None:
        bus = make_bus()
        await bus.start()
        heard: list[Change] = []
        bus.subscribe("t", heard.append)
        bus.publish([Change("t", 1)])
        assert heard == []
        await settle()
        assert heard
        await bus.close()

    run(scenario())


@BUSES
def test_one_subscriber_that_raises_hurts_neither_the_publisher_nor_the_others(make_bus: Callable[[], Bus]) -> None:
    async def scenario() -> None:
        reported: list[dict[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: reported.append(context))
        bus = make_bus()
        await bus.start()
        heard: list[Change] = []

        def broken(change: Change) -> None:
            raise ValueError("a subscriber's fault")

        bus.subscribe("t", broken)
        bus.subscribe("t", heard.append)
        bus.publish([Change("t", 1)])
        await settle()
        assert heard == [Change("t", 1)]
        assert isinstance(reported[0]["exception"], ValueError)
        await bus.close()

    run(scenario())


@BUSES
def test_a_cancelled_subscription_is_silent_even_for_what_was_already_published(make_bus: Callable[[], Bus]) -> None:
    async def scenario() -> None:
        bus = make_bus()
        await bus.start()
        heard: list[Change] = []
        subscription = bus.subscribe("t", heard.append)
        still = bus.subscribe("t", heard.append)
        bus.publish([Change("t", 1)])
        subscription.cancel()
        subscription.cancel()
        await settle()
        assert len(heard) == 1, "the same callback entered twice is two subscriptions; one of them was cancelled"
        still.cancel()
        bus.publish([Change("t", 2)])
        await settle()
        assert len(heard) == 1
        await bus.close()

    run(scenario())


def test_the_floor_delivers_what_another_process_committed_without_telling() -> None:
    async def scenario() -> None:
        revisions = Revisions(t=4)
        bus = PollFloor(LocalBus(), revisions.newest, every_seconds=0.01, on_failure=fail_the_test)
        await bus.start()
        heard: list[Change] = []
        bus.subscribe("t", heard.append)
        await until(lambda: heard == [Change("t", 4)])
        revisions.versions["t"] = 5
        await until(lambda: heard[1:] == [Change("t", 5)])
        await bus.close()

    run(scenario())


def test_the_floor_repeats_nothing_that_the_bus_or_it_already_delivered() -> None:
    async def scenario() -> None:
        revisions = Revisions(t=1)
        bus = PollFloor(LocalBus(), revisions.newest, every_seconds=60, on_failure=fail_the_test)
        await bus.start()
        heard: list[Change] = []
        bus.subscribe("t", heard.append)
        revisions.versions["t"] = 2
        bus.publish([Change("t", 2)])
        await settle()
        await bus.ask()
        await bus.ask()
        await settle()
        assert heard == [Change("t", 2)]
        await bus.close()

    run(scenario())


def test_the_floor_asks_only_about_topics_that_somebody_here_looks_at() -> None:
    async def scenario() -> None:
        revisions = Revisions(t=1, other=1)
        bus = PollFloor(LocalBus(), revisions.newest, every_seconds=60, on_failure=fail_the_test)
        await bus.start()
        await bus.ask()
        assert revisions.questions == []
        subscription = bus.subscribe("t", lambda change: None)
        await bus.ask()
        assert revisions.questions == [frozenset({"t"})]
        subscription.cancel()
        await bus.ask()
        assert len(revisions.questions) == 1
        await bus.close()

    run(scenario())


def test_who_subscribes_again_after_everybody_left_hears_the_first_answer_again() -> None:
    async def scenario() -> None:  # else a change between leaving and coming back could be taken for old news
        revisions = Revisions(t=7)
        bus = PollFloor(LocalBus(), revisions.newest, every_seconds=60, on_failure=fail_the_test)
        await bus.start()
        heard: list[Change] = []
        bus.subscribe("t", lambda change: None).cancel()
        await bus.ask()
        bus.subscribe("t", heard.append)
        await bus.ask()
        await settle()
        assert heard == [Change("t", 7)]
        await bus.close()

    run(scenario())


def test_a_database_that_is_away_is_reported_and_asked_again() -> None:
    async def scenario() -> None:
        revisions = Revisions(t=1)
        revisions.failing = True
        failures: list[Exception] = []
        bus = PollFloor(LocalBus(), revisions.newest, every_seconds=0.01, on_failure=failures.append)
        await bus.start()
        heard: list[Change] = []
        bus.subscribe("t", heard.append)
        await until(lambda: len(failures) >= 2)
        assert heard == []
        revisions.failing = False
        await until(lambda: heard == [Change("t", 1)])
        await bus.close()

    run(scenario())


def test_an_unknown_version_is_passed_on_and_hides_no_later_one() -> None:
    async def scenario() -> None:
        revisions = Revisions(t=3)
        bus = PollFloor(LocalBus(), revisions.newest, every_seconds=60, on_failure=fail_the_test)
        await bus.start()
        heard: list[Change] = []
        bus.subscribe("t", heard.append)
        bus.publish([Change("t", VERSION_UNKNOWN)])
        await settle()
        await bus.ask()
        await settle()
        assert heard == [Change("t", VERSION_UNKNOWN), Change("t", 3)]
        await bus.close()

    run(scenario())


def test_beside_a_relay_the_floor_asks_each_second_only_where_other_machines_write() -> None:
    async def scenario() -> None:
        revisions = {shared: Revisions(t=1) for shared in (True, False)}
        ends = [socket.socketpair() for _ in revisions]
        buses = [
            open_bus(
                {RELAY_ENVIRONMENT_NAME: str(worker.detach())},
                database.newest,
                on_failure=fail_the_test,
                others_write=shared,
            )
            for (shared, database), (_master, worker) in zip(revisions.items(), ends, strict=True)
        ]
        for bus in buses:
            await bus.start()
            bus.subscribe("t", lambda change: None)
        await until(lambda: len(revisions[True].questions) >= 2)
        assert len(revisions[False].questions) < 2  # one, where the machine stood still for five seconds
        for bus in buses:
            await bus.close()
        for master, _worker in ends:
            master.close()

    run(scenario())


def test_without_a_relay_the_process_gets_a_floor_over_its_own_bus() -> None:
    async def scenario() -> None:
        revisions = Revisions(t=1)
        bus = open_bus({}, revisions.newest, on_failure=fail_the_test)
        await bus.start()
        heard: list[Change] = []
        bus.subscribe("t", heard.append)
        await until(lambda: heard == [Change("t", 1)])  # the floor's first turn is after one second
        await bus.close()
        await bus.close()

    run(scenario())
