"""The relay: changes of one worker reach all others; a slow worker costs bounded memory and is told that it missed."""

import asyncio
import selectors
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from veche.publish.choose import RELAY_ENVIRONMENT_NAME, open_bus
from veche.publish.frames import FRAME_LIMIT_OCTETS, MISSED, BadFrame, FrameReader, Outbox, frame
from veche.publish.messages import VERSION_UNKNOWN, Change
from veche.publish.relay import Hub
from veche.publish.relay_bus import RelayBus


@contextmanager
def running_hub(members: int, *, outbox_limit_octets: int = 1 << 20) -> Iterator[list[socket.socket]]:
    """A hub in a thread, as in a master, and the workers' ends of its socketpairs."""
    pairs = [socket.socketpair() for _ in range(members)]
    wake, sleeper = socket.socketpair()
    selector = selectors.DefaultSelector()
    hub = Hub(selector, outbox_limit_octets=outbox_limit_octets)
    for ours, _ in pairs:
        hub.attach(ours)
    selector.register(sleeper, selectors.EVENT_READ, None)

    def run() -> None:
        while True:
            for key, events in selector.select():
                if key.fileobj is sleeper:
                    hub.close()
                    return
                key.data(events)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield [theirs for _, theirs in pairs]
    finally:
        wake.send(b"x")
        thread.join()
        selector.close()
        for end in (wake, sleeper, *(theirs for _, theirs in pairs)):
            end.close()


async def started_bus(end: socket.socket) -> RelayBus:
    bus = RelayBus(end.detach())
    await bus.start()
    return bus


async def until(seen: list[Change], count: int) -> None:
    async with asyncio.timeout(10):
        while len(seen) < count:
            await asyncio.sleep(0.001)


def test_1000_changes_of_each_of_three_workers_all_reach_every_worker() -> None:
    async def scenario(ends: list[socket.socket]) -> None:
        buses = [await started_bus(end) for end in ends]
        seen: list[list[Change]] = [[] for _ in buses]
        for bus, changes in zip(buses, seen, strict=True):
            bus.subscribe("thread:1", changes.append)
        for version in range(1, 1001):
            for number, bus in enumerate(buses):
                bus.publish([Change("thread:1", version * 10 + number)])
            if version % 100 == 0:
                await asyncio.sleep(0)
        expected = sorted(version * 10 + number for version in range(1, 1001) for number in range(3))
        for changes in seen:
            await until(changes, 3000)
            assert sorted(change.version for change in changes) == expected
            for number in range(3):  # in the order in which their worker published them
                of_one = [change.version for change in changes if change.version % 10 == number]
                assert of_one == sorted(of_one)
        for bus in buses:
            await bus.close()

    with running_hub(3) as ends:
        asyncio.run(scenario(ends))


def test_a_worker_that_does_not_read_costs_bounded_memory_and_is_told_once_that_it_missed_something() -> None:
    async def scenario(ends: list[socket.socket]) -> None:
        writer, healthy = [await started_bus(end) for end in ends[:2]]
        slow_end = ends[2]
        slow_end.settimeout(10)
        seen: list[Change] = []
        healthy.subscribe("t", seen.append)
        for version in range(1, 20_001):
            writer.publish([Change("t", version)])
            if version % 100 == 0:  # without waiting the healthy one would miss something too, on a busy machine
                await until(seen, version)  # the slow one does not slow it
        reader, contents = FrameReader(), list[bytes]()
        while MISSED not in contents:
            contents += reader.feed(await asyncio.to_thread(slow_end.recv, 1 << 16))
        assert contents.count(MISSED) == 1
        assert len(contents) < 20_000
        writer.publish([Change("t", 20_001)])  # it has caught up: from now on it hears everything again
        while contents[-1] == MISSED:
            contents += reader.feed(await asyncio.to_thread(slow_end.recv, 1 << 16))
        assert b"t" in contents[-1]
        await writer.close()
        await healthy.close()

    with running_hub(3, outbox_limit_octets=10_000) as ends:
        asyncio.run(scenario(ends))


def test_a_worker_that_missed_something_looks_up_every_topic_it_shows() -> None:
    async def scenario() -> None:
        master_end, worker_end = socket.socketpair()
        bus = await started_bus(worker_end)
        seen: list[Change] = []
        bus.subscribe("a", seen.append)
        bus.subscribe("b", seen.append)
        master_end.sendall(frame(MISSED))
        await until(seen, 2)
        assert sorted(change.topic for change in seen) == ["a", "b"]
        assert {change.version for change in seen} == {VERSION_UNKNOWN}
        await bus.close()
        master_end.close()

    asyncio.run(scenario())


def test_when_the_master_has_gone_a_worker_still_hears_itself() -> None:
    async def scenario() -> None:
        master_end, worker_end = socket.socketpair()
        bus = await started_bus(worker_end)
        seen: list[Change] = []
        bus.subscribe("a", seen.append)
        master_end.close()
        bus.publish([Change("a", 1)])
        await until(seen, 1)
        bus.publish([Change("a", 2)])
        await until(seen, 2)
        await bus.close()
        await bus.close()

    asyncio.run(scenario())


def test_a_descriptor_that_is_no_socket_is_refused(tmp_path: object) -> None:
    with open(f"{tmp_path}/file", "wb") as file, pytest.raises(ValueError, match="VECHE_RELAY_FD"):
        RelayBus(file.fileno())


def test_frames_come_out_whole_however_the_stream_is_cut() -> None:
    stream = frame(b"one") + frame(b"") + frame(b"three" * 100)
    for step in (1, 2, 3, 7, len(stream)):
        reader = FrameReader()
        contents = [c for at in range(0, len(stream), step) for c in reader.feed(stream[at : at + step])]
        assert contents == [b"one", b"", b"three" * 100]


def test_a_frame_over_the_limit_is_refused_on_both_sides() -> None:
    with pytest.raises(BadFrame, match="at most"):
        frame(bytes(FRAME_LIMIT_OCTETS + 1))
    with pytest.raises(BadFrame, match="at most"):
        FrameReader().feed((FRAME_LIMIT_OCTETS + 1).to_bytes(4, "big"))


def test_an_overfull_outbox_finishes_the_frame_it_has_begun_before_it_says_missed() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        ours.settimeout(0)
        theirs.settimeout(1)
        outbox = Outbox(limit_octets=600_000)
        outbox.put(b"x" * 500_000)
        assert not outbox.send_to(ours)
        outbox.put(b"y" * 400_000)  # fits, since part of x has left
        outbox.put(b"z" * 400_000)  # does not: y and z are dropped
        assert outbox.waiting_octets <= 600_000
        reader, contents = FrameReader(), list[bytes]()
        while len(contents) < 2:
            outbox.send_to(ours)
            contents += reader.feed(theirs.recv(1 << 16))
        assert contents == [b"x" * 500_000, MISSED]
        assert not outbox


def test_under_our_master_the_bus_of_a_process_is_the_relay() -> None:
    async def newest(topics: frozenset[str]) -> dict[str, int]:
        return {}

    async def scenario() -> None:
        master_end, worker_end = socket.socketpair()
        failures: list[Exception] = []
        bus = open_bus({RELAY_ENVIRONMENT_NAME: str(worker_end.detach())}, newest, on_failure=failures.append)
        await bus.start()
        bus.publish([Change("t", 7)])
        master_end.settimeout(5)
        assert b"t" in await asyncio.to_thread(master_end.recv, 1000)
        await bus.close()
        master_end.close()
        assert failures == []

    asyncio.run(scenario())
