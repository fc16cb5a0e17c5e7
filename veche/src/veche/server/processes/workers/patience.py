"""How long a worker may take: to become ready, to turn its loop, to end.

One job: the moment at which each worker's time is over, and what is done to it then.
Must not know: how many workers there should be, who replaces one.
"""

import time
from collections.abc import Callable, Iterable
from typing import Final

from veche.log import Level
from veche.server.processes.surroundings.proc import STATES, what_the_kernel_says
from veche.server.processes.words import Words
from veche.server.processes.workers.child import Child, Event, State
from veche.server.processes.workers.stall import StallWatch
from veche.server.settings import ServerSettings
from veche.server.verdicts.verdict import Kind

NEVER: Final = float("inf")
HURRY_SECONDS: Final = 3.0
OVERTIME_SECONDS: Final = 5.0  # for the application's own shut-down after the drain


class Patience:
    """The deadlines of all workers.

    stalled(now): a worker's loop stands still; its place is free, and the worker ends.
    """

    def __init__(self, settings: ServerSettings, words: Words, *, stalled: Callable[[float], None]) -> None:
        self._settings = settings
        self._words = words
        self._stalled = stalled
        # While developing, whoever stands at a breakpoint holds the loop.
        self._stalls = StallWatch(0.0 if settings.reload else settings.loop_stall_seconds)
        self._hurry_at = NEVER  # when patience ends before drain_seconds do
        self._hurried_at = NEVER

    @property
    def is_over(self) -> bool:
        """Whether the workers have been told to hurry."""
        return self._hurried_at != NEVER

    def hurry_at(self, moment: float) -> None:
        """Tell the workers to hurry at that moment, if they have not ended by then."""
        self._hurry_at = moment

    def hurry(self, children: Iterable[Child], now: float) -> None:
        """Tell them now, who drain already; soon after they are killed."""
        self._hurry_at, self._hurried_at = NEVER, now
        for child in children:
            child.hurry()

    def deadline(self, children: Iterable[Child]) -> float:
        """When `enforce` should be called."""
        now = time.monotonic()
        return min([self._hurry_at, *(self._deadline(child, now) for child in children)])

    def enforce(self, children: Iterable[Child], now: float) -> None:
        """Do what is due."""
        if now >= self._hurry_at:
            self.hurry(children, now)
        for child in children:
            if now >= self._deadline(child, now):
                self._lose(child, now)

    def forget(self, child: Child) -> None:
        """It has ended."""
        self._stalls.forget(child)

    def _deadline(self, child: Child, now: float) -> float:
        """When the worker is killed, or must be looked at."""
        if child.doom.kill_at is not None:
            return min(child.doom.kill_at, child.doom.insist_at)
        match child.state:
            case State.STARTING:
                return child.state_since + self._settings.startup_seconds
            case State.STOPPING:
                in_peace = child.state_since + self._settings.drain_seconds + OVERTIME_SECONDS
                return min(in_peace, self._hurried_at + HURRY_SECONDS)
            case State.SERVING:
                return self._stalls.deadline(child, now)
        return NEVER

    def _lose(self, child: Child, now: float) -> None:
        kill_at = child.doom.kill_at
        if kill_at is not None and now < kill_at:
            child.insist()
        elif kill_at is not None:
            child.kill("its stacks are told")
        elif child.state is State.STARTING:
            reason = f"it was not ready within startup_seconds ({self._settings.startup_seconds:g} s)"
            child.condemn(reason, Kind.NOT_READY, now)
        elif child.state is State.STOPPING:
            reason = "it did not end in time: a request, a thread or the application's shut-down hangs"
            child.condemn(reason, Kind.NOT_ENDED, now)
        elif self._stalls.stands_still(child, now):
            self._give_up_stalled(child, now)

    def _give_up_stalled(self, child: Child, now: float) -> None:
        """End a worker whose loop stands still; the place is filled while its stacks are asked for."""
        seconds = child.place.beat_seconds() or 0.0
        state = what_the_kernel_says(child.process.pid)
        reason = f"its event loop stood still for {seconds:.1f} s"
        kind = Kind.STOPPED_FROM_OUTSIDE if state == STATES["T"] else Kind.LOOP_STALLED
        child.condemn(f"{reason} ({state})" if state else reason, kind, now)
        child.move(Event.STOP, now)
        self._stalled(now)
        self._words.say(
            f"{child} stands still: its event loop has not turned for {seconds:.1f} s; replacing it", Level.ERROR
        )
