"""Stacks of Tasks and threads, also from outside of the thread that hangs."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator

from fixtures.servers import wait_until
from veche.server.verdicts.stacks import all_task_stacks, task_stack, thread_stack


async def numbers(gate: asyncio.Event) -> AsyncIterator[int]:
    await gate.wait()
    yield 1


async def inner(gate: asyncio.Event) -> None:
    async for _ in numbers(gate):
        pass


async def outer(gate: asyncio.Event) -> None:
    await inner(gate)


def test_the_stack_of_a_waiting_task_goes_down_to_what_it_awaits() -> None:
    async def look() -> str:
        task = asyncio.create_task(outer(asyncio.Event()))
        await asyncio.sleep(0)
        text = task_stack(task)
        task.cancel()
        return text

    text = asyncio.run(look())
    places = [text.index(name) for name in ("in outer", "in inner", "in numbers", "in wait")]
    assert places == sorted(places)
    assert f'File "{__file__}"' in text


def test_a_thread_that_blocks_the_loop_is_seen_from_another_thread() -> None:
    release, blocked = threading.Event(), threading.Event()
    loop = asyncio.new_event_loop()

    async def blocks() -> None:
        blocked.set()
        release.wait(10)

    async def main() -> None:
        waiting = asyncio.create_task(outer(asyncio.Event()), name="patient")
        await asyncio.create_task(blocks(), name="culprit")
        waiting.cancel()

    thread = threading.Thread(target=lambda: loop.run_until_complete(main()))
    thread.start()
    blocked.wait(10)
    wait_until(lambda: "release.wait(10)" in thread_stack(thread.ident), what="the thread where it blocks")
    text = all_task_stacks(loop, thread.ident)
    release.set()
    thread.join(10)
    loop.close()
    assert text.startswith("Task 'culprit' runs now")
    assert "release.wait(10)" in text
    assert text.index("Task 'patient' waits") > text.index("in blocks")


def test_a_thread_that_has_ended_has_no_stack() -> None:
    thread = threading.Thread(target=lambda: time.sleep(0))
    thread.start()
    thread.join()
    assert thread_stack(thread.ident) == ""
    assert thread_stack(None) == ""
    assert "in test_a_thread_that_has_ended" in thread_stack(threading.get_ident())
