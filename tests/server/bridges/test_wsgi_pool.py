"""The pool of threads under WSGI: who is woken for what, and that nobody waits for somebody else's work."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import Context
from functools import partial

import pytest

from fixtures.servers import wait_until
from veche.server.bridges.wsgi.pool import SPREAD_TURNS, Job, PoolThread, ThreadPool


class Work:
    """A job that does something and leaves its name in the results."""

    def __init__(self, pool: ThreadPool, done: list[str], name: str, do: Callable[[], object] = lambda: None) -> None:
        self.pool = pool
        self.done = done
        self.name = name
        self.do = do

    def run(self) -> None:
        self.do()
        self.thread = threading.current_thread().name
        self.pool.results.append(lambda: self.done.append(self.name))


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.001)


def run(
    test: Callable[[ThreadPool, list[str]], Awaitable[None]], *, threads: int, lost_limit: int = 0
) -> list[Iterable[Job]]:
    """Run a test with a pool; return what the pool has said of jobs that still wait."""
    waited: list[Iterable[Job]] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        pool = ThreadPool(loop, threads=threads, lost_limit=lost_limit, still_waiting=waited.append, found=lambda: None)
        try:
            await test(pool, [])
        finally:
            pool.close()

    asyncio.run(main())
    return waited


class HandDrivenLoop(asyncio.SelectorEventLoop):
    """A loop whose turns the test takes; no millisecond passes by itself. Counts how often threads have woken it."""

    def __init__(self) -> None:
        super().__init__()
        self.soon: list[Callable[[], object]] = []
        self.later: list[Callable[[], object]] = []
        self.wake_ups: list[Callable[[], object]] = []
        self.woken = 0

    def call_soon(
        self, callback: Callable[..., object], *args: object, context: Context | None = None
    ) -> asyncio.Handle:
        self.soon.append(partial(callback, *args))
        return asyncio.Handle(callback, args, self, context)

    def call_later(
        self, delay: float, callback: Callable[..., object], *args: object, context: Context | None = None
    ) -> asyncio.TimerHandle:
        self.later.append(partial(callback, *args))
        return asyncio.TimerHandle(delay, callback, args, self, context)

    def call_soon_threadsafe(
        self, callback: Callable[..., object], *args: object, context: Context | None = None
    ) -> asyncio.Handle:
        self.woken += 1
        self.wake_ups.append(partial(callback, *args))
        return asyncio.Handle(callback, args, self, context)

    def turn(self, callbacks: list[Callable[[], object]]) -> None:
        due = callbacks[:]
        callbacks.clear()
        for callback in due:
            callback()


@contextmanager
def pool_by_hand(threads: int) -> Iterator[tuple[HandDrivenLoop, ThreadPool]]:
    loop = HandDrivenLoop()
    pool = ThreadPool(loop, threads=threads, lost_limit=0, still_waiting=lambda _jobs: None, found=lambda: None)
    try:
        yield loop, pool
    finally:
        pool.close()
        loop.close()


@pytest.mark.parametrize("count", [1, 20, 64])
def test_jobs_of_one_turn_are_done_by_one_thread_and_come_back_in_one_wake_up(count: int) -> None:
    done: list[str] = []
    with pool_by_hand(8) as (loop, pool):
        for turn in (1, 2, 3):
            works = [Work(pool, done, str(number)) for number in range(count)]
            for work in works:
                pool.submit(work)
            loop.turn(loop.soon)
            wait_until(lambda: pool._idle, what="the thread asleep again")
            assert done == []  # all of them wait for the loop
            loop.turn(loop.wake_ups)
            assert done == [work.name for work in works]
            done.clear()
            assert {work.thread for work in works} == {"wsgi-1"}
            assert loop.woken == turn
        assert pool._started == 1


def test_results_that_come_while_the_loop_is_busy_wake_it_once() -> None:
    done: list[str] = []
    with pool_by_hand(8) as (loop, pool):
        gates = [threading.Event() for _ in range(8)]
        for gate in gates:
            pool.submit(Work(pool, done, "", gate.wait))
        loop.turn(loop.soon)
        wait_until(lambda: len(pool.running) == 1, what="one job at its thread")
        loop.turn(loop.later)  # a millisecond later it still blocks
        wait_until(lambda: len(pool.running) == 8, what="each job at a thread of its own")
        gates[0].set()
        wait_until(lambda: loop.woken, what="the first result")
        for gate in gates:
            gate.set()
        wait_until(lambda: len(pool._idle) == 8, what="all threads asleep again")
        assert loop.woken == 1
        loop.turn(loop.wake_ups)
        assert len(done) == 8


def test_one_thread_does_jobs_in_the_order_in_which_they_came() -> None:
    async def ordered(pool: ThreadPool, done: list[str]) -> None:
        works = [Work(pool, done, str(number)) for number in range(20)]
        for work in works:
            pool.submit(work)
        await until(lambda: len(done) == len(works))
        assert done == [work.name for work in works]

    run(ordered, threads=1)


def test_the_thread_that_slept_last_is_woken_first() -> None:
    async def warm(pool: ThreadPool, done: list[str]) -> None:
        gate = threading.Barrier(3)
        both = [Work(pool, done, name, lambda: gate.wait(10)) for name in "ab"]
        for work in both:
            pool.submit(work)
        await until(lambda: len(pool.running) == 2)
        gate.wait(10)
        await until(lambda: len(done) == 2 and len(pool._idle) == 2)
        last = pool._idle[-1].name
        for name in "cdef":
            work = Work(pool, done, name)
            pool.submit(work)
            await until(lambda: len(pool._idle) == 2 and not pool.jobs)
            await until(lambda: len(done) == len("ab") + 1)
            assert (done.pop(), work.thread) == (name, last)

    run(warm, threads=2)


def test_a_job_that_blocks_holds_up_nobody_behind_it() -> None:
    async def blocked(pool: ThreadPool, done: list[str]) -> None:
        release = threading.Event()
        pool.submit(Work(pool, done, "before"))
        pool.submit(Work(pool, done, "blocks", lambda: release.wait(10)))
        pool.submit(Work(pool, done, "behind"))
        await until(lambda: sorted(done) == ["before", "behind"])  # their results, too, have come
        release.set()
        await until(lambda: "blocks" in done)

    run(blocked, threads=2)


def test_jobs_that_get_no_thread_are_named() -> None:
    async def blocked(pool: ThreadPool, done: list[str]) -> None:
        release = threading.Event()
        pool.submit(Work(pool, done, "blocks", lambda: release.wait(10)))
        pool.submit(Work(pool, done, "waits"))
        await until(lambda: pool._spread)
        release.set()
        await until(lambda: done == ["blocks", "waits"])

    assert [[work.name for work in works if isinstance(work, Work)] for works in run(blocked, threads=1)] == [["waits"]]


def test_a_thread_that_gets_no_processor_is_not_taken_for_one_that_blocks() -> None:
    async def starved(pool: ThreadPool, done: list[str]) -> None:
        thread = PoolThread()  # it sleeps, and nothing runs it when it is woken
        pool._threads = 1
        pool._idle.append(thread)
        for name in "ab":
            pool.submit(Work(pool, done, name))
        looks: list[object] = []
        while len(looks) < 3:
            await until(lambda: pool._look_again not in (None, *looks))
            looks.append(pool._look_again)
        assert pool.jobs
        assert not pool._spread
        assert thread.gate.acquire(timeout=10)  # it was woken; now it runs
        threading.Thread(target=pool._work, args=(thread,), daemon=True).start()
        await until(lambda: done == ["a", "b"])

    assert run(starved, threads=8) == []


def test_jobs_that_wait_while_every_thread_is_lost_are_named() -> None:
    async def lost(pool: ThreadPool, done: list[str]) -> None:
        release = threading.Event()
        stuck = Work(pool, done, "stuck", lambda: release.wait(10))
        pool.submit(stuck)
        await until(lambda: stuck in pool.running)
        assert pool.lose(stuck)
        assert not pool.capacity
        pool.submit(Work(pool, done, "waits"))
        await until(lambda: pool._spread)
        assert not pool._look_again  # and the loop does not look for ever
        release.set()

    assert [[work.name for work in works if isinstance(work, Work)] for works in run(lost, threads=1)] == [["waits"]]


def test_a_result_comes_although_the_only_thread_blocks_on_the_next_job() -> None:
    async def blocked(pool: ThreadPool, done: list[str]) -> None:
        release = threading.Event()
        for _turn in range(SPREAD_TURNS * 2):  # in both modes
            pool.submit(Work(pool, done, "quick"))
            pool.submit(Work(pool, done, "blocks", lambda: release.wait(10)))
            await until(lambda: done == ["quick"])
            release.set()
            await until(lambda: done == ["quick", "blocks"] and not pool.running)
            release.clear()
            done.clear()

    run(blocked, threads=1)


def test_while_jobs_block_each_wakes_a_thread_of_its_own_at_once() -> None:
    async def together(pool: ThreadPool, done: list[str]) -> None:
        gate = threading.Barrier(4)
        for _ in range(5):  # nobody passes the barrier unless all four run at the same time
            for name in "abcd":
                pool.submit(Work(pool, done, name, lambda: gate.wait(10)))
            await until(lambda: sorted(done) == ["a", "b", "c", "d"])
            done.clear()
        assert pool._spread

    run(together, threads=4)


def test_a_lost_thread_is_made_up_for_within_the_bound_and_counted_back() -> None:
    async def lost(pool: ThreadPool, done: list[str]) -> None:
        release = threading.Event()
        stuck = [Work(pool, done, name, lambda: release.wait(10)) for name in "ab"]
        for work in stuck:
            pool.submit(work)
            await until(lambda: len(pool.running) == 1)
            assert pool.lose(work) is not None
            assert pool.lose(work) is None  # only once
        assert (len(pool.lost), pool.capacity) == (2, 0)
        pool.submit(Work(pool, done, "waits"))
        await asyncio.sleep(0.02)
        assert done == []  # one fresh thread was made for the first, none for the second
        release.set()
        await until(lambda: sorted(done) == ["a", "b", "waits"])
        await until(lambda: (len(pool.lost), pool.capacity) == (0, 1))

    run(lost, threads=1, lost_limit=1)
