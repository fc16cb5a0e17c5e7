"""How many cores this process may use.

One job: the number, from the processor set, the container's quota and Python's own option.
Must not know: what it is used for.
"""

import math
import os
import sys
from pathlib import Path
from typing import Final

CGROUP_QUOTA: Final = Path("/sys/fs/cgroup/cpu.max")


def usable_cores(quota_file: Path = CGROUP_QUOTA) -> int:
    """At least 1: a container's or taskset's share, not the machine's cores."""
    if sys.version_info >= (3, 13):
        cores = os.process_cpu_count() or 1
    elif hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    else:
        cores = os.cpu_count() or 1
    return max(1, min(cores, _quota_cores(quota_file) or cores))


def _quota_cores(quota_file: Path) -> int | None:
    """The container's quota in whole cores, rounded up; None without one (cgroup v2: "150000 100000" is 1.5)."""
    try:
        quota, period = quota_file.read_text().split()
        return math.ceil(int(quota) / int(period))
    except (OSError, ValueError):  # no cgroup v2 here, or the quota is "max"
        return None
