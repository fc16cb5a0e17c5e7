"""The workers there are: started, listened to, reaped.

One job: turn descriptors that became readable and children that ended into two calls, `ready` and `ended`.
Must not know: how many workers there should be, signals, why one starts or stops.
"""

import os
import selectors
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from veche.server.processes.listener import Listener
from veche.server.processes.orders import Failed
from veche.server.processes.workers.child import Child, Event, State, start_child
from veche.server.processes.workers.coroner import Coroner
from veche.server.scoreboard.reader import Scoreboard
from veche.server.settings import ServerSettings
from veche.server.verdicts.verdict import Verdict

if TYPE_CHECKING:
    from veche.publish.relay import Hub

ReadyCallback = Callable[[Child], None]
EndedCallback = Callable[[Child, State, str], None]
SawCallback = Callable[[Verdict], None]


class Crew:
    """All workers of one master.

    ready(child): it serves. ended(child, was, ending): it is gone; `was` is where it stood, `ending` how, in words; its
    `verdict` has more of them. saw(verdict): something went wrong in a worker that serves on.
    worn_out(child): it serves on, and asks to be replaced. outdated(files): they
    have changed. folder: where workers start; None for here.
    """

    def __init__(
        self,
        selector: selectors.BaseSelector,
        application: str,
        settings: ServerSettings,
        environ: Mapping[str, str],
        *,
        ready: ReadyCallback,
        ended: EndedCallback,
        saw: SawCallback,
        worn_out: ReadyCallback,
        outdated: Callable[[list[str]], None],
        folder: str | None = None,
    ) -> None:
        self._selector = selector
        self._application = application
        self._settings = settings
        self._environ = environ
        self._ready = ready
        self._ended = ended
        self._saw = saw
        self._worn_out = worn_out
        self._outdated = outdated
        self._folder = folder
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
            number=self._last_number,
            application=self._application,
            settings=self._settings,
            listeners=listeners,
            scoreboard=self.scoreboard,
            environ=self._environ,
            now=time.monotonic(),
            folder=self._folder,
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
        incidents, child.incidents = child.incidents, []
        for incident in incidents:
            self._saw(self._coroner.hear(child, incident))
        if was is State.STARTING and child.state is State.SERVING:
            self._ready(child)
        if child.outdated:
            files, child.outdated = child.outdated, []
            self._outdated(files)
        if child.worn_out and child.state is State.SERVING:
            self._worn_out(child)
            child.worn_out = ""

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
        self._ended(child, was, verdict.what)


def _reap_orphans(own: set[int]) -> None:
    """As process 1 of a container we inherit every orphan, and nobody else reaps them; our own are left to Popen."""
    with suppress(ChildProcessError):
        while ended := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            if ended.si_pid in own:
                return  # it ended this moment: its own SIGCHLD is on the way
            os.waitpid(ended.si_pid, 0)
