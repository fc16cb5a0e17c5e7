"""The kernel's own counts of processes that it killed for want of memory.

No machine lets the kernel kill somebody in every one of these ways: the files are copies of real ones. In a real group
of the version that the machine has, it is test_out_of_memory.py that is killed.
"""

from pathlib import Path

import pytest

from veche.server.processes.surroundings.memory import MemoryKills

PLACES = {
    "v2, own group": ("sys/fs/cgroup/system.slice/veche.service/memory.events", "0::/system.slice/veche.service\n"),
    "v2, root of a container": ("sys/fs/cgroup/memory.events", "0::/\n"),
    "v1": ("sys/fs/cgroup/memory/docker/4711/memory.oom_control", "4:memory:/docker/4711\n0::/\n"),
    "no group": ("proc/vmstat", "0::/\n"),
}


def write(root: Path, name: str, text: str) -> None:
    file = root / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def counts(kills: int) -> str:
    return f"low 0\nhigh 12\nmax 7\noom 3\noom_kill {kills}\noom_group_kill 0\n"


@pytest.mark.parametrize(("file", "groups"), PLACES.values(), ids=PLACES)
def test_kills_are_counted_from_the_last_look_on(tmp_path: Path, file: str, groups: str) -> None:
    write(tmp_path, "proc/self/cgroup", groups)
    write(tmp_path, file, counts(5))
    kills = MemoryKills(tmp_path)
    assert kills.since_last_look() == 0  # what was before us is not ours
    write(tmp_path, file, counts(6))
    assert kills.since_last_look() == 1
    assert kills.since_last_look() == 0


def test_a_kill_elsewhere_on_the_machine_is_not_taken_for_one_in_our_group(tmp_path: Path) -> None:
    write(tmp_path, "proc/self/cgroup", "0::/site\n")
    write(tmp_path, "sys/fs/cgroup/site/memory.events", counts(0))
    write(tmp_path, "proc/vmstat", counts(0))
    kills = MemoryKills(tmp_path)
    write(tmp_path, "proc/vmstat", counts(1))
    assert kills.since_last_look() == 0


def test_where_nothing_can_be_read_nobody_was_killed(tmp_path: Path) -> None:
    assert MemoryKills(tmp_path).since_last_look() == 0
    assert MemoryKills().since_last_look() >= 0  # this machine's
