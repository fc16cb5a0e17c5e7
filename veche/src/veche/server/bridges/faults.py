"""What the log says of an application that failed.

One job: the sentence for an exception that came out of an application.
Must not know: which interface it speaks, who logs.
"""

from typing import Final

# asyncio hands these on to whoever runs the loop: there they would end the worker, and every other request with it.
ENDS_THE_PROCESS: Final = (SystemExit, KeyboardInterrupt)


def fault_of(error: BaseException) -> str:
    """Return what is logged above the traceback."""
    if isinstance(error, ENDS_THE_PROCESS):
        return f"the application raised {type(error).__name__}: it ends this request, not the worker"
    return "the application failed"
