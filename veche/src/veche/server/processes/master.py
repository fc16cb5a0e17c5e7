"""The master: owns the listening sockets, keeps the workers, runs no application code.

One job: one loop that turns signals, reports and ends of workers into starts and stops of workers.
Must not know: requests, applications, asyncio. Whatever it imports delays every start, so it imports little.
"""

import errno
import os
import selectors
import signal
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from enum import Enum
from typing import Final

from veche.log import Level, Logger
from veche.server.processes.development.starting_over import StartingOver
from veche.server.processes.listener import Listener, close_all
from veche.server.processes.succession.handover import Handover
from veche.server.processes.succession.inheritance import Predecessor
from veche.server.processes.surroundings.cores import usable_cores
from veche.server.processes.surroundings.folder import start_folder
from veche.server.processes.surroundings.supervisor import Supervisor
from veche.server.processes.telling.desk import Desk
from veche.server.processes.telling.status import ServerStatus, totals_by_name, worker_statuses
from veche.server.processes.words import Words, count, evidence
from veche.server.processes.workers.child import Child, State, WorkerSpec
from veche.server.processes.workers.crew import Crew
from veche.server.processes.workers.patience import OVERTIME_SECONDS, Patience
from veche.server.processes.workers.places import Places
from veche.server.processes.workers.replacing import Replacing
from veche.server.settings import ServerSettings
from veche.server.verdicts.verdict import Kind, Verdict

NEVER: Final = float("inf")

LONGEST_WAIT_SECONDS: Final = 3600.0  # whatever an application may have written into the scoreboard

EXIT_STOPPED: Final = 0
EXIT_APPLICATION_FAILED: Final = 3

INTERRUPT_DRAIN_SECONDS: Final = 3.0  # who presses Ctrl-C waits in front of a terminal
# One request to stop may come twice: `timeout` sends it to us and to our group, who runs us passes a terminal's on.
ECHO_SECONDS: Final = 0.1

STOP_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)
HANDLED: Final = (
    *STOP_SIGNALS,
    signal.SIGHUP,
    signal.SIGTTIN,
    signal.SIGTTOU,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGWINCH,
    signal.SIGCHLD,
)


class Stage(Enum):
    """Where the whole server stands."""

    STARTING = "starting"  # nobody has become ready yet: a failure now is a failed start
    SERVING = "serving"
    STOPPING = "stopping"


class Master:
    """Runs workers for one application until it is told to stop; `run()` returns the exit code.

    It is the CrewObserver of its crew.
    """

    def __init__(
        self,
        application: str,
        settings: ServerSettings,
        listeners: Sequence[Listener],
        logger: Logger,
        *,
        on_ready: Callable[[], None] | None = None,
        predecessor: Predecessor | None = None,
    ) -> None:
        self._application = application
        self._settings = settings
        self._listeners = tuple(listeners)
        self._on_ready = on_ready
        self._predecessor = predecessor
        self._stage = Stage.STARTING
        self._exit_code = EXIT_STOPPED
        self._echo_until = 0.0
        self._began = time.monotonic()
        self._words = words = Words(logger, application)
        self._selector = selectors.DefaultSelector()
        folder = start_folder()
        self._supervisor = Supervisor(settings.pid_file, words.complain)
        spec = WorkerSpec(application, settings, dict(os.environ), folder)
        self._crew = crew = Crew(self._selector, spec, self)
        wanted = settings.workers or (1 if settings.reload else usable_cores())
        self._places = places = Places(crew, self._listeners, wanted, words)
        self._replacing = replacing = Replacing(crew, places, self._supervisor, words)
        self._patience = Patience(settings, words, stalled=places.count_end)
        self._development = StartingOver(settings.app_dir, crew, places, replacing, words) if settings.reload else None
        self._handover = Handover(
            self._selector,
            words,
            folder=folder,
            patience_seconds=settings.startup_seconds + OVERTIME_SECONDS,
            taken_over=self._leave_to,
        )
        self._desk = Desk(
            self._selector,
            settings,
            words,
            first_address=str(self._listeners[0].address) if self._listeners else "",
            status=self.status,
            totals=crew.totals,
            starts=lambda: crew.started,
            predecessor=predecessor.pid if predecessor is not None else None,
        )
        # nohup ignores HUP: then the end of the terminal must not be the end of the server.
        self._has_terminal = _terminal_answers() and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN

    # -- the loop ----------------------------------------------------------------------------------------------------

    def run(self) -> int:
        """Serve until stopped. 0: stopped as asked; 3: the application could not be started."""
        woken, waker = socket.socketpair()
        woken.settimeout(0)
        waker.settimeout(0)
        before = {number: signal.signal(number, _nothing) for number in HANDLED}
        waker_before = signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)
        self._selector.register(woken, selectors.EVENT_READ, lambda _events: self._take_signals(woken))
        try:
            self._places.fill()
            self._crew.open_relay()
            self._desk.open()
            while self._stage is not Stage.STOPPING or self._crew.children:
                for key, events in self._selector.select(self._seconds_to_next_duty()):
                    key.data(events)
                self._tend()
        finally:
            signal.set_wakeup_fd(waker_before)
            for number, handler in before.items():
                signal.signal(number, handler)
            self._close(woken, waker)
        return self._exit_code

    def _close(self, *ends: socket.socket) -> None:
        self._desk.close()
        self._supervisor.close()
        self._crew.close()  # somebody is left only when the loop itself failed
        close_all(self._listeners)
        self._selector.close()
        for end in ends:
            end.close()

    def _tend(self) -> None:
        """Whatever is due now: deadlines passed, a step of a reload, places to fill, too many workers."""
        now = time.monotonic()
        self._patience.enforce(self._crew.children, now)
        self._handover.enforce(now)
        self._desk.tend(now)
        self._supervisor.tend(now)
        if self._stage is Stage.STOPPING:
            return
        if self._development is not None:
            self._development.look(now)
        self._replacing.step(now)
        self._places.fill()
        self._places.stop_surplus(now)

    def _seconds_to_next_duty(self) -> float | None:
        due = [
            self._patience.deadline(self._crew.children),
            self._handover.deadline(),
            self._desk.deadline(),
            self._supervisor.deadline,
        ]
        if self._development is not None:
            due.append(self._development.deadline)
        if self._stage is not Stage.STOPPING:
            due.append(self._places.deadline())
        earliest = min(due)
        return None if earliest == NEVER else min(max(0.0, earliest - time.monotonic()), LONGEST_WAIT_SECONDS)

    # -- signals -----------------------------------------------------------------------------------------------------

    def _take_signals(self, woken: socket.socket) -> None:
        with suppress(BlockingIOError):
            # A TERM to the whole group ends idle workers in no time: that we stop, too, comes before their ends.
            for number in sorted(woken.recv(4096), key=lambda number: number not in STOP_SIGNALS):
                self._take_signal(signal.Signals(number))

    def _take_signal(self, number: signal.Signals) -> None:
        match number:
            case signal.SIGCHLD:
                self._crew.reap()
                self._handover.look()
            case signal.SIGTERM | signal.SIGINT | signal.SIGQUIT:
                self._stop(number)
            case signal.SIGHUP if self._has_terminal and not _terminal_answers():
                self._stop(number)  # the terminal we were started from was closed: nobody asked for a reload
            case signal.SIGHUP:
                self._replacing.want_reload()
            case signal.SIGUSR2:
                self._begin_handover()
            case signal.SIGUSR1:
                self._words.say("USR1: there is nothing to do; a log file that was renamed is opened anew by itself")
            case signal.SIGWINCH:
                pass  # the terminal's window; gunicorn would end its workers
            case signal.SIGTTIN | signal.SIGTTOU if self._stage is Stage.STOPPING:
                pass  # no worker is kept
            case signal.SIGTTIN:
                self._places.scale(self._places.wanted + 1)
            case signal.SIGTTOU:
                self._places.scale(self._places.wanted - 1)

    def _stop(self, number: signal.Signals) -> None:
        now = time.monotonic()
        if now < self._echo_until and number is not signal.SIGQUIT:
            return
        self._echo_until = now + ECHO_SECONDS
        if self._stage is not Stage.STOPPING:
            self._begin_stop(number, now)
        elif not self._patience.is_over:
            self._words.say(f"{number.name} again: hurrying, requests in flight are cut")
            self._patience.hurry(self._crew.children, now)
        else:
            for child in self._crew.children:
                child.kill(f"{number.name} was sent a third time")

    def _begin_stop(self, number: signal.Signals, now: float) -> None:
        seconds = self._settings.drain_seconds
        if number is signal.SIGINT:
            seconds = min(seconds, INTERRUPT_DRAIN_SECONDS)
        if self._stage is Stage.SERVING and number is not signal.SIGQUIT:
            again = "; Ctrl-C again hurries" if number is signal.SIGINT else ""
            self._words.say(f"{number.name}: stopping; requests in flight have {seconds:g} s to end{again}")
        else:
            self._words.say(f"{number.name}: stopping")
        if not self._sockets_outlive_us():
            self._crew.tell_that_all_end()
        self._enter_stopping(now, 0.0 if number is signal.SIGQUIT else seconds)

    def _sockets_outlive_us(self) -> bool:
        """Whether somebody may serve on them after us: an old master, a new one, whoever has given them to us."""
        if self._stage is not Stage.SERVING or self._handover.goes_on:
            return True
        return any(listener.is_inherited for listener in self._listeners)

    def _enter_stopping(self, now: float, drain_seconds: float) -> None:
        self._stage = Stage.STOPPING
        self._replacing.drop()
        self._supervisor.stopping()
        self._handover.call_off()
        close_all(self._listeners)  # with the workers' copies: from now on the kernel refuses newcomers
        for child in self._crew.children:
            child.stop(now)
        if drain_seconds == 0.0:
            self._patience.hurry(self._crew.children, now)
        elif drain_seconds < self._settings.drain_seconds:
            self._patience.hurry_at(now + drain_seconds)  # otherwise each worker ends its drain by its own clock

    def _begin_handover(self) -> None:
        if self._stage is Stage.SERVING and not self._handover.goes_on:
            self._handover.begin(self._listeners)
        else:
            self._words.complain("USR2: nothing is done now; the server starts, stops, or is being succeeded")

    def _leave_to(self, pid: int) -> None:
        """Drain and end: another master serves."""
        if self._stage is not Stage.SERVING:
            return
        self._supervisor.succeeded_by(pid)
        self._words.say(f"the new master (pid {pid}) serves; this one drains and ends")
        # The files of unix sockets are that one's now.
        self._listeners = tuple(replace(listener, unix_inode=None) for listener in self._listeners)
        self._enter_stopping(time.monotonic(), self._settings.drain_seconds)

    # -- what workers say, and their ends ----------------------------------------------------------------------------

    def worker_is_ready(self, child: Child) -> None:
        self._words.say(f"{child} is ready")
        if self._stage is Stage.STARTING:
            self._stage = Stage.SERVING
            self._places.is_serving = True
            # First the pid file: the old master takes it away in its end, unless it is ours by then.
            self._supervisor.ready()
            if self._predecessor is not None:
                self._listeners = self._predecessor.own(self._listeners)
                self._predecessor.tell_ready()
            addresses = ", ".join(str(listener) for listener in self._listeners)
            self._words.say(f"serving {self._application} on {addresses} with {count(self._places.wanted, 'worker')}")
            if self._on_ready is not None:
                self._on_ready()

    def worker_had_trouble(self, verdict: Verdict) -> None:
        """Something went wrong in a worker that serves on."""
        self._desk.keep(verdict)
        if verdict.kind is Kind.THREADS_USED_UP:
            self._replacing.want_replaced(verdict.worker)
        stacks = {"traceback": verdict.evidence} if verdict.evidence else {}
        self._words.say(verdict.what, Level.WARNING, advice=verdict.advice, **stacks)

    def worker_is_worn_out(self, child: Child) -> None:
        self._replacing.want_recycled(child)

    def files_have_changed(self, files: list[str]) -> None:
        """A worker has seen files change before our own look did."""
        if self._development is not None and self._stage is not Stage.STOPPING:
            self._development.start_over(files)

    def worker_has_ended(self, child: Child, was: State, ending: str) -> None:
        self._patience.forget(child)
        self._desk.ended(child.verdict)
        if child.doom.kind in (Kind.LOOP_STALLED, Kind.STOPPED_FROM_OUTSIDE):
            self._words.say(f"{child} {ending}", Level.ERROR, **evidence(child))  # its replacement has begun to start
        elif was is State.STOPPING:
            if child.process.returncode != 0 and child.said.failure is None:
                self._words.say(f"{child} {ending}, while it was stopping", Level.WARNING, **evidence(child))
        elif self._development is not None and was is State.STARTING:
            self._development.stand_in_for(child, ending)
        elif self._stage is Stage.STARTING:
            self._startup_failed(child, ending)
        elif self._replacing.is_newcomer(child):
            self._replacing.abandon(child, ending)
        elif self._stage is Stage.SERVING:
            self._places.replace(child, ending, was)

    def _startup_failed(self, child: Child, ending: str) -> None:
        self._words.explain_failure(child, ending)
        self._exit_code = EXIT_APPLICATION_FAILED
        self._enter_stopping(time.monotonic(), 0.0)

    # -- what it does now --------------------------------------------------------------------------------------------

    def status(self) -> ServerStatus:
        """Who does what now, told by the scoreboard: no worker is asked."""
        return ServerStatus(
            application=self._application,
            pid=os.getpid(),
            stage="reloading" if self._replacing.goes_on else self._stage.value,
            addresses=tuple(str(listener) for listener in self._listeners),
            seconds=time.monotonic() - self._began,
            workers_wanted=self._places.wanted,
            workers=worker_statuses(self._crew.children),
            totals=totals_by_name(self._crew.scoreboard, self._crew.children),
        )


def _nothing(_number: int, _frame: object) -> None:
    """The handler of every signal: the loop reads them from the wake-up descriptor."""


def _terminal_answers() -> bool:
    """Whether this process has a terminal that somebody may close."""
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY))
    except OSError as error:
        return error.errno in (errno.EMFILE, errno.ENFILE)  # that says nothing of the terminal, and must end nobody
    return True
