"""One worker as its master sees it: a process, a control socket, a state.

One job: start it, read its reports, signal it, and know where it stands.
Must not know: how many there are, when one should start or end.
"""

import signal
import socket
import subprocess  # its own interpreter by exec: forking a threaded or Cocoa-using process is unsafe on macOS
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from enum import Enum
from typing import Final

from veche.server.processes.listener import Listener
from veche.server.processes.orders import (
    ASK_FOR_TASKS,
    LINE_LIMIT_OCTETS,
    STACKS_SIGNAL,
    Failed,
    Leaves,
    Orders,
    Outdated,
    Ready,
    Report,
    ReportReader,
    Saw,
    TaskStacks,
    WornOut,
    line,
)
from veche.server.scoreboard.reader import Place, Scoreboard
from veche.server.settings import ServerSettings
from veche.server.verdicts.culprit import UNKNOWN
from veche.server.verdicts.incidents import Incident
from veche.server.verdicts.stacks_file import StacksFile
from veche.server.verdicts.verdict import Kind, Leaving, Verdict

RELAY_VARIABLE: Final = "VECHE_RELAY_FD"  # publish.choose reads it; importing it here would cost the start asyncio
NUMBER_VARIABLE: Final = "VECHE_WORKER_NUMBER"

NEVER: Final = float("inf")
STACKS_SECONDS: Final = 2.0  # how long a worker that is going to be killed has to tell its stacks
ANSWER_SECONDS: Final = 1.0  # how long its Python has of them; then C tells them, whoever holds the GIL

READ_OCTETS: Final = 1 << 16
READS: Final = LINE_LIMIT_OCTETS // READ_OCTETS + 1  # the longest report whole: one who has ended is read only once

HELD_BACK: Final = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, STACKS_SIGNAL}


class State(Enum):
    """Where a worker stands."""

    STARTING = "starting"
    SERVING = "serving"
    STOPPING = "stopping"
    ENDED = "ended"


class Event(Enum):
    """What moves it."""

    READY = "ready"
    STOP = "stop"
    END = "end"


TRANSITIONS: Final[Mapping[State, Mapping[Event, State]]] = {
    State.STARTING: {Event.READY: State.SERVING, Event.STOP: State.STOPPING, Event.END: State.ENDED},
    State.SERVING: {Event.STOP: State.STOPPING, Event.END: State.ENDED},
    # A worker that was asked to stop while it started may still have sent "ready": it stops all the same.
    State.STOPPING: {Event.READY: State.STOPPING, Event.STOP: State.STOPPING, Event.END: State.ENDED},
    State.ENDED: {},
}


class Child:
    """A worker process, from its start to its end."""

    def __init__(
        self,
        number: int,
        process: "subprocess.Popen[bytes]",
        control: socket.socket,
        now: float,
        *,
        place: Place,
        stacks: StacksFile,
    ) -> None:
        self.number = number
        self.place = place
        self.process = process
        self.control = control
        self.relay: socket.socket | None = None
        self.state = State.STARTING
        self.state_since = now
        self.failure: Failed | None = None
        self.our_reason: str | None = None  # why we sent it SIGKILL
        self.our_kind: Kind | None = None
        self.our_signal = 0  # by which we have ended it
        self.doomed_at: float | None = None  # when it is killed: it has been asked for its stacks
        self.insist_at = NEVER  # when it is asked once more, by the signal
        self.stacks = stacks
        self.task_stacks = ""
        self.culprit = UNKNOWN  # the slot of the request that its loop ran when it was asked
        self.outdated: list[str] = []  # the files that it has seen change
        self.worn_out = ""  # why it asks to be replaced
        self.leaving: Leaving | None = None  # what it said of its end
        self.incidents: list[Incident] = []
        self.verdict: Verdict | None = None  # once it has ended in a way nobody asked for
        self._reader = ReportReader()

    def __str__(self) -> str:
        return f"worker {self.number} (pid {self.process.pid})"

    def move(self, event: Event, now: float) -> None:
        state = TRANSITIONS[self.state][event]
        if state is not self.state:
            self.state, self.state_since = state, now

    def read_reports(self, now: float) -> bool:
        """Take what the worker said; False when it will say no more."""
        for _ in range(READS):
            try:
                octets = self.control.recv(READ_OCTETS)
            except BlockingIOError:
                return True
            except OSError:
                octets = b""
            for report in self._reader.feed(octets):
                self._take(report, now)
            if not octets:
                return False
        return True

    def _take(self, report: Report, now: float) -> None:
        match report:
            case Ready():
                self.move(Event.READY, now)
            case Failed():
                self.failure = report
            case Leaves(leaving):
                self.leaving = leaving
            case Saw(incident):
                self.incidents.append(incident)
            case Outdated(files):
                self.outdated = files
            case WornOut(reason):
                self.worn_out = reason
            case TaskStacks(text, slot):
                self.task_stacks, self.culprit = text, slot
                self._has_told(now)

    def stop(self, now: float) -> None:
        """Ask it to drain; asked again, it hurries."""
        self.move(Event.STOP, now)
        self._signal(signal.SIGTERM)

    def kill(self, our_reason: str, kind: Kind = Kind.KILLED_BY_US) -> None:
        if self.doomed_at is None:
            self.our_reason, self.our_kind = our_reason, kind
        self.doomed_at = self.insist_at = NEVER
        self.our_signal = signal.SIGKILL
        self._signal(signal.SIGKILL)

    def doom(self, our_reason: str, kind: Kind, now: float) -> None:
        """Ask for its stacks; whoever watches the clock calls insist() at `insist_at` and kill() at `doomed_at`."""
        self.our_reason, self.our_kind, self.doomed_at = our_reason, kind, now + STACKS_SECONDS
        self.insist_at = now + ANSWER_SECONDS
        with suppress(OSError):  # it has gone, or reads nothing: then there are only the C stacks
            self.control.send(ASK_FOR_TASKS)

    def insist(self) -> None:
        """Ask its C handler for the stacks: its Python has not told them in time.

        Not at once: the handler reads the frames of every thread, and the thread that answers would run meanwhile.
        """
        self.insist_at = NEVER
        self._signal(STACKS_SIGNAL)

    def _has_told(self, now: float) -> None:
        if self.doomed_at is not None and self.our_signal == 0:
            self.doomed_at, self.insist_at = now, NEVER

    def _signal(self, number: int) -> None:
        with suppress(ProcessLookupError):  # it has ended meanwhile, and is reaped in a moment
            self.process.send_signal(number)

    def close(self) -> None:
        self.control.close()
        self.stacks.close()


def start_child(
    *,
    number: int,
    application: str,
    settings: ServerSettings,
    listeners: Sequence[Listener],
    scoreboard: Scoreboard,
    environ: Mapping[str, str],
    now: float,
    folder: str | None = None,
    stand_in: Failed | None = None,
) -> Child:
    """A new worker that has got its orders; `child.relay` is the master's end of its relay.

    The signals an operator sends to the whole group are held back in the worker until it handles them.
    """
    place, stacks = scoreboard.take_place(), StacksFile()
    control, workers_control = socket.socketpair()
    relay, workers_relay = socket.socketpair()
    inherited = [listener.socket.fileno() for listener in listeners]
    relay_descriptor = workers_relay.fileno()
    # -P: the folder of the application is put on the path by the worker, not by chance; see worker.py.
    command = [sys.executable, "-P", "-m", "veche.server.processes.worker", str(workers_control.fileno()), application]
    signal.pthread_sigmask(signal.SIG_BLOCK, HELD_BACK)
    try:
        process = subprocess.Popen(  # noqa: S603  our own interpreter and module, and a name that is only an argument
            command,
            pass_fds=[workers_control.fileno(), relay_descriptor, scoreboard.descriptor, stacks.descriptor, *inherited],
            env={**environ, RELAY_VARIABLE: str(relay_descriptor), NUMBER_VARIABLE: str(number)},
            cwd=folder,
        )
    except BaseException:
        scoreboard.give_back(place)
        stacks.close()
        control.close()
        relay.close()
        raise
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, HELD_BACK)
        workers_control.close()
        workers_relay.close()
    orders = Orders(
        number=number,
        application=application,
        settings=settings,
        listener_descriptors=tuple(inherited),
        listener_manners=tuple(listener.manner for listener in listeners),
        relay_descriptor=relay_descriptor,
        scoreboard_descriptor=scoreboard.descriptor,
        place=place.number,
        stacks_descriptor=stacks.descriptor,
        stand_in=stand_in,
    )
    place.occupy(process.pid)
    with suppress(BrokenPipeError):  # it died at once; its end says why
        control.sendall(line(orders))
    control.settimeout(0)
    child = Child(number, process, control, now, place=place, stacks=stacks)
    child.relay = relay
    return child
