"""An event loop that an application's sys.exit() does not end.

One job: run one coroutine to its end, whatever anything else in the loop raises.
Must not know: what the coroutine does, what a request is.

asyncio keeps SystemExit and KeyboardInterrupt in the Task that raised it, and then lets it out of run_forever. Which is
right for a script; here it would cost everybody else who is served. Nothing is lost by going on: what was due in this
turn of the loop still is. And it costs no request anything, as a coroutine around each of them would.
"""

import asyncio
import traceback
from collections.abc import Coroutine
from typing import Any, TypeVar

from veche.log import Level
from veche.server.bridges.exchange import Reporter
from veche.server.bridges.faults import ENDS_THE_PROCESS, end_if_forked
from veche.server.processes.complaints import complain_to
from veche.server.processes.exhaustion import Exhaustion

Result = TypeVar("Result")


def run_to_end(
    loop: asyncio.AbstractEventLoop,
    coroutine: Coroutine[Any, Any, Result],
    reporter: Reporter,
    exhaustion: Exhaustion | None = None,
) -> Result:
    """Return what the coroutine returns.

    exhaustion: is told of each MemoryError.
    reporter: is told of everything that would have ended the loop before that, and of what the loop complains of.
    """
    main = loop.create_task(coroutine)
    loop.set_exception_handler(complain_to(reporter, exhaustion))
    told_of_stop = False
    while True:
        try:
            return loop.run_until_complete(main)
        except ENDS_THE_PROCESS as error:
            end_if_forked(error)
            if main.done():
                raise
            told = f"{_what_and_where(error)}: it would have ended the event loop, and the worker goes on"
            reporter.log_message(told, level=Level.WARNING)
        except MemoryError:  # while the loop called a callback, or told of one that failed
            if main.done():
                raise
            if exhaustion is not None:
                exhaustion.memory_failed()
        except RuntimeError:
            if main.done():
                raise
            if not told_of_stop:  # once: perhaps each request does it
                told_of_stop = True
                reporter.log_message(
                    "the application stopped the event loop (loop.stop()): the worker goes on",
                    level=Level.WARNING,
                    advice="return from the request, or send the master TERM to end the server; the loop is not yours",
                )


def _what_and_where(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    where = f" in {frames[-1].filename}:{frames[-1].lineno}" if frames else ""
    said = str(error)
    return f"{type(error).__name__}{f' ({said})' if said else ''} was raised{where}"
