"""How a request's coroutine becomes a Task whose first step runs at once.

One job: an asyncio.Task that has already taken its first step when `start` returns. A response that needs no waiting
is then complete in the turn of the loop in which its request arrived, and head and body leave in one write.
Must not know: requests, what the coroutine does.

It is a real asyncio.Task in every respect: current_task(), cancellation, timeouts and task groups, contextvars. Never
call `start` while another Task of the loop is running a step: Python 3.11 cannot enter one inside another.

A first step that raises SystemExit or KeyboardInterrupt is done like any other that raises; in later steps asyncio
hands these two on to whoever runs the loop (processes/run_to_end.py).
"""

import asyncio
import sys
from collections.abc import Callable, Coroutine
from contextvars import Context, copy_context
from typing import Any, Final, Protocol, cast

from veche.server.bridges.faults import ENDS_THE_PROCESS

EAGER_TASKS: Final = sys.version_info >= (3, 12)

REQUEST: Final = "request"  # every such Task's name

RequestCoroutine = Coroutine[Any, Any, None]


class StartTask(Protocol):
    """Make a Task of a coroutine; its first step may already have been taken, and may have been its last."""

    def __call__(self, coroutine: RequestCoroutine) -> "asyncio.Task[None]": ...


def task_starter(loop: asyncio.AbstractEventLoop) -> StartTask:
    """Return the quickest correct way to start Tasks on this loop and this Python.

    A bound method, since CPython calls it without a detour, and an object with `__call__` only through C.
    """
    if EAGER_TASKS:
        return _EagerStart(loop).start
    if hasattr(loop, "__dict__") and not loop.get_debug() and loop.get_task_factory() is None:
        return _CapturedStart(loop).start
    return _ScheduledStart(loop).start


class _ScheduledStart:
    """The ordinary way: the first step runs in the loop's next turn."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def start(self, coroutine: RequestCoroutine) -> "asyncio.Task[None]":
        return self._loop.create_task(coroutine, name=REQUEST)


class _EagerStart:
    """Python 3.12 and newer: asyncio's own eager Tasks."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def start(self, coroutine: RequestCoroutine) -> "asyncio.Task[None]":
        try:
            return asyncio.Task(coroutine, loop=self._loop, name=REQUEST, eager_start=True)  # type: ignore[call-arg, unused-ignore]  # typed for 3.12
        except ENDS_THE_PROCESS as error:
            # The constructor raises it, and the Task is lost. What is done is only asked how it ended.
            ended: asyncio.Future[None] = self._loop.create_future()
            ended.set_exception(error)
            return cast("asyncio.Task[None]", ended)


class _CapturedStart:
    """Python 3.11: the C Task's constructor makes exactly one call, `loop.call_soon(step, context=…)`.

    While it runs, an attribute of the loop object shadows that method and keeps the step, which is then run here and
    now in the Task's own context. If the coroutine suspends, the Task goes on with the real loop by itself.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._call_soon: Callable[..., object] = loop.call_soon
        self._step: Callable[[], object] | None = None
        self._step_type: type | None = None
        self._learn_step_type()

    def start(self, coroutine: RequestCoroutine) -> "asyncio.Task[None]":
        context = copy_context()
        attributes = self._loop.__dict__
        attributes["call_soon"] = self._capture
        try:
            task = asyncio.Task(coroutine, loop=self._loop, name=REQUEST, context=context)
        finally:
            del attributes["call_soon"]
        step, self._step = self._step, None
        assert step is not None
        try:
            context.run(step)
        except ENDS_THE_PROCESS:
            pass  # the Task holds it, too
        return task

    def _capture(self, callback: Callable[..., object], *arguments: object, context: Context | None = None) -> object:
        # The constructor may run the garbage collector, and that a finalizer with a call_soon of its own: anything
        # that is not the step of the Task being made goes where it wanted to go.
        if self._step is None and type(callback) is self._step_type:
            self._step = callback
            return None
        return self._call_soon(callback, *arguments, context=context)

    def _learn_step_type(self) -> None:
        def keep_type(callback: Callable[..., object], *_: object, context: Context | None = None) -> object:
            self._step_type = type(callback)
            return self._call_soon(callback, context=context)

        async def nothing() -> None:
            pass

        attributes = self._loop.__dict__
        attributes["call_soon"] = keep_type
        try:
            asyncio.Task(nothing(), loop=self._loop, name="learn")
        finally:
            del attributes["call_soon"]
