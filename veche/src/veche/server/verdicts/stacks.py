"""Where Tasks and threads stand, as text.

One job: stacks that name file, line and function, the most recent call last, without a line of the server's own.
Must not know: why somebody asks. Any thread may ask, also while the loop hangs.
"""

import asyncio
import gc
import os
import sys
import threading
import traceback
from collections.abc import Iterable, Iterator
from types import AsyncGeneratorType, FrameType
from typing import Any, Final

SERVER_FOLDER: Final = os.path.dirname(os.path.dirname(__file__)) + os.sep
WIRE_FOLDER: Final = os.path.join(os.path.dirname(os.path.dirname(SERVER_FOLDER)), "wire", "")
LONGEST_STACK: Final = 40
MOST_TASKS: Final = 30


def thread_stack(thread: int | None) -> str:
    """The stack of a thread by its ident (threading.get_ident()); empty when it has ended."""
    frame = sys._current_frames().get(thread) if thread is not None else None
    return _text(_callers(frame)) if frame is not None else ""


def task_stack(task: "asyncio.Task[Any]") -> str:
    """The stack of a Task that waits: through every coroutine it awaits, down to what it waits for.

    Of a Task that runs at this moment only the part up to its outermost coroutine is known; ask for its thread.
    """
    chain = list(_awaited(task.get_coro()))
    text = _text(item for item in chain if isinstance(item, FrameType))
    if chain and isinstance(chain[-1], asyncio.Task):
        text += f"  awaiting Task {chain[-1].get_name()!r}\n"
    return text


def all_task_stacks(loop: asyncio.AbstractEventLoop, loop_thread: int | None) -> str:
    """Every Task of the application on that loop, the one that runs now first, with the stack of the loop's thread."""
    tasks = [task for task in asyncio.all_tasks(loop) if not _is_ours(task)]
    current = asyncio.current_task(loop)
    tasks.sort(key=lambda task: (task is not current, task.get_name()))
    parts = []
    if current is None:
        parts.append(f"The loop's thread, outside of any Task:\n{thread_stack(loop_thread)}")
    for task in tasks[:MOST_TASKS]:
        runs = task is current
        stack = thread_stack(loop_thread) if runs else task_stack(task)
        parts.append(f"Task {task.get_name()!r} {'runs now' if runs else 'waits'} ({_name(task.get_coro())}):\n{stack}")
    if len(tasks) > MOST_TASKS:
        parts.append(f"and {len(tasks) - MOST_TASKS} Tasks more\n")
    return "".join(parts)


def _callers(frame: FrameType | None) -> list[FrameType]:
    frames = []
    while frame is not None:
        frames.append(frame)
        frame = frame.f_back
    return frames[::-1]


def _awaited(awaitable: object) -> Iterator[FrameType | asyncio.Future[Any]]:
    """The frames of a chain of awaits, outermost first, and at its end the Future it waits for."""
    for _ in range(LONGEST_STACK):
        frame = _first(awaitable, FRAME_NAMES)
        if isinstance(frame, FrameType):
            yield frame
            awaitable = _first(awaitable, AWAIT_NAMES)
            continue
        # `async for` and `await future` put an object of the interpreter in between, which names nothing.
        behind = [
            each for each in gc.get_referents(awaitable) if isinstance(each, (AsyncGeneratorType, asyncio.Future))
        ]
        if isinstance(awaitable, asyncio.Future):
            yield awaitable
        if isinstance(awaitable, asyncio.Future) or not behind:
            return
        awaitable = behind[0]


FRAME_NAMES: Final = ("cr_frame", "gi_frame", "ag_frame")
AWAIT_NAMES: Final = ("cr_await", "gi_yieldfrom", "ag_await")


def _first(thing: object, names: Iterable[str]) -> object:
    return next((value for value in (getattr(thing, name, None) for name in names) if value is not None), None)


def _text(frames: Iterable[FrameType]) -> str:
    """Format them from the first line that is not the server's on; all of them when every line is."""
    stack = list(frames)
    theirs = next((n for n, frame in enumerate(stack) if not _ours(frame)), 0)
    shown = [(frame, frame.f_lineno) for frame in stack[theirs:][-LONGEST_STACK:]]
    text = "".join(traceback.StackSummary.extract(iter(shown)).format())
    return text.encode("utf-8", "backslashreplace").decode()  # a folder's name need not be UTF-8


ASYNCIO_FOLDER: Final = os.path.dirname(asyncio.__file__) + os.sep
BELOW_US: Final = (SERVER_FOLDER, WIRE_FOLDER, ASYNCIO_FOLDER, threading.__file__, "<frozen runpy>")


def _ours(frame: FrameType) -> bool:
    return frame.f_code.co_filename.startswith(BELOW_US)


def _is_ours(task: "asyncio.Task[Any]") -> bool:
    frames = [item for item in _awaited(task.get_coro()) if isinstance(item, FrameType)]
    return bool(frames) and all(_ours(frame) for frame in frames)


def _name(coroutine: object) -> str:
    return getattr(coroutine, "__qualname__", None) or type(coroutine).__name__
