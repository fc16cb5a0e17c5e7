"""Words to whoever supervises us: systemd (sd_notify(3)), and a file with our process id.

One job: send and write them, and never fail for it.
Must not know: what happens in the server.
"""

import os
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

NOTIFY_VARIABLE: Final = "NOTIFY_SOCKET"
NEVER: Final = float("inf")


class Supervisor:
    """Tell systemd and the pid file where we stand. Without either it does nothing."""

    def __init__(self, pid_file: str, complain: Callable[[str], None]) -> None:
        """pid_file: its path, "" for none. complain: takes the words when it cannot be written."""
        self._pid_file = pid_file
        self._complain = complain
        address = os.environ.get(NOTIFY_VARIABLE, "")
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self._watchdog_seconds = _watchdog_seconds()
        self.deadline = NEVER  # when the watchdog must hear from us

    def ready(self) -> None:
        """The server serves, or serves again."""
        self._write_pid()
        self._notify("READY=1\nSTATUS=serving")
        self.tend(time.monotonic())

    def reloading(self) -> None:
        microseconds = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        self._notify(f"RELOADING=1\nMONOTONIC_USEC={microseconds}\nSTATUS=reloading")

    def reloaded(self, status: str) -> None:
        """A reload has ended, well or not."""
        self._notify(f"READY=1\nSTATUS={status}")

    def succeeded_by(self, pid: int) -> None:
        """Another master has taken over."""
        self._notify(f"MAINPID={pid}\nREADY=1\nSTATUS=serving")
        self._address = ""  # it is not ours to speak any more
        self.deadline = NEVER

    def stopping(self) -> None:
        self._notify("STOPPING=1\nSTATUS=stopping; requests in flight are being answered")

    def tend(self, now: float) -> None:
        """Tell the watchdog that the master's loop turns."""
        if self._watchdog_seconds and self._address and (now >= self.deadline or self.deadline == NEVER):
            self._notify("WATCHDOG=1", patience_seconds=0.0)
            self.deadline = now + self._watchdog_seconds / 2

    def close(self) -> None:
        """Take the pid file away, if it still is ours."""
        if self._pid_file:
            with suppress(OSError, ValueError):
                with open(self._pid_file, encoding="ascii") as file:
                    ours = int(file.read()) == os.getpid()
                if ours:
                    os.unlink(self._pid_file)

    def _write_pid(self) -> None:
        if not self._pid_file:
            return
        beside = f"{self._pid_file}.{os.getpid()}"
        try:
            with open(beside, "w", encoding="ascii") as file:
                file.write(f"{os.getpid()}\n")
            os.replace(beside, self._pid_file)  # whoever reads it finds the old one or the new one, whole
        except OSError as error:
            self._complain(f"the pid file cannot be written: {error}")

    def _notify(self, text: str, *, patience_seconds: float = 0.5) -> None:
        if not self._address:
            return
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as connected:
            connected.settimeout(patience_seconds)
            connected.sendto(text.encode(), self._address)


def _watchdog_seconds() -> float:
    """How often systemd wants to hear from us; 0 for never."""
    microseconds = os.environ.get("WATCHDOG_USEC", "")
    for_whom = os.environ.get("WATCHDOG_PID", "")
    if not microseconds.isdecimal() or (for_whom and for_whom != str(os.getpid())):
        return 0.0
    return int(microseconds) / 1_000_000
