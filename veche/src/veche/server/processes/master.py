"""The master: owns the listening sockets, keeps the workers, runs no application code.

One job: one loop that turns signals, reports and ends of workers into starts and stops of workers.
Must not know: requests, applications, asyncio. Whatever it imports delays every start, so it imports little.
"""

import os
import selectors
import signal
import socket
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from enum import Enum
from typing import Final

from veche.log import Level, Logger
from veche.server.processes.changes import FileWatch, forget_bytecode
from veche.server.processes.child import Child, Event, State
from veche.server.processes.cores import usable_cores
from veche.server.processes.crew import Crew
from veche.server.processes.desk import Desk
from veche.server.processes.folder import start_folder
from veche.server.processes.listener import Listener, close_all
from veche.server.processes.orders import Failed
from veche.server.processes.proc import what_the_kernel_says
from veche.server.processes.reload import Reload
from veche.server.processes.restarts import FIRST_DELAY_SECONDS, RestartPolicy
from veche.server.processes.stall import StallWatch
from veche.server.processes.status import ServerStatus, totals_by_name, worker_statuses
from veche.server.processes.succession import Predecessor, Successor, start_successor
from veche.server.processes.supervisor import Supervisor
from veche.server.settings import ServerSettings
from veche.server.verdicts.verdict import Kind, Verdict

NEVER: Final = float("inf")

LONGEST_WAIT_SECONDS: Final = 3600.0  # whatever an application may have written into the scoreboard

EXIT_STOPPED: Final = 0
EXIT_APPLICATION_FAILED: Final = 3

INTERRUPT_DRAIN_SECONDS: Final = 3.0  # who presses Ctrl-C waits in front of a terminal
HURRY_SECONDS: Final = 3.0
LOOK_SECONDS: Final = 0.2  # how often files are looked at, for --reload
SHOWN_FILES: Final = 3
OVERTIME_SECONDS: Final = 5.0  # for the application's own shut-down after the drain

STOP_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)
HANDLED: Final = (*STOP_SIGNALS, signal.SIGHUP, signal.SIGTTIN, signal.SIGTTOU, signal.SIGUSR2, signal.SIGCHLD)


class Stage(Enum):
    """Where the whole server stands."""

    STARTING = "starting"  # nobody has become ready yet: a failure now is a failed start
    SERVING = "serving"
    STOPPING = "stopping"


class Master:
    """Runs workers for one application until it is told to stop; `run()` returns the exit code."""

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
        self._logger = logger
        self._on_ready = on_ready
        self._predecessor = predecessor
        self._successor: Successor | None = None
        self._folder = start_folder()
        self._supervisor = Supervisor(settings.pid_file, lambda words: self._say(words, Level.WARNING))
        self._target = settings.workers or (1 if settings.reload else usable_cores())
        self._watch = FileWatch(settings.app_dir) if settings.reload else None
        self._look_at = 0.0 if settings.reload else NEVER
        self._stand_in: Failed | None = None  # why the application does not start
        self._stage = Stage.STARTING
        self._exit_code = EXIT_STOPPED
        self._restarts = RestartPolicy(self._target)
        self._reload: Reload | None = None
        self._reload_wanted = False
        self._worn_out: list[Child] = []  # they have asked to be replaced
        self._hurry_at = NEVER  # when patience ends before drain_seconds do
        self._hurried_at = NEVER
        self._selector = selectors.DefaultSelector()
        self._crew = Crew(
            self._selector,
            application,
            settings,
            dict(os.environ),
            ready=self._welcome,
            ended=self._after_end,
            saw=self._judge,
            worn_out=self._recycle,
            outdated=self._start_over,
            folder=self._folder,
        )
        # While developing, whoever stands at a breakpoint holds the loop.
        self._stalls = StallWatch(0.0 if settings.reload else settings.loop_stall_seconds)
        self._began = time.monotonic()
        self._desk = Desk(
            self._selector,
            settings,
            first_address=str(self._listeners[0].address) if self._listeners else "",
            status=self.status,
            totals=lambda: self._crew.scoreboard.totals([child.place for child in self._crew.children]),
            starts=lambda: self._crew.started,
            complain=lambda words: self._say(words, Level.WARNING),
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
            self._fill_places()
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
        self._enforce_deadlines(now)
        self._desk.tend(now)
        self._supervisor.tend(now)
        if self._stage is Stage.STOPPING:
            return
        self._look_for_changes(now)
        self._step_reload(now)
        self._fill_places()
        self._stop_surplus(now)

    def _seconds_to_next_duty(self) -> float | None:
        now = time.monotonic()
        due = [self._deadline(child, now) for child in self._crew.children]
        due += [self._hurry_at, self._desk.deadline(), self._supervisor.deadline, self._look_at]
        if self._successor is not None:
            due.append(self._successor.deadline)
        if self._stage is not Stage.STOPPING and self._missing() > 0:
            due.append(now + self._restarts.wait_seconds(now))
        earliest = min(due)
        return None if earliest == NEVER else min(max(0.0, earliest - now), LONGEST_WAIT_SECONDS)

    # -- signals -----------------------------------------------------------------------------------------------------

    def _take_signals(self, woken: socket.socket) -> None:
        with suppress(BlockingIOError):
            for number in woken.recv(4096):
                self._take_signal(signal.Signals(number))

    def _take_signal(self, number: signal.Signals) -> None:
        match number:
            case signal.SIGCHLD:
                self._crew.reap()
                self._look_at_successor()
            case signal.SIGTERM | signal.SIGINT | signal.SIGQUIT:
                self._stop(number)
            case signal.SIGHUP if self._has_terminal and not _terminal_answers():
                self._stop(number)  # the terminal we were started from was closed: nobody asked for a reload
            case signal.SIGHUP:
                self._reload_wanted = True
            case signal.SIGUSR2:
                self._begin_succession()
            case signal.SIGTTIN:
                self._scale(self._target + 1)
            case signal.SIGTTOU:
                self._scale(self._target - 1)

    def _scale(self, target: int) -> None:
        self._target = max(1, target)
        self._say(f"asked to keep {_count(self._target, 'worker')}")

    def _stop(self, number: signal.Signals) -> None:
        now = time.monotonic()
        if self._stage is not Stage.STOPPING:
            self._begin_stop(number, now)
        elif self._hurried_at == NEVER:
            self._say(f"{number.name} again: hurrying, requests in flight are cut")
            self._hurry(now)
        else:
            for child in self._crew.children:
                child.kill(f"{number.name} was sent a third time")

    def _begin_stop(self, number: signal.Signals, now: float) -> None:
        seconds = self._settings.drain_seconds
        if number is signal.SIGINT:
            seconds = min(seconds, INTERRUPT_DRAIN_SECONDS)
        if self._stage is Stage.SERVING and number is not signal.SIGQUIT:
            again = "; Ctrl-C again hurries" if number is signal.SIGINT else ""
            self._say(f"{number.name}: stopping; requests in flight have {seconds:g} s to end{again}")
        else:
            self._say(f"{number.name}: stopping")
        self._enter_stopping(now, 0.0 if number is signal.SIGQUIT else seconds)

    def _enter_stopping(self, now: float, drain_seconds: float) -> None:
        self._stage = Stage.STOPPING
        self._reload = None
        self._supervisor.stopping()
        if self._successor is not None and not self._successor.is_ready:
            self._successor.end()
        close_all(self._listeners)  # with the workers' copies: from now on the kernel refuses newcomers
        for child in self._crew.children:
            child.stop(now)
        if drain_seconds == 0.0:
            self._hurry(now)
        elif drain_seconds < self._settings.drain_seconds:
            self._hurry_at = now + drain_seconds  # otherwise each worker ends its drain by its own clock

    def _hurry(self, now: float) -> None:
        self._hurry_at, self._hurried_at = NEVER, now
        for child in self._crew.children:
            child.stop(now)

    # -- workers -----------------------------------------------------------------------------------------------------

    def _missing(self) -> int:
        extra = 1 if self._reload is not None and self._reload.newcomer is not None else 0
        return self._target + extra - len(self._crew.wanted())

    def _fill_places(self) -> None:
        now = time.monotonic()
        while self._missing() > 0 and self._restarts.wait_seconds(now) == 0.0 and self._start_one() is not None:
            pass

    def _start_one(self) -> Child | None:
        """A new worker; None when the kernel refuses one now: the next try comes later, and those that run go on."""
        try:
            return self._crew.start_one(self._listeners, self._stand_in)
        except OSError as error:
            if self._stage is Stage.STARTING:
                raise
            delay = max(FIRST_DELAY_SECONDS, self._restarts.worker_ended(time.monotonic()))
            self._restarts.hold_until(time.monotonic() + delay)
            self._say(f"no worker can be started ({error}); the next try is in {delay:g} s", Level.ERROR)
            return None

    def _stop_surplus(self, now: float) -> None:
        for child in self._crew.wanted()[::-1][: max(0, -self._missing())]:
            self._say(f"{child} is one too many: draining it")
            child.stop(now)

    def _welcome(self, child: Child) -> None:
        self._say(f"{child} is ready")
        if self._stage is Stage.STARTING:
            self._stage = Stage.SERVING
            if self._predecessor is not None:
                self._listeners = self._predecessor.own(self._listeners)
                self._predecessor.tell_ready()
            self._supervisor.ready()
            addresses = ", ".join(str(listener) for listener in self._listeners)
            self._say(f"serving {self._application} on {addresses} with {_count(self._target, 'worker')}")
            if self._on_ready is not None:
                self._on_ready()

    def _judge(self, verdict: Verdict) -> None:
        """Something went wrong in a worker that serves on."""
        self._desk.keep(verdict)
        if verdict.kind is Kind.THREADS_USED_UP:
            self._worn_out += [child for child in self._crew.wanted() if child.number == verdict.worker]
        evidence = {"traceback": verdict.evidence} if verdict.evidence else {}
        self._say(verdict.what, Level.WARNING, advice=verdict.advice, **evidence)

    def _recycle(self, child: Child) -> None:
        if child not in self._worn_out:
            self._worn_out.append(child)
            self._say(f"{child} is replaced: {child.worn_out}")

    def _after_end(self, child: Child, was: State, ending: str) -> None:
        self._stalls.forget(child)
        self._desk.ended(child.verdict)
        if child.our_kind is Kind.LOOP_STALLED:
            self._say(f"{child} {ending}", Level.ERROR, **_evidence(child))  # its replacement has begun to start
        elif was is State.STOPPING:
            if child.process.returncode != 0 and child.failure is None:
                self._say(f"{child} {ending}, while it was stopping", Level.WARNING, **_evidence(child))
        elif self._watch is not None and was is State.STARTING:
            self._stand_in_for(child, ending)
        elif self._stage is Stage.STARTING:
            self._startup_failed(child, ending)
        elif self._reload is not None and self._reload.newcomer is child:
            self._abandon_reload(child, ending)
        elif self._stage is Stage.SERVING:
            self._replace(child, ending, was)

    def _startup_failed(self, child: Child, ending: str) -> None:
        self._explain_failure(child, ending)
        self._exit_code = EXIT_APPLICATION_FAILED
        self._enter_stopping(time.monotonic(), 0.0)

    def _explain_failure(self, child: Child, ending: str) -> None:
        if child.failure is not None:
            traceback = {"traceback": child.failure.traceback} if child.failure.traceback else {}
            self._say(child.failure.reason, Level.ERROR, **traceback)
        elif child.our_reason is not None:
            self._say(f"{child} {ending}", Level.ERROR, **_evidence(child))
        else:
            module = self._application.partition(":")[0]
            self._say(
                f"{child} {ending} before it was ready: importing or starting {self._application} ended the process; "
                f"try `{sys.executable} -c 'import {module}'`",
                Level.ERROR,
                **_evidence(child),
            )

    def _replace(self, child: Child, ending: str, was: State) -> None:
        delay = self._restarts.worker_ended(time.monotonic())
        if was is State.STARTING:
            self._explain_failure(child, ending)
        if delay == 0.0:
            self._say(f"{child} {ending}; replacing it at once", Level.WARNING, **_evidence(child))
            return
        self._say(
            f"{child} {ending}; workers end again and again: {self._restarts.ends} in "
            f"{self._restarts.looping_seconds:.0f} s. The next one starts in {delay:g} s; "
            "mend the application and it is back by itself, or send HUP to this process "
            f"(pid {os.getpid()}) to try at once",
            Level.ERROR,
            **_evidence(child),
        )

    # -- deadlines ---------------------------------------------------------------------------------------------------

    def _deadline(self, child: Child, now: float) -> float:
        """When the worker is killed, or must be looked at."""
        if child.doomed_at is not None:
            return child.doomed_at
        match child.state:
            case State.STARTING:
                return child.state_since + self._settings.startup_seconds
            case State.STOPPING:
                in_peace = child.state_since + self._settings.drain_seconds + OVERTIME_SECONDS
                return min(in_peace, self._hurried_at + HURRY_SECONDS)
            case State.SERVING:
                return self._stalls.deadline(child, now)
        return NEVER

    def _enforce_deadlines(self, now: float) -> None:
        if now >= self._hurry_at:
            self._hurry(now)
        if self._successor is not None and now >= self._successor.deadline:
            self._successor.deadline = NEVER
            self._say("the new master was not ready in time; ending it", Level.ERROR)
            self._successor.process.kill()
        for child in self._crew.children:
            if now < self._deadline(child, now):
                continue
            if child.doomed_at is not None:
                child.kill("its stacks are told")
            elif child.state is State.STARTING:
                reason = f"it was not ready within startup_seconds ({self._settings.startup_seconds:g} s)"
                child.doom(reason, Kind.NOT_READY, now)
            elif child.state is State.STOPPING:
                reason = "it did not end in time: a request, a thread or the application's shut-down hangs"
                child.doom(reason, Kind.NOT_ENDED, now)
            elif self._stalls.stands_still(child, now):
                self._give_up_stalled(child, now)

    def _give_up_stalled(self, child: Child, now: float) -> None:
        """End a worker whose loop stands still; the place is filled while its stacks are asked for."""
        seconds = child.place.beat_seconds() or 0.0
        state = what_the_kernel_says(child.process.pid)
        reason = f"its event loop stood still for {seconds:.1f} s"
        child.doom(f"{reason} ({state})" if state else reason, Kind.LOOP_STALLED, now)
        child.move(Event.STOP, now)
        self._restarts.worker_ended(now)
        self._say(f"{child} stands still: its event loop has not turned for {seconds:.1f} s; replacing it", Level.ERROR)

    # -- reload ------------------------------------------------------------------------------------------------------

    def _step_reload(self, now: float) -> None:
        if self._reload is None and self._reload_wanted and self._stage is Stage.SERVING:
            self._reload_wanted = False
            self._restarts = RestartPolicy(self._target)
            self._say("HUP: reloading, one worker at a time")
            self._supervisor.reloading()
            self._reload = Reload(self._crew.wanted())
        if self._reload is None and self._worn_out and self._stage is Stage.SERVING:
            self._reload = Reload(self._worn_out, done="the worn-out workers are replaced")
            self._worn_out = []
        reload = self._reload
        if reload is None:
            return
        leaver = reload.next_leaver()
        if leaver is not None:
            leaver.stop(now)
        if reload.newcomer is None:
            if reload.anyone_left():
                reload.newcomer = self._start_one()
                if reload.newcomer is None:
                    self._reload = None
                    self._supervisor.reloaded("serving; the last reload was abandoned")
                    self._say("reload abandoned; the running workers go on", Level.ERROR)
            else:
                self._reload = None
                self._supervisor.reloaded("serving")
                self._say(reload.done)

    def _abandon_reload(self, child: Child, ending: str) -> None:
        self._reload = None
        self._supervisor.reloaded("serving; the last reload was abandoned")
        self._explain_failure(child, ending)
        self._say("reload abandoned: the new code does not start; the running workers go on", Level.ERROR)

    # -- development -------------------------------------------------------------------------------------------------

    def _look_for_changes(self, now: float) -> None:
        if self._watch is None or now < self._look_at:
            return
        files = self._watch.look()
        self._look_at = now + max(LOOK_SECONDS, 10 * (time.monotonic() - now))
        if files:
            self._start_over(files)

    def _start_over(self, files: list[str]) -> None:
        """End every worker at once; whoever comes waits in the kernel's queue for those that start now."""
        if self._stage is Stage.STOPPING or self._watch is None:
            return
        forget_bytecode(self._settings.app_dir, files)
        self._watch.look()  # a worker may have seen it first
        shown = ", ".join(files[:SHOWN_FILES]) + (f" and {len(files) - SHOWN_FILES} more" * (len(files) > SHOWN_FILES))
        self._say(f"{shown} changed: starting over")
        self._reload, self._reload_wanted, self._stand_in = None, False, None
        self._restarts = RestartPolicy(self._target)
        for child in self._crew.wanted():
            child.stop(time.monotonic())

    def _stand_in_for(self, child: Child, ending: str) -> None:
        """Have a page say why the application does not start, until it is mended."""
        self._explain_failure(child, ending)
        if self._stand_in is not None or (self._reload is not None and self._reload.newcomer is child):
            self._restarts.worker_ended(time.monotonic())  # not even the page can be served: slower and slower
        self._reload = None
        self._stand_in = child.failure or Failed(f"{child} {ending}", "")

    # -- another master takes over -----------------------------------------------------------------------------------

    def _begin_succession(self) -> None:
        if self._stage is not Stage.SERVING or self._successor is not None:
            self._say("USR2: nothing is done now; the server starts, stops, or is being succeeded", Level.WARNING)
            return
        if os.getpid() == 1:
            self._say("USR2: process 1 of a container ends with it; replace the container instead", Level.ERROR)
            return
        try:
            deadline = time.monotonic() + self._settings.startup_seconds + OVERTIME_SECONDS
            successor = self._successor = start_successor(self._listeners, deadline, self._folder)
        except OSError as error:
            self._say(f"USR2: a new master cannot be started ({error}); this one serves on", Level.ERROR)
            return
        self._selector.register(successor.control, selectors.EVENT_READ, lambda _events: self._hear_successor())
        self._say(f"USR2: a new master starts (pid {successor.process.pid}); this one serves until that one does")

    def _hear_successor(self) -> None:
        successor = self._successor
        if successor is None:
            return  # its end was seen first; this event is of the same look
        more = successor.hear()
        if successor.is_ready or not more:
            self._selector.unregister(successor.control)
            successor.control.close()
        if successor.is_ready and self._stage is Stage.SERVING:
            successor.deadline = NEVER
            self._supervisor.succeeded_by(successor.process.pid)
            self._say(f"the new master (pid {successor.process.pid}) serves; this one drains and ends")
            # The files of unix sockets are that one's now.
            self._listeners = tuple(replace(listener, unix_inode=None) for listener in self._listeners)
            self._enter_stopping(time.monotonic(), self._settings.drain_seconds)

    def _look_at_successor(self) -> None:
        successor = self._successor
        if successor is None or successor.process.poll() is None:
            return
        self._successor = None
        if not successor.is_ready:
            with suppress(KeyError, ValueError):
                self._selector.unregister(successor.control)
            successor.control.close()
            self._say(
                f"the new master (pid {successor.process.pid}) ended with {successor.process.returncode} before it "
                "served; its reason stands above. This one serves on",
                Level.ERROR,
            )

    # -- what it does now --------------------------------------------------------------------------------------------

    def status(self) -> ServerStatus:
        """Who does what now, told by the scoreboard: no worker is asked."""
        return ServerStatus(
            application=self._application,
            pid=os.getpid(),
            stage="reloading" if self._reload is not None else self._stage.value,
            addresses=tuple(str(listener.address) for listener in self._listeners),
            seconds=time.monotonic() - self._began,
            workers_wanted=self._target,
            workers=worker_statuses(self._crew.children),
            totals=totals_by_name(self._crew.scoreboard, self._crew.children),
        )

    # -- words -------------------------------------------------------------------------------------------------------

    def _say(self, message: str, level: Level = Level.INFO, **fields: object) -> None:
        with suppress(OSError, ValueError):  # a closed terminal or a full disk must not end the master
            self._logger.log_message(message, level=level, **fields)


def _nothing(_number: int, _frame: object) -> None:
    """The handler of every signal: the loop reads them from the wake-up descriptor."""


def _evidence(child: Child) -> dict[str, str]:
    """What the log says below the line about an end."""
    verdict = child.verdict
    if verdict is None:
        return {}
    return {"advice": verdict.advice} | ({"traceback": verdict.evidence} if verdict.evidence else {})


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _terminal_answers() -> bool:
    """Whether this process has a terminal that somebody may close."""
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY))
    except OSError:
        return False
    return True
