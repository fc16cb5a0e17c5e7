"""What an event loop complains of: a Task whose exception nobody took, a callback that failed.

One job: hand it to the server's log, which holds nobody up. By default asyncio writes it to standard error itself, and
one that nobody reads would stop the loop there.
Must not know: what else the log is told, who serves.
"""

import asyncio
import logging
import traceback
from collections.abc import Callable
from typing import Any, Final

from veche.log import Level
from veche.server.bridges.exchange import Reporter
from veche.server.bridges.faults import ENDS_THE_PROCESS
from veche.server.bridges.starting import REQUEST
from veche.server.processes.exhaustion import Exhaustion

Context = dict[str, Any]  # as asyncio gives it: message, and perhaps exception, future, handle, …

TOLD_ELSEWHERE: Final = ("message", "exception", "source_traceback", "handle_traceback")


def complain_to(
    reporter: Reporter, exhaustion: Exhaustion | None
) -> Callable[[asyncio.AbstractEventLoop, Context], None]:
    """Return an exception handler for a loop. An application that has set up logging is told as it expects it."""

    def complain(loop: asyncio.AbstractEventLoop, context: Context) -> None:
        if exhaustion is not None and isinstance(context.get("exception"), MemoryError):
            exhaustion.memory_failed()  # before anything that needs memory
        if _was_reported(context):
            return
        if logging.getLogger("asyncio").hasHandlers():
            loop.default_exception_handler(context)
            return
        fields: dict[str, object] = {name: repr(value) for name, value in context.items() if name not in TOLD_ELSEWHERE}
        error = context.get("exception")
        if error is not None:
            fields["traceback"] = "".join(traceback.format_exception(error))
        reporter.log_message(context["message"], level=Level.ERROR, **fields)

    return complain


def tell_last_resort(reporter: Reporter) -> None:
    """Have what asyncio logs itself, and no handler takes, told by the reporter: logging writes it to standard error.

    asyncio does so when the application has set an exception handler of its own, and that fails.
    """
    logging.lastResort = _LastResort(reporter, logging.lastResort)


class _LastResort(logging.Handler):
    """What logging calls when nobody has set up anything."""

    def __init__(self, reporter: Reporter, others: logging.Handler | None) -> None:
        super().__init__(logging.WARNING)
        self._reporter = reporter
        self._others = others

    def emit(self, record: logging.LogRecord) -> None:
        if record.name != "asyncio":
            if self._others is not None:  # what the application logs looks as it does without us
                self._others.handle(record)
            return
        error = record.exc_info[1] if record.exc_info else None
        fields = {"traceback": "".join(traceback.format_exception(error))} if error is not None else {}
        level = Level.ERROR if record.levelno >= logging.ERROR else Level.WARNING
        self._reporter.log_message(record.getMessage(), level=level, **fields)


def _was_reported(context: Context) -> bool:
    """Whether a bridge has told it: Python 3.12 throws a Task away whose first step raises one of these."""
    task = context.get("future")
    return (
        isinstance(context.get("exception"), ENDS_THE_PROCESS)
        and isinstance(task, asyncio.Task)
        and task.get_name() == REQUEST
    )
