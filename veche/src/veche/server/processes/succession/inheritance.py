"""Handing the sockets over to a new master, and taking them over from an old one (USR2).

One job: start the same command again beside us with our listening sockets, and hear whether it serves; and, in that
new process, find what was handed down and say that we serve.
Must not know: workers, signals, when the old one drains.

    old master ── exec, VECHE_SUCCESSION: control socket, listening sockets ──▶ new master
               ◀──────────── READY, once its first worker serves; end of file: it has failed ──┘
"""

import os
import socket
import subprocess  # the command that we were started with, and nothing else
import sys
from collections.abc import Iterable, Mapping, MutableMapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Final

import msgspec

from veche.server.processes.listener import Handed, Listener

VARIABLE: Final = "VECHE_SUCCESSION"
READY: Final = b"ready\n"
NOT_HANDED_ON: Final = ("WATCHDOG_PID",)  # it names us: the new master inherits the duty


class Inheritance(msgspec.Struct, frozen=True):
    """What the old master hands down."""

    control: int
    predecessor: int
    listeners: tuple[Handed, ...]


class Successor:
    """The new master, as the old one sees it."""

    def __init__(self, process: "subprocess.Popen[bytes]", control: socket.socket, deadline: float) -> None:
        self.process = process
        self.control = control
        self.deadline = deadline
        self.is_ready = False
        self.is_called_off = False

    def hear(self) -> bool:
        """Read what it says; False when it will say no more."""
        try:
            octets = self.control.recv(64)
        except BlockingIOError:
            return True
        except OSError:
            octets = b""
        self.is_ready = self.is_ready or octets == READY
        return bool(octets)

    def end(self) -> None:
        """Have it end, if it still runs."""
        with suppress(ProcessLookupError):
            self.process.terminate()


def start_successor(listeners: Sequence[Listener], deadline: float, folder: str | None) -> Successor:
    """The command of this process once more.

    folder: where; None for here. Raises OSError when it cannot be started.
    """
    control, its_control = socket.socketpair()
    handed = tuple(listener.handed() for listener in listeners)
    inheritance = Inheritance(its_control.fileno(), os.getpid(), handed)
    environ = {name: value for name, value in os.environ.items() if name not in NOT_HANDED_ON}
    environ[VARIABLE] = msgspec.json.encode(inheritance).decode()
    try:
        process = subprocess.Popen(  # noqa: S603  our own command line
            [sys.executable, *sys.orig_argv[1:]],
            pass_fds=[its_control.fileno(), *[item.descriptor for item in handed]],
            env=environ,
            cwd=folder,
        )
    except BaseException:
        control.close()
        raise
    finally:
        its_control.close()
    control.settimeout(0)
    return Successor(process, control, deadline)


class Predecessor:
    """The old master, as the new one sees it."""

    def __init__(self, inheritance: Inheritance) -> None:
        self._inheritance = inheritance
        self._control = socket.socket(fileno=inheritance.control)
        for handed in inheritance.listeners:
            os.set_inheritable(handed.descriptor, False)  # noqa: FBT003  workers are given the sockets they serve
        self._control.set_inheritable(False)

    @property
    def pid(self) -> int:
        """Of the old master; os.getppid() as long as it lives."""
        return self._inheritance.predecessor

    def handed(self) -> Mapping[str, list[Handed]]:
        """What was handed down, by the bind it was opened for."""
        found: dict[str, list[Handed]] = {}
        for handed in self._inheritance.listeners:
            found.setdefault(handed.bind, []).append(handed)
        return found

    def close_descriptors(self) -> None:
        """Close what was handed down: what is served is a duplicate of it."""
        for handed in self._inheritance.listeners:
            with suppress(OSError):
                os.close(handed.descriptor)

    def own(self, listeners: Iterable[Listener]) -> tuple[Listener, ...]:
        """The listeners as ours: the files of those that were handed down are ours to remove from now on."""
        inodes = {handed.bind: handed.unix_inode for handed in self._inheritance.listeners}
        return tuple(
            replace(listener, unix_inode=inodes.get(listener.bind, listener.unix_inode)) for listener in listeners
        )

    def tell_ready(self) -> None:
        """Have it drain: we serve."""
        with suppress(OSError):  # it has ended meanwhile
            self._control.sendall(READY)
        self._control.close()


def find_predecessor(environ: MutableMapping[str, str] = os.environ) -> Predecessor | None:
    """The old master, if this process was started by one; the variable is taken away, it is not for our children."""
    text = environ.pop(VARIABLE, None)
    if text is None:
        return None
    try:
        return Predecessor(msgspec.json.decode(text, type=Inheritance))
    except (msgspec.DecodeError, OSError):  # somebody else's process has passed our environment on
        return None
