"""What the log says of an application that failed.

One job: the sentence for an exception that came out of an application.
Must not know: which interface it speaks, who logs.
"""

import os
import sys
from contextlib import suppress
from typing import Final

# asyncio hands these on to whoever runs the loop: there they would end the worker, and every other request with it.
ENDS_THE_PROCESS: Final = (SystemExit, KeyboardInterrupt)

# The pid of a child that the application forked in a worker (processes/forks.py). Of the module: a process is forked.
FORKED: Final[set[int]] = set()


def fault_of(error: BaseException) -> str:
    """Return what is logged above the traceback. In a child that the application forked, sys.exit() ends the child."""
    if isinstance(error, ENDS_THE_PROCESS):
        end_if_forked(error)
        return f"the application raised {type(error).__name__}: it ends this request, not the worker"
    return "the application failed"


def end_if_forked(error: BaseException) -> None:
    """Do what sys.exit() asks for, if this is a child that the application forked: there nothing else is served."""
    if not (isinstance(error, SystemExit) and os.getpid() in FORKED):
        return
    code = error.code
    if code is not None and not isinstance(code, int):  # as the interpreter does it
        with suppress(OSError, ValueError, AttributeError):
            sys.stderr.write(f"{code}\n")
        code = 1
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):
            stream.flush()
    os._exit((code or 0) & 0xFF)
