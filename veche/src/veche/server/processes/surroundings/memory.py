"""Whether the kernel has killed somebody for want of memory.

One job: the difference of its own counts since the last look.
Must not know: whom it killed, who asks.
"""

from contextlib import suppress
from pathlib import Path


class MemoryKills:
    """Counts kills in our control group (cgroup v2, then v1), or on the whole machine where there is none.

    root: "/" but in tests, which have no other way to make the kernel kill somebody.
    """

    def __init__(self, root: Path = Path("/")) -> None:
        self._root = root
        # vmstat counts for the whole machine: another container's kill must not be taken for ours.
        self._files = self._group_files() or [root / "proc/vmstat"]
        self._counted = self._count()

    def since_last_look(self) -> int:
        """How many were killed since the last call, or since the start; 0 when nothing can be read."""
        before, self._counted = self._counted, self._count()
        return max((now - then for now, then in zip(self._counted, before, strict=True)), default=0)

    def _count(self) -> list[int]:
        return [_field(file, "oom_kill") for file in self._files]

    def _group_files(self) -> list[Path]:
        """memory.events of cgroup v2, memory.oom_control of v1: of our own group, and of the root of our namespace."""
        groups = self._root / "sys/fs/cgroup"
        files = [groups / "memory.events", groups / "memory/memory.oom_control"]
        with suppress(OSError):
            for line in (self._root / "proc/self/cgroup").read_text().splitlines():
                _, controllers, path = line.split(":", 2)
                if not controllers:
                    files.append(groups / path.lstrip("/") / "memory.events")
                elif "memory" in controllers.split(","):
                    files.append(groups / "memory" / path.lstrip("/") / "memory.oom_control")
        return list(dict.fromkeys(file for file in files if file.exists()))


def _field(file: Path, name: str) -> int:
    with suppress(OSError, ValueError):
        for line in file.read_text().splitlines():
            key, _, value = line.partition(" ")
            if key == name:
                return int(value)
    return 0
