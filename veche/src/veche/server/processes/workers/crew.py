"""The workers there are: started, listened to, reaped.

One job: turn descriptors that became readable and children that ended into calls of whoever observes them.
Must not know: how many workers there should be, signals, why one starts or stops.
"""

import os
import selectors
import socket
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from veche.server.processes.listener import Listener
from veche.server.processes.orders import Failed
from veche.server.processes.workers.child import Child, Event, State, WorkerSpec, start_child
from veche.server.processes.workers.coroner import Coroner
from veche.server.scoreboard.reader import Scoreboard
from veche.server.verdicts.verdict import Verdict

if TYPE_CHECKING:
    from veche.publish.relay import Hub


class CrewObserver(Protocol):
    """Who is told what becomes of the workers."""

    def worker_is_ready(self, child: Child) -> None:
        """It serves."""

    def worker_has_ended(self, child: Child, was: State, ending: str) -> None:
        """It is gone. was: where it stood; ending: how, in words, and its `verdict` has more of them."""

    def worker_is_worn_out(self, child: Child) -> None:
        """It serves on, and asks to be replaced."""

    def worker_had_trouble(self, verdict: Verdict) -> None:
        """Something went wrong in a worker that serves on."""

    def files_have_changed(self, files: list[str]) -> None:
        """A worker has seen it (--reload)."""


class Crew:
    """All workers of one master."""

    def __init__(self, selector: selectors.BaseSelector, spec: WorkerSpec, observer: CrewObserver) -> None:
        self._selector = selector
        self._spec = spec
        self._observer = observer
        self._coroner = Coroner()
        self._last_number = 0
        self.started = 0
        self._hub: Hub | None = None
        self.scoreboard = Scoreboard()
        self.children: list[Child] = []

    def start_one(self, listeners: Sequence[Listener], stand_in: Failed | None = None) -> Child:
        """A new worker on these sockets; stand_in: what it says in place of an application that does not start."""
        self._last_number += 1
        child = start_child(
            self._spec,
            number=self._last_number,
            listeners=listeners,
            scoreboard=self.scoreboard,
            now=time.monotonic(),
            stand_in=stand_in,
        )
        self.children.append(child)
        self.started += 1
        self._selector.register(child.control, selectors.EVENT_READ, lambda _events: self._hear(child))
        self._attach_relay(child)
        return child

    def open_relay(self) -> None:
        """Call it when the first workers start: the hub's imports (publish, asyncio) then cost the start nothing."""
        from veche.publish.relay import Hub

        self._hub = Hub(self._selector)
        for child in self.children:
            self._attach_relay(child)

    def _attach_relay(self, child: Child) -> None:
        if self._hub is not None and child.relay is not None:
            self._hub.attach(child.relay)
            child.relay = None

    def totals(self) -> list[int]:
        """Every counter of the scoreboard, summed over all workers, those that have ended included."""
        return self.scoreboard.totals([child.place for child in self.children])

    def tell_that_all_end(self) -> None:
        """Say to every worker, before it is asked to stop, that nobody serves on our sockets after them."""
        for child in self.children:
            child.place.all_end()

    def wanted(self) -> list[Child]:
        """Those that nobody has asked to stop, oldest first."""
        return [child for child in self.children if child.state in (State.STARTING, State.SERVING)]

    def reap(self) -> None:
        """Call it after SIGCHLD."""
        for child in [child for child in self.children if child.process.poll() is not None]:
            self._bury(child)
        if os.getpid() == 1:
            _reap_orphans({child.process.pid for child in self.children})

    def close(self) -> None:
        """Leave nobody behind, whatever happened."""
        for child in self.children:
            child.kill("the master failed")
            child.process.wait()
            child.close()
        if self._hub is not None:
            self._hub.close()
        self.scoreboard.close()

    def _hear(self, child: Child) -> None:
        was = child.state
        try:
            more = child.read_reports(time.monotonic())
        except Exception as error:  # the application can write into our socket, too, and must not reach the master
            child.kill(f"it sent a report that is none ({type(error).__name__}: {error})")
            more = False
        if not more:
            self._unregister(child.control)
        said, observer = child.said, self._observer
        incidents, said.incidents = said.incidents, []
        for incident in incidents:
            observer.worker_had_trouble(self._coroner.hear(child, incident))
        if was is State.STARTING and child.state is State.SERVING:
            observer.worker_is_ready(child)
        if said.outdated:
            files, said.outdated = said.outdated, []
            observer.files_have_changed(files)
        if said.worn_out and child.state is State.SERVING:
            observer.worker_is_worn_out(child)
            said.worn_out = ""

    def _unregister(self, connection: socket.socket) -> None:
        with suppress(KeyError, ValueError):  # done already: its end of file and its end are two events
            self._selector.unregister(connection)

    def _bury(self, child: Child) -> None:
        self.children.remove(child)
        self._hear(child)  # its last words
        self._unregister(child.control)
        was = child.state
        child.move(Event.END, time.monotonic())
        verdict = self._coroner.examine(child)
        if child.process.returncode != 0 or was is not State.STOPPING:
            child.verdict = verdict
        child.close()
        self.scoreboard.give_back(child.place)
        self._observer.worker_has_ended(child, was, verdict.what)


def _reap_orphans(own: set[int]) -> None:
    """As process 1 of a container we inherit every orphan, and nobody else reaps them; our own are left to Popen."""
    with suppress(ChildProcessError):
        while ended := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            if ended.si_pid in own:
                return  # it ended this moment: its own SIGCHLD is on the way
            os.waitpid(ended.si_pid, 0)
