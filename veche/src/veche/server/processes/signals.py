"""What signals mean in a worker: TERM is a word to drain; what else reaches the whole group is the master's to answer.

One job: their handlers, from the start of the process until nothing that comes may change its end any more.
Must not know: who sent one, what is served.

A TERM to the group, or to each process of a control group, reaches us beside the master's own: the second says nothing
new. That there is no time left is told over the control socket (orders.py), where nobody but the master speaks.
"""

import asyncio
import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

EXIT_STOPPED: Final = 0

TO_THE_GROUP: Final = (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1)
OURS: Final = frozenset({*TO_THE_GROUP, signal.SIGTERM})


def take_signals() -> None:
    """Answer from now on what the master held back; a TERM ends the process at once, since nothing is served yet."""
    for number in TO_THE_GROUP:
        # A handler, not SIG_IGN: children of the application must not inherit that they cannot be interrupted.
        signal.signal(number, lambda _number, _frame: None)
    signal.signal(signal.SIGTERM, lambda _number, _frame: os._exit(EXIT_STOPPED))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, OURS)


@contextmanager
def term_heard(loop: asyncio.AbstractEventLoop, asked_to_stop: Callable[[], None]) -> Iterator[None]:
    """A TERM calls asked_to_stop() in the loop; after the `with` no signal does anything until the process has ended.

    Not loop.add_signal_handler(): a loop that is closed sets back to "end the process", and a TERM that comes then
    would make a killed worker of one that has done all it was asked.
    """
    woken, waker = socket.socketpair()
    with woken, waker:
        woken.settimeout(0)
        waker.settimeout(0)
        # uvloop sets one of its own while it runs, asyncio none: a signal that comes just before it waits must wake it.
        signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)
        loop.add_reader(woken, _forget, woken)

        def hear(_number: int, _frame: object) -> None:
            loop.call_soon_threadsafe(asked_to_stop)  # the handler may run in the middle of anything

        signal.signal(signal.SIGTERM, hear)
        signal.siginterrupt(signal.SIGTERM, False)  # noqa: FBT003  as asyncio does: C code that waits goes on
        try:
            yield
        finally:
            # Not a handler: Python takes its handlers away before the process ends.
            for number in OURS:
                signal.signal(number, signal.SIG_IGN)
            signal.set_wakeup_fd(-1)
            loop.remove_reader(woken)


def _forget(woken: socket.socket) -> None:
    with suppress(BlockingIOError):
        woken.recv(4096)
