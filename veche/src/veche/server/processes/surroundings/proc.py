"""What the kernel says of a process.

One job: its state, from /proc.
Must not know: why somebody asks.
"""

from pathlib import Path
from typing import Final

STATES: Final = {
    "T": "it is stopped: somebody sent it SIGSTOP",
    "D": "it waits in the kernel, for a disk or a network file system",
    "Z": "it has ended",
}


def what_the_kernel_says(pid: int) -> str:
    """Words for a state in which no code of the process runs; empty for any other, or without /proc."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return ""
    return STATES.get(state, "")


def is_debugged(pid: int) -> bool:
    """Whether a debugger holds the process: it may stop it for as long as it likes."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return False
    return any(line.startswith("TracerPid:") and line.split()[1] != "0" for line in lines)
