"""How much memory a process holds.

One job: the number, from /proc.
Must not know: who asks.
"""

import mmap
from pathlib import Path


def resident_octets(pid: int | None = None) -> int:
    """The resident memory of a process, or our own; 0 where the kernel does not say."""
    try:
        return int(Path(f"/proc/{pid or 'self'}/statm").read_bytes().split()[1]) * mmap.PAGESIZE
    except (OSError, ValueError, IndexError):
        return 0
