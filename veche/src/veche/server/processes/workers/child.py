"""One worker as its master sees it: a process, a control socket, a state.

One job: start it, read its reports, signal it, and know where it stands.
Must not know: how many there are, when one should start or end.
"""

import signal
import socket
import subprocess  # its own interpreter by exec: forking a threaded or Cocoa-using process is unsafe on macOS
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from enum import Enum
from typing import Final

from veche.server.processes.listener import Listener
from veche.server.processes.orders import (
    ASK_FOR_TASKS,
    HURRY,
    LINE_LIMIT_OCTETS,
    STACKS_SIGNAL,
    Failed,
    Orders,
    Ready,
    Report,
    ReportReader,
    TaskStacks,
    line,
)
from veche.server.processes.workers.doom import NEVER, Doom
from veche.server.processes.workers.said import Said
from veche.server.scoreboard.reader import Place, Scoreboard
from veche.server.settings import ServerSettings
from veche.server.verdicts.stacks_file import StacksFile
from veche.server.verdicts.verdict import Kind, Verdict

RELAY_VARIABLE: Final = "VECHE_RELAY_FD"  # publish.choose reads it; importing it here would cost the start asyncio
NUMBER_VARIABLE: Final = "VECHE_WORKER_NUMBER"

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
        self.said = Said()
        self.doom = Doom()
        self.stacks = stacks
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
        self.said.take(report)
        if isinstance(report, Ready):
            self.move(Event.READY, now)
        elif isinstance(report, TaskStacks):
            self.doom.stacks_told(now)

    def stop(self, now: float) -> None:
        """Ask it to drain; asked again, it goes on with that."""
        self.move(Event.STOP, now)
        self._signal(signal.SIGTERM)

    def hurry(self) -> None:
        """Have one that was asked to drain cut what is in flight."""
        self._say(HURRY)

    def kill(self, our_reason: str, kind: Kind = Kind.KILLED_BY_US) -> None:
        self.doom.executed(our_reason, kind, signal.SIGKILL)
        self._signal(signal.SIGKILL)

    def condemn(self, our_reason: str, kind: Kind, now: float) -> None:
        """Ask for its stacks; whoever watches the clock calls insist() at doom.insist_at and kill() at doom.kill_at."""
        self.doom.decide(our_reason, kind, now)
        self._say(ASK_FOR_TASKS)

    def insist(self) -> None:
        """Ask its C handler for the stacks: its Python has not told them in time.

        Not at once: the handler reads the frames of every thread, and the thread that answers would run meanwhile.
        """
        self.doom.insist_at = NEVER
        self._signal(STACKS_SIGNAL)

    def _say(self, word: bytes) -> None:
        with suppress(OSError):  # it has gone, or reads nothing: then it is killed in time, and its C stacks are read
            self.control.send(word)

    def _signal(self, number: int) -> None:
        with suppress(ProcessLookupError):  # it has ended meanwhile, and is reaped in a moment
            self.process.send_signal(number)

    def close(self) -> None:
        self.control.close()
        self.stacks.close()


@dataclass(frozen=True, slots=True)
class WorkerSpec:
    """What every worker of one master is started with. folder: where it starts; None for here."""

    application: str
    settings: ServerSettings
    environ: Mapping[str, str]
    folder: str | None = None


def start_child(
    spec: WorkerSpec,
    *,
    number: int,
    listeners: Sequence[Listener],
    scoreboard: Scoreboard,
    now: float,
    stand_in: Failed | None = None,
) -> Child:
    """A new worker that has got its orders; `child.relay` is the master's end of its relay.

    stand_in: what it says in place of an application that does not start.
    """
    with ExitStack() as workers_own, ExitStack() as undo:
        place = scoreboard.take_place()
        undo.callback(scoreboard.give_back, place)
        stacks = StacksFile()
        undo.callback(stacks.close)
        control, workers_control = _pair(undo, workers_own)
        relay, workers_relay = _pair(undo, workers_own)
        orders = Orders(
            number=number,
            application=spec.application,
            settings=spec.settings,
            listener_descriptors=tuple(listener.socket.fileno() for listener in listeners),
            listener_manners=tuple(listener.manner for listener in listeners),
            relay_descriptor=workers_relay.fileno(),
            scoreboard_descriptor=scoreboard.descriptor,
            place=place.number,
            stacks_descriptor=stacks.descriptor,
            stand_in=stand_in,
        )
        process = _spawn(spec, orders, workers_control.fileno())
        undo.pop_all()
    place.occupy(process.pid)
    with suppress(BrokenPipeError):  # it died at once; its end says why
        control.sendall(line(orders))
    control.settimeout(0)
    child = Child(number, process, control, now, place=place, stacks=stacks)
    child.relay = relay
    return child


def _pair(ours: ExitStack, workers: ExitStack) -> tuple[socket.socket, socket.socket]:
    """Our end and the worker's, each closed with its own stack."""
    our_end, workers_end = socket.socketpair()
    ours.callback(our_end.close)
    workers.callback(workers_end.close)
    return our_end, workers_end


def _spawn(spec: WorkerSpec, orders: Orders, control_descriptor: int) -> "subprocess.Popen[bytes]":
    """Start its process. The signals that an operator sends to the whole group are held back until it handles them."""
    # -P: the folder of the application is put on the path by the worker, not by chance; see worker.py.
    module = [sys.executable, "-P", "-m", "veche.server.processes.worker"]
    inherited = [control_descriptor, orders.relay_descriptor, orders.scoreboard_descriptor, orders.stacks_descriptor]
    numbers = {RELAY_VARIABLE: str(orders.relay_descriptor), NUMBER_VARIABLE: str(orders.number)}
    signal.pthread_sigmask(signal.SIG_BLOCK, HELD_BACK)
    try:
        return subprocess.Popen(  # noqa: S603  our own interpreter and module, and a name that is only an argument
            [*module, str(control_descriptor), spec.application],
            pass_fds=[*inherited, *orders.listener_descriptors],
            env={**spec.environ, **numbers},
            cwd=spec.folder,
        )
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, HELD_BACK)
