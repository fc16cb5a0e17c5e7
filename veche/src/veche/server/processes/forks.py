"""Processes that the application forks inside a worker: os.fork(), multiprocessing's "fork".

One job: take from such a child what is the worker's alone, and end it when it comes back into the server.
Must not know: what a request is, what the child is for.

A fork copies every descriptor. With the listening sockets the child would keep the address after the server's end, with
a connection its client would never see it closed, and whatever the child wrote there would be a second answer. Python's
own way to start programs (subprocess) runs none of this: it executes another program, and our descriptors close.
"""

import asyncio
import os
import signal
import socket
import stat
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any, Final, NoReturn

from veche.log import Level, Logger
from veche.server.bridges.faults import FORKED, end_if_forked
from veche.server.connections import ConnectionServer
from veche.server.scoreboard import Board

EXIT_CAME_BACK: Final = 1
WILDCARDS: Final = ("0.0.0.0", "::")  # noqa: S104  compared with, not bound to
DESCRIPTOR_FOLDERS: Final = ("/proc/self/fd", "/dev/fd")  # Linux, and others

Address = tuple[Any, ...] | str | bytes  # as getsockname gives it


class Forks:
    """What happens in the children that one worker forks."""

    def __init__(self, logger: Logger, *, doors: Sequence[int], own: Sequence[int]) -> None:
        """doors: the listening sockets. own: sockets between this worker and its master."""
        self._logger = logger
        self._doors = [address for address in map(_local_address, doors) if address]
        # With what stands behind the number: the application may close one, and get the number for something else.
        self._own = [(number, os.fstat(number).st_ino) for number in own]
        self._process = os.getpid()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._loop_thread = 0
        self._server: ConnectionServer | None = None
        self._board: Board | None = None
        self._handlers: dict[int, object] = {}
        self._held = threading.local()  # the signals that the forking thread held back before

    def watch(self) -> None:
        """Begin. There is no way back: Python keeps what is registered as long as the process lives."""
        os.register_at_fork(
            before=self._hold_signals, after_in_parent=self._release_signals, after_in_child=self._begin_child
        )

    def serve(self, loop: asyncio.AbstractEventLoop, server: ConnectionServer, board: Board) -> None:
        """From now on requests are served, in this thread's loop."""
        self._loop, self._server, self._board = loop, server, board
        self._loop_thread = threading.get_ident()
        self._handlers = {number: signal.getsignal(number) for number in DEFAULTS}

    def end_if_child(self) -> None:
        """End a child that came back from importing the application."""
        if os.getpid() != self._process:
            self._end()

    def _hold_signals(self) -> None:
        # One that comes to the child before it has left ours (terminate() right after start()) would be told to us.
        self._held.mask = signal.pthread_sigmask(signal.SIG_BLOCK, DEFAULTS)

    def _release_signals(self) -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, self._held.mask)

    def _begin_child(self) -> None:
        FORKED.add(os.getpid())
        self._leave_signals()
        self._release_signals()
        if self._board is not None:
            self._board.cut_off()
        with suppress(OSError):  # no descriptor is left: the child goes on with what it has
            self._let_go()
        if self._server is not None:
            self._server.in_forked_child(self._end)
        if self._loop is not None and threading.get_ident() == self._loop_thread:
            task = asyncio.current_task(self._loop)
            self._loop.call_soon(self._end_task, task)  # before the loop waits for the kernel again

    def _leave_signals(self) -> None:
        # The parent's loop is woken through a socket that both have: a TERM of the child would stop the worker.
        signal.set_wakeup_fd(-1)
        for number, handler in self._handlers.items():
            if signal.getsignal(number) is handler:
                signal.signal(number, DEFAULTS[number])

    def _let_go(self) -> None:
        """Put /dev/null over what is not the child's. Closing it would give its number to somebody else's file."""
        nothing = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        for number, inode in self._own:
            with suppress(OSError):
                if os.fstat(number).st_ino == inode:
                    os.dup2(nothing, number, inheritable=False)
        for number in _open_sockets():
            address = _local_address(number)
            if address and any(_came_through(address, door) for door in self._doors):
                os.dup2(nothing, number, inheritable=False)
        os.close(nothing)

    def _end_task(self, task: "asyncio.Task[Any] | None") -> None:
        """End the child when the Task that forked has had its turn: uvloop tells its SystemExit later than this."""
        error = task.exception() if task is not None and task.done() and not task.cancelled() else None
        if error is not None:
            end_if_forked(error)
        self._end()

    def _end(self) -> NoReturn:
        self._logger.log_message(
            f"a process (pid {os.getpid()}) that the application forked in this worker came back into the server; "
            "it was ended, and its client has nothing from it",
            level=Level.ERROR,
            advice="start programs with subprocess, run functions with multiprocessing, "
            "or have the child end itself by os._exit() before it returns",
        )
        self._logger.close()
        os._exit(EXIT_CAME_BACK)


DEFAULTS: Final[dict[int, "Callable[[int, Any], Any] | signal.Handlers"]] = {
    signal.SIGINT: signal.default_int_handler,
    signal.SIGHUP: signal.SIG_DFL,
    signal.SIGQUIT: signal.SIG_DFL,
    signal.SIGTERM: signal.SIG_DFL,
}


def _open_sockets() -> Iterator[int]:
    for folder in DESCRIPTOR_FOLDERS:
        with suppress(OSError):
            for name in os.listdir(folder):
                with suppress(OSError):  # the one that read the folder
                    if stat.S_ISSOCK(os.fstat(int(name)).st_mode):
                        yield int(name)
            return


def _local_address(number: int) -> Address | None:
    try:
        seen = socket.socket(fileno=number)
    except OSError:
        return None
    try:
        address: Address = seen.getsockname()
    except OSError:
        return None
    finally:
        seen.detach()
    return address


def _came_through(address: Address, door: Address) -> bool:
    """Whether a socket with this local address is the door, or was accepted there."""
    if not (isinstance(address, tuple) and isinstance(door, tuple)):
        return address == door
    return bool(address[1] == door[1] and (door[0] in WILDCARDS or door[0] == address[0]))
