"""Who listens on a TCP port of this machine, from /proc.

One job: names of processes, for the sentence that says why we cannot listen there.
Must not know: our own sockets. Without /proc, or without the rights to look into others' processes, it finds nobody.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

TABLES: Final = ("/proc/net/tcp", "/proc/net/tcp6")
LISTENING: Final = "0A"


def holders_of_port(port: int) -> list[str]:
    """Each process that listens on the port, as "pid 4711: python site.py"."""
    wanted = {f"socket:[{inode}]" for inode in _listening_inodes(port)}
    if not wanted:
        return []
    return [f"pid {pid}: {_command(pid)}" for pid in _processes() if wanted & _open_sockets(pid)]


def _listening_inodes(port: int) -> Iterator[str]:
    for table in TABLES:
        with suppress(OSError):
            for line in Path(table).read_text().splitlines()[1:]:
                columns = line.split()
                if columns[3] == LISTENING and int(columns[1].rpartition(":")[2], 16) == port:
                    yield columns[9]


def _processes() -> list[int]:
    return sorted(int(name) for name in os.listdir("/proc") if name.isdecimal())


def _open_sockets(pid: int) -> set[str]:
    found = set()
    with suppress(OSError):  # it has ended, or is somebody else's
        for descriptor in os.scandir(f"/proc/{pid}/fd"):
            with suppress(OSError):
                found.add(os.readlink(descriptor.path))
    return found


def _command(pid: int) -> str:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return "(ended meanwhile)"
    return b" ".join(words).decode("utf-8", "replace").strip()[:120]
