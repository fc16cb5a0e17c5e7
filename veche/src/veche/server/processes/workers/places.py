"""The places of the workers: how many there are, and that each is filled.

One job: start a worker where one is missing, and drain one that is too many.
Must not know: signals, deadlines, in which order a reload replaces workers.
"""

import errno
import os
import resource
import time
from collections.abc import Sequence
from typing import Final

from veche.log import Level
from veche.server.errors import NoWorkerError
from veche.server.processes.listener import Listener
from veche.server.processes.orders import Failed
from veche.server.processes.words import Words, count, evidence
from veche.server.processes.workers.child import Child, State
from veche.server.processes.workers.crew import Crew
from veche.server.processes.workers.restarts import FIRST_DELAY_SECONDS, RestartPolicy
from veche.server.settings.processes import MOST_WORKERS
from veche.server.verdicts.verdict import Leaving

NEVER: Final = float("inf")


class Places:
    """wanted: how many workers there should be; `extra` more while a reload has its newcomer."""

    def __init__(self, crew: Crew, listeners: Sequence[Listener], wanted: int, words: Words) -> None:
        wanted = min(wanted, MOST_WORKERS)  # a machine may have more cores
        self._crew = crew
        self._listeners = listeners
        self._words = words
        self._restarts = RestartPolicy(wanted)
        self.wanted = wanted
        self.extra = 0
        self.is_serving = False  # whether a worker has ever become ready
        self.stand_in: Failed | None = None  # what new workers say in place of an application that does not start

    def deadline(self) -> float:
        """When `fill` should be called."""
        now = time.monotonic()
        return now + self._restarts.wait_seconds(now) if self._missing() > 0 else NEVER

    def fill(self) -> None:
        """Start whoever is missing, if it is time."""
        now = time.monotonic()
        while self._missing() > 0 and self._restarts.wait_seconds(now) == 0.0 and self.start_one() is not None:
            pass

    def start_one(self) -> Child | None:
        """A new worker; None when the kernel refuses one now: the next try comes later, and those that run go on.

        Raises NoWorkerError when none has served yet: somebody stands beside a start, and can mend it.
        """
        try:
            return self._crew.start_one(self._listeners, self.stand_in)
        except OSError as error:
            if not self.is_serving:
                raise NoWorkerError(self._why_not(error)) from error
            delay = max(FIRST_DELAY_SECONDS, self._restarts.worker_ended(time.monotonic()))
            self._restarts.hold_until(time.monotonic() + delay)
            self._words.say(f"no worker can be started ({error}); the next try is in {delay:g} s", Level.ERROR)
            return None

    def _why_not(self, error: OSError) -> str:
        number, reason = len(self._crew.children) + 1, error.strerror or str(error)
        advice = "free what it lacks"
        if error.errno == errno.EMFILE:
            advice = f"raise the limit of open files (`ulimit -n`, now {resource.getrlimit(resource.RLIMIT_NOFILE)[0]})"
        elif error.errno == errno.EAGAIN:
            advice = f"raise the limit of processes (`ulimit -u`, now {resource.getrlimit(resource.RLIMIT_NPROC)[0]})"
        return (
            f"worker {number} of {count(self.wanted, 'worker')} cannot be started: {reason}; {advice}, "
            "or ask for fewer --workers"
        )

    def stop_surplus(self, now: float) -> None:
        """Drain those that are too many: the youngest; during a reload the oldest, since it waits for the youngest."""
        workers = self._crew.wanted() if self.extra else self._crew.wanted()[::-1]
        for child in workers[: max(0, -self._missing())]:
            self._words.say(f"{child} is one too many: draining it")
            child.stop(now)

    def scale(self, wanted: int) -> None:
        """Keep so many from now on, and always one; never more than --workers may say."""
        if wanted > MOST_WORKERS:
            self._words.complain(
                f"asked to keep {wanted} workers; expected at most {MOST_WORKERS}: there are {self.wanted} as before"
            )
            return
        self.wanted = max(1, wanted)
        self._words.say(f"asked to keep {count(self.wanted, 'worker')}")

    def count_end(self, now: float) -> None:
        """A worker has ended that nobody asked to: if they go on like this, the next start waits."""
        self._restarts.worker_ended(now)

    def forget_ends(self) -> None:
        """Whatever ended workers before may be mended now: start at once."""
        self._restarts = RestartPolicy(self.wanted)

    def replace(self, child: Child, ending: str, was: State) -> None:
        """Say how a worker ended that nobody asked to, and when its place is filled."""
        # One that somebody ended from outside is no sign of an application that fails again and again.
        asked = child.said.leaving is Leaving.TERMINATED and child.process.returncode == 0
        delay = 0.0 if asked else self._restarts.worker_ended(time.monotonic())
        if was is State.STARTING:
            self._words.explain_failure(child, ending)
        if delay == 0.0:
            self._words.say(f"{child} {ending}; replacing it at once", Level.WARNING, **evidence(child))
            return
        self._words.say(
            f"{child} {ending}; workers end again and again: {self._restarts.ends} in "
            f"{self._restarts.looping_seconds:.0f} s. The next one starts in {delay:g} s; "
            "mend the application and it is back by itself, or send HUP to this process "
            f"(pid {os.getpid()}) to try at once",
            Level.ERROR,
            **evidence(child),
        )

    def _missing(self) -> int:
        return self.wanted + self.extra - len(self._crew.wanted())
