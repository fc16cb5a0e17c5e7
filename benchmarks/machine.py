"""What the kernel knows: processor time of a process tree, cores, and how busy others are.

One job: read /proc and choose cores.
"""

import os
import time
from collections.abc import Callable
from pathlib import Path


def tree(pid: int) -> list[int]:
    """The process and everything it has started, as far as it still runs."""
    found, waiting = [], [pid]
    while waiting:
        parent = waiting.pop()
        found.append(parent)
        for children in Path(f"/proc/{parent}/task").glob("*/children"):
            try:
                waiting += map(int, children.read_text().split())
            except (FileNotFoundError, ProcessLookupError):
                continue
    return found


def cpu_seconds(pid: int) -> float:
    """Processor time of the process tree until now, from the scheduler's nanoseconds of every thread."""
    nanoseconds = 0
    for process in tree(pid):
        for thread in Path(f"/proc/{process}/task").glob("*/schedstat"):
            try:
                nanoseconds += int(thread.read_text().split()[0])
            except (FileNotFoundError, ProcessLookupError):
                continue
    return nanoseconds / 1e9


def cores_apart() -> tuple[int, int]:
    """A core for the server and another for the load; the same one twice when there is only one."""
    usable = sorted(os.sched_getaffinity(0))
    return usable[0], usable[-1]


def busy_share(seconds: float = 0.5) -> float:
    """How much of the machine others use now, 0 to 1."""
    idle, total = _times()
    time.sleep(seconds)
    idle_after, total_after = _times()
    return 1.0 - (idle_after - idle) / max(1, total_after - total)


def _times() -> tuple[int, int]:
    numbers = [int(number) for number in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    return numbers[3] + numbers[4], sum(numbers)


def model_name() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return "unknown processor"


def pinned_to(*cores: int) -> Callable[[], None]:
    """For subprocess's preexec_fn: the child, and all that it starts, runs on these cores only."""
    return lambda: os.sched_setaffinity(0, cores)


def resident_octets(pid: int, *, alone: bool = False) -> int:
    """Memory of the process tree, or of one process alone: each page counted once, shared ones by their part (PSS)."""
    kilobytes = 0
    for process in [pid] if alone else tree(pid):
        try:
            text = Path(f"/proc/{process}/smaps_rollup").read_text()
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
        kilobytes += sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:"))
    return kilobytes * 1024
