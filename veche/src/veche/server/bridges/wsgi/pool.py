"""A bounded number of threads, and the way to them and back.

One job: jobs from the loop to threads, results from threads to the loop, with as few wake-ups as can be.
Must not know: requests, applications.

A wake-up is a system call and two switches of threads, and Python runs one thread at a time anyway. So:
- jobs of one turn of the loop are handed over at its end, and one thread is woken for all of them: the one that slept
  last, whose memory is still warm. It takes them one after another.
- jobs that wait a millisecond later while others run are behind something that blocks: now as many threads are woken
  as there are jobs, at once for the next SPREAD_TURNS turns, too.
- the loop is woken when a thread has no more to do; or with each result, while threads block.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from contextvars import copy_context
from typing import Final, Protocol

LOOK_AGAIN_SECONDS: Final = 0.001
SPREAD_TURNS: Final = 64


class Job(Protocol):
    """What a thread does."""

    def run(self) -> None:
        """Do it. Never raises: this is the thread's outermost frame."""


class PoolThread:
    """One thread, as the pool sees it."""

    def __init__(self) -> None:
        self.ident = 0  # Python's, the key of sys._current_frames()
        self.name = ""
        self.gate = threading.Lock()  # held: whoever acquires it again waits
        self.gate.acquire()


class ThreadPool:
    """At most `threads` threads; they start when they are first needed."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        *,
        threads: int,
        lost_limit: int,
        still_waiting: Callable[[Iterable[Job]], None],
        found: Callable[[], None],
    ) -> None:
        """Make a pool without threads yet.

        lost_limit: how many lost threads are made up for by fresh ones.
        still_waiting: is told of the jobs that no thread has taken a millisecond after they came.
        found: is called when a lost thread has come back.
        """
        self.loop = loop
        self.jobs: deque[Job] = deque()
        self.results: deque[Callable[[], None]] = deque()
        self.running: dict[Job, PoolThread] = {}
        self.lost: dict[PoolThread, Job] = {}
        self._threads = 0  # those that are not lost
        self._limit = threads
        self._lost_limit = lost_limit
        self._still_waiting = still_waiting
        self._found = found
        self._idle: list[PoolThread] = []
        self._started = 0
        self._closing = False
        self._woken = False  # the loop will look at the results
        self._spread = 0  # so many turns yet in which each job wakes a thread
        self._dispatch_due = False
        self._look_again: asyncio.TimerHandle | None = None
        self._came_back_forked: Callable[[], None] | None = None  # in a process that the application forked
        self._context = copy_context()  # without any request's variables

    # In the loop's thread.

    def submit(self, job: Job) -> None:
        """Run the job in a thread as soon as one is free."""
        self.jobs.append(job)
        if not self._dispatch_due:
            self._dispatch_due = True
            self.loop.call_soon(self._dispatch, context=self._context)

    def lose(self, job: Job) -> PoolThread | None:
        """Give up the thread that is at this job; a fresh one may take its place. None when no thread is at it."""
        thread = self.running.pop(job, None)  # one step for both sides: either we take it out, or the thread does
        if thread is not None:
            self.lost[thread] = job
            self._threads -= 1
            self._dispatch()
        return thread

    def in_forked_child(self, came_back: Callable[[], None]) -> None:
        """Have the thread that a fork leaves call this after its job: nothing else may be done here."""
        self._came_back_forked = came_back
        self.running.clear()  # so that no thread asks whether it was forked, for each job
        self.jobs.clear()

    @property
    def capacity(self) -> int:
        """How many threads there may be beside those that are lost."""
        return self._limit - max(0, len(self.lost) - self._lost_limit)

    def close(self) -> None:
        """Let the threads end when they have done what they do now."""
        self._closing = True
        if self._look_again is not None:
            self._look_again.cancel()
        while self._idle:
            with suppress(IndexError):
                self._idle.pop().gate.release()

    def _dispatch(self) -> None:
        """See to it that what waits is taken."""
        self._dispatch_due = False
        waiting = len(self.jobs)
        if not waiting:
            return
        if self._spread:
            self._spread -= 1
            self._wake(waiting)
        elif len(self._idle) == self._threads:
            waiting -= self._wake(1)
        if waiting:
            self._look_again_soon()

    def _wake(self, count: int) -> int:
        """Wake threads, or start them; return how many."""
        for woken in range(count):
            try:
                self._idle.pop().gate.release()
            except IndexError:
                if self._threads >= self.capacity:
                    return woken
                self._start_thread()
        return count

    def _start_thread(self) -> None:
        thread = PoolThread()
        self._threads += 1
        self._started += 1
        thread.name = f"wsgi-{self._started}"
        threading.Thread(target=self._work, args=(thread,), name=thread.name, daemon=True).start()

    def _look_again_soon(self) -> None:
        if self._look_again is None:
            later = self.loop.call_later
            self._look_again = later(LOOK_AGAIN_SECONDS, self._look, context=self._context)

    def _look(self) -> None:
        """What was handed over a millisecond ago should have been done by now."""
        self._look_again = None
        if self.results:
            self._take_results()
        waiting = len(self.jobs)
        if not waiting:
            return
        if self.running or not self._threads:  # all are lost: nothing will come, and who waits shall be shown
            self._spread = SPREAD_TURNS
            self._wake(waiting)
            self._still_waiting(list(self.jobs))
        else:
            # Nothing blocks: the thread that was woken has not had its turn at a processor yet, on a busy machine.
            self._look_again_soon()

    def _take_results(self) -> None:
        self._woken = False  # before the queue is emptied: what is added from now on wakes the loop again
        results = self.results
        try:
            while results:
                results.popleft()()
        finally:
            if results:  # one of them failed, and the others must not wait for it
                self._wake_loop()

    def _came_back(self, thread: PoolThread) -> None:
        del self.lost[thread]
        self._found()
        self._dispatch()  # there may be room for a thread now

    # In any thread.

    def hand_over(self, result: Callable[[], None]) -> None:
        """Have the loop call `result` soon, after those before it."""
        self.results.append(result)
        if not self._woken:
            self._wake_loop()

    def _wake_loop(self) -> None:
        self._woken = True
        with suppress(RuntimeError):  # the loop is closed: the process is ending, and nobody is there to answer
            self.loop.call_soon_threadsafe(self._take_results, context=self._context)

    def _work(self, thread: PoolThread) -> None:
        """Take one job after another; what a job leaves in `results` is looked at when there is none left."""
        jobs, running, results = self.jobs, self.running, self.results
        thread.ident = threading.get_ident()
        while True:
            try:
                job = jobs.popleft()
            except IndexError:
                if results and not self._woken:
                    self._wake_loop()
                if not self._wait(thread):
                    return
                continue
            running[job] = thread
            job.run()
            if running.pop(job, None) is None:  # it was lost meanwhile: another has taken its place
                forked = self._came_back_forked
                if forked is not None:
                    forked()
                self.hand_over(lambda: self._came_back(thread))
                return
            if self._spread and not self._woken:
                self._wake_loop()

    def _wait(self, thread: PoolThread) -> bool:
        """Return when there may be a job; False when there will be none any more."""
        self._idle.append(thread)
        if self._closing:
            return False
        if self.jobs:  # one came after the last look, and who brought it may not have seen this thread idle
            with suppress(ValueError):
                self._idle.remove(thread)
                return True
        thread.gate.acquire()
        return True
