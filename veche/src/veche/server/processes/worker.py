"""A worker: `python -P -m veche.server.processes.worker DESCRIPTOR NAME`, started by the master and by nobody else.

One job: take the orders, load the application, serve it on the inherited sockets until told to stop.
Must not know: the other workers, who bound the sockets, what a request is.
"""

import asyncio
import faulthandler
import gc
import os
import random
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from veche.log import Level
from veche.server.bridges import Interface, StartupFailed, detect_interface
from veche.server.connections import ConnectionServer
from veche.server.errors import ApplicationError, ServerError
from veche.server.processes.complaints import tell_last_resort
from veche.server.processes.development.changes import FileWatch, loaded_files
from veche.server.processes.development.stand_in import stand_in
from veche.server.processes.exhaustion import Exhaustion
from veche.server.processes.forks import Forks
from veche.server.processes.loading import load_application, one_line, readable_traceback
from veche.server.processes.message_log import open_message_log
from veche.server.processes.orders import (
    ASK_FOR_TASKS,
    HURRY,
    STACKS_SIGNAL,
    Failed,
    Leaves,
    Orders,
    Outdated,
    Ready,
    Report,
    Saw,
    TaskStacks,
    WornOut,
    line,
    read_orders,
)
from veche.server.processes.run_to_end import run_to_end
from veche.server.processes.signals import EXIT_STOPPED, take_signals, term_heard
from veche.server.processes.wear import Wear
from veche.server.scoreboard import open_board, resident_octets
from veche.server.settings import ServerSettings
from veche.server.verdicts import Incident
from veche.server.verdicts.culprit import slot_that_runs
from veche.server.verdicts.stacks import all_task_stacks
from veche.server.verdicts.verdict import Leaving

EXIT_WORKER_FAILED: Final = 1
EXIT_APPLICATION_FAILED: Final = 3
ORPHAN_OVERTIME_SECONDS: Final = 5.0
WEAR_SECONDS: Final = 1.0
LOOK_PAUSES: Final = 2  # looking at the files takes a third of the time at the most
LONGEST_LOOK_PAUSE_SECONDS: Final = 0.05
RELOAD_DRAIN_SECONDS: Final = 3.0  # who develops does not wait for a stream of the old code
ASK_AGAIN_SECONDS: Final = 60.0  # the new code did not start, perhaps

COLLECTOR_DEFAULTS: Final = gc.get_threshold()
WHILE_LOADING: Final = 1_000_003  # a number nobody else would choose


class Worker:
    """One worker from its orders to its end."""

    def __init__(self, control: socket.socket, orders: Orders) -> None:
        self._control = control
        self._orders = orders
        self._settings: ServerSettings = orders.settings
        self._logger = open_message_log(self._settings)
        self._forks = Forks(
            self._logger, doors=orders.listener_descriptors, own=(control.fileno(), orders.relay_descriptor)
        )
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop = asyncio.Event()
        self._hurry = asyncio.Event()
        self._reporting = threading.Lock()
        self._watch: FileWatch | None = None
        self._outdated = False
        self._said_cancelled = False
        self._look_again_at = 0.0

    def run(self) -> int:
        """Returns the exit code."""
        try:
            return self._run()
        finally:
            self._logger.close()

    def _run(self) -> int:
        threading.Thread(target=self._watch_master, name="master-watch", daemon=True).start()
        if self._settings.reload:
            self._watch = FileWatch(self._settings.app_dir)  # before anything is loaded: no change is missed
        tell_last_resort(self._logger)
        self._forks.watch()
        try:
            application = self._load()
            self._forks.end_if_child()
            interface = self._interface(application)
        except ApplicationError as error:
            return self._fail(str(error), error.__cause__)
        with asyncio.Runner(loop_factory=_loop_factory(self._settings.loop)) as runner:
            loop = self._loop = runner.get_loop()
            try:
                with term_heard(loop, self._asked_to_stop):
                    return run_to_end(
                        loop, self._serve(application, interface, loop), self._logger, Exhaustion(self._give_up)
                    )
            except BaseException as error:  # the interpreter would write it in nobody's format
                self._logger.log_message(
                    f"the worker failed: {one_line(error)}", level=Level.CRITICAL, traceback=readable_traceback(error)
                )
                return EXIT_WORKER_FAILED

    def _load(self) -> Any:
        missing = self._orders.stand_in
        if missing is not None:
            return stand_in(missing.reason, missing.traceback)
        return load_application(
            self._orders.application, factory=self._settings.factory, app_dir=self._settings.app_dir
        )

    def _is_outdated(self) -> bool:
        """Whether a file has changed since this worker started to load; looked at before a connection is accepted."""
        if self._watch is None or self._outdated:
            return self._outdated
        now = time.monotonic()
        if now < self._look_again_at:
            return False
        files = self._watch.look()
        took_seconds = time.monotonic() - now
        self._look_again_at = now + min(LONGEST_LOOK_PAUSE_SECONDS, took_seconds * LOOK_PAUSES)
        if files:
            self._outdated = True
            self._report(Outdated(files))
        return self._outdated

    def _interface(self, application: Any) -> Interface:
        if self._settings.interface != "auto" and self._orders.stand_in is None:
            return Interface[self._settings.interface.upper()]
        try:
            return detect_interface(application)
        except TypeError as error:
            raise ApplicationError(f"{self._orders.application}: {error}") from None

    async def _serve(self, application: Any, interface: Interface, loop: asyncio.AbstractEventLoop) -> int:
        board = open_board(self._orders.scoreboard_descriptor, self._orders.place)
        server = ConnectionServer(application, interface, self._settings, self._logger, board=board, tell=self._saw)
        self._forks.serve(loop, server, board)
        if self._watch is not None:
            server.is_outdated = self._is_outdated
        sockets = [socket.socket(fileno=descriptor) for descriptor in self._orders.listener_descriptors]

        def say_ready() -> None:
            # Before the first request can come: one that stops the loop at once must find the master watching it.
            _keep_what_was_loaded()
            if self._watch is not None:
                self._watch.watch_too(loaded_files())
            self._report(Ready(interface.name))

        starting = asyncio.create_task(server.start(sockets, self._orders.listener_manners, before_doors=say_ready))
        try:
            if not await _unless(starting, self._stop):
                return EXIT_STOPPED
            starting.result()
        except asyncio.CancelledError:
            return self._fail("the application failed to start: it cancelled the Task in which it was started", None)
        except (StartupFailed, ServerError) as error:
            return self._fail(str(error), error.__cause__)
        except Exception as error:
            return self._fail(f"the application failed to start: {one_line(error)}", error)
        await self._until_asked_to_stop(server)
        seconds = self._settings.drain_seconds
        if self._settings.reload:
            seconds = min(seconds, RELOAD_DRAIN_SECONDS)
        draining = asyncio.create_task(server.drain(seconds))
        try:
            in_time = await _unless(draining, self._hurry)
        except asyncio.CancelledError:
            self._say_cancelled()
            in_time = False
        if in_time and not draining.cancelled():
            draining.result()
        else:
            await server.drain(0.0)
        return EXIT_STOPPED

    async def _until_asked_to_stop(self, server: ConnectionServer) -> None:
        wear, began = Wear(self._settings, chance=random.random), time.monotonic()
        while not self._stop.is_set():
            wearing = asyncio.create_task(self._watch_wear(server, wear, began))
            try:
                await self._stop.wait()
            except asyncio.CancelledError:
                self._say_cancelled()
            finally:
                wearing.cancel()

    def _say_cancelled(self) -> None:
        """Nobody of ours cancels the Task that runs the server."""
        task = asyncio.current_task()
        assert task is not None
        task.uncancel()
        if not self._said_cancelled:
            self._said_cancelled = True
            self._logger.log_message(
                "the application cancelled every Task of the event loop, the server's own, too: the worker goes on, "
                "but other requests and the application's lifespan were cancelled with them",
                level=Level.WARNING,
                advice="cancel only Tasks that the application has made, not all of asyncio.all_tasks()",
            )

    def _asked_to_stop(self) -> None:
        if not self._stop.is_set():
            self._report(Leaves(Leaving.TERMINATED))
            self._stop.set()

    def _asked_to_hurry(self) -> None:
        self._stop.set()  # the application may have taken the TERM that came before
        self._hurry.set()

    def _fail(self, reason: str, error: BaseException | None) -> int:
        self._report(Failed(reason, readable_traceback(error)))
        return EXIT_APPLICATION_FAILED

    async def _watch_wear(self, server: ConnectionServer, wear: Wear, began: float) -> None:
        """Ask to be replaced once a bound of a worker's life is reached; ask again while nobody replaces us."""
        while wear.is_bounded:
            await asyncio.sleep(WEAR_SECONDS)
            seconds = time.monotonic() - began
            reason = wear.reason(requests=server.requests_served, seconds=seconds, rss_octets=resident_octets())
            if reason:
                self._report(WornOut(reason))
                await asyncio.sleep(ASK_AGAIN_SECONDS)

    def _saw(self, incident: Incident) -> None:
        self._report(Saw(incident))

    def _give_up(self) -> None:
        """End at once: without memory nothing can be finished, and whoever comes would be reset."""
        self._report(Leaves(Leaving.NO_MEMORY))
        os._exit(EXIT_WORKER_FAILED)

    def _report(self, report: Report) -> None:
        with suppress(OSError), self._reporting:  # without a master the watch below ends us
            self._control.sendall(line(report))

    def _watch_master(self) -> None:
        """In a thread, since the loop may hang when the master dies: nobody else would end us then."""
        with suppress(OSError):
            while octets := self._control.recv(4096):
                for word in octets.splitlines(keepends=True):
                    self._take_word(word)
        if self._loop is None:
            os._exit(EXIT_STOPPED)
        self._logger.log_message(f"worker {self._orders.number} (pid {os.getpid()}): the master has gone; draining")
        with suppress(RuntimeError):  # the loop is closed: we are ending anyway
            self._loop.call_soon_threadsafe(self._stop.set)
        time.sleep(self._settings.drain_seconds + ORPHAN_OVERTIME_SECONDS)
        self._logger.close()
        os._exit(EXIT_WORKER_FAILED)

    def _take_word(self, word: bytes) -> None:
        if word == ASK_FOR_TASKS:
            self._tell_stacks()
        elif word == HURRY and self._loop is not None:  # without a loop the TERM before it has ended us
            with suppress(RuntimeError):  # the loop is closed: we are ending anyway
                self._loop.call_soon_threadsafe(self._asked_to_hurry)

    def _tell_stacks(self) -> None:
        """In Python, where this thread holds the GIL: no other can run while its frames are read."""
        descriptor = self._orders.stacks_descriptor
        # From now on a signal that comes late tells its own thread only: the handler must not read our running frames.
        faulthandler.register(STACKS_SIGNAL, descriptor, all_threads=False)
        faulthandler.dump_traceback(descriptor)
        main = threading.main_thread().ident
        tasks = all_task_stacks(self._loop, main) if self._loop is not None else ""
        self._report(TaskStacks(tasks, slot_that_runs(main)))


async def _unless(task: "asyncio.Task[None]", event: asyncio.Event) -> bool:
    """Whether the task was done before the event was set; if not, it is cancelled and its end awaited."""
    waiting = asyncio.create_task(event.wait())
    await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if task.done():
        return True
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return False


def _load_without_collecting() -> None:
    """Imports make hundreds of thousands of objects that all stay: collecting among them costs a start 50 ms."""
    gc.set_threshold(WHILE_LOADING, *gc.get_threshold()[1:])


def _keep_what_was_loaded() -> None:
    """Take what was loaded out of the collector's sight: a full collection of it would stop the worker for 30 ms."""
    if gc.get_threshold()[0] == WHILE_LOADING:  # else the application has chosen its own
        gc.set_threshold(*COLLECTOR_DEFAULTS)
    gc.freeze()


def _loop_factory(name: str) -> Callable[[], asyncio.AbstractEventLoop]:
    if name != "asyncio":
        try:
            import uvloop

            return uvloop.new_event_loop
        except ImportError:
            if name == "uvloop":
                raise
    return asyncio.new_event_loop


def main() -> int:
    take_signals()
    _load_without_collecting()
    faulthandler.enable()
    control = socket.socket(fileno=int(sys.argv[1]))
    orders = read_orders(control)
    for descriptor in (
        control.fileno(),
        orders.relay_descriptor,
        orders.scoreboard_descriptor,
        orders.stacks_descriptor,
        *orders.listener_descriptors,
    ):
        os.set_inheritable(descriptor, False)  # noqa: FBT003  programs the application starts must not hold our doors
    faulthandler.enable(orders.stacks_descriptor)  # the master puts it into the log
    # In C: it works while the loop is blocked, and while C code holds the GIL.
    faulthandler.register(STACKS_SIGNAL, orders.stacks_descriptor)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {STACKS_SIGNAL})
    return Worker(control, orders).run()


if __name__ == "__main__":
    sys.exit(main())
