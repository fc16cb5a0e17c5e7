"""How a process ended, in words: exit code or signal, and whether it was us.

One job: the words.
Must not know: who asks.
"""

import signal
from typing import Final

SIGNAL_HINTS: Final = {
    signal.SIGKILL: "somebody's `kill -9`, or the kernel because memory ran out (then `dmesg` names it)",
    signal.SIGSEGV: "a fault in C code, of the application or a library; the stack stands above",
    signal.SIGBUS: "a fault in C code, or a mapped file that shrank",
    signal.SIGABRT: "C code gave up, or somebody's `kill -ABRT`; the stack stands above",
    signal.SIGILL: "an instruction this processor does not have: a wheel built for another one",
    signal.SIGTERM: "somebody asked this worker alone to end",
}


def signal_name(number: int) -> str:
    """SIGKILL for 9; "signal 40" for one without a name."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def how_it_ended(return_code: int, *, our_reason: str | None) -> str:
    """Words for a return code as subprocess gives it: negative is a signal.

    our_reason: why we sent that signal; None when we did not.
    """
    if return_code >= 0:
        return f"exited with code {return_code}"
    killed = f"killed by signal {-return_code} ({signal_name(-return_code)})"
    if our_reason is not None:
        return f"{killed} by us: {our_reason}"
    hint = SIGNAL_HINTS.get(signal.Signals(-return_code)) if -return_code in set(signal.Signals) else None
    return f"{killed}; not by us" + (f": {hint}" if hint else "")
