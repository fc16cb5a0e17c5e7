"""A worker that the kernel kills for want of memory, in a real control group of its own: of cgroup v1 and of v2.

A kernel has its memory controller in one of the two, so one of these is always left out, and says why. Both are left
out where no group can be made (no rights, or nobody has delegated the controller): CI=true does not allow that.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from fixtures.load import get
from fixtures.servers import RunningCommand, wait_until

pytestmark = pytest.mark.process
HERE = Path(__file__).parent
LIMIT_OCTETS = 160 << 20
GROUPS = Path("/sys/fs/cgroup")
NO_SWAP = {"v1": ("memory.memsw.limit_in_bytes", str(LIMIT_OCTETS)), "v2": ("memory.swap.max", "0")}


def new_group(version: str) -> Path:
    """An empty group with little memory. Raises OSError that says why there can be none."""
    parent = {"v1": parent_of_v1, "v2": parent_of_v2}[version]()
    group = Path(tempfile.mkdtemp(prefix="veche-test-", dir=parent))
    try:
        limit = group / {"v1": "memory.limit_in_bytes", "v2": "memory.max"}[version]
        limit.write_text(str(LIMIT_OCTETS))
        swap, bound = NO_SWAP[version]
        if (group / swap).exists():  # whoever may swap is not killed for a long time
            (group / swap).write_text(bound)
    except OSError:
        group.rmdir()
        raise
    return group


def parent_of_v1() -> Path:
    for controllers, path in own_groups():
        if "memory" in controllers.split(","):
            return GROUPS / "memory" / path.lstrip("/")
    raise OSError("the kernel's memory controller is not in cgroup v1 here")


def parent_of_v2() -> Path:
    """The nearest group above ours that hands the memory controller on: one that has processes, as ours has, cannot."""
    file = GROUPS / "cgroup.controllers"
    if not file.exists() or "memory" not in file.read_text().split():
        raise OSError(
            "the kernel's memory controller is not in cgroup v2 here: no memory in /sys/fs/cgroup/cgroup.controllers"
        )
    (path,) = [path for controllers, path in own_groups() if not controllers]
    own = GROUPS / path.lstrip("/")
    for group in (own, *own.parents):
        if "memory" in (group / "cgroup.subtree_control").read_text().split():
            return group
        if group == GROUPS:
            break
    raise OSError(f"neither {own} nor a group above it has memory in its cgroup.subtree_control: delegate it to us")


def own_groups() -> list[tuple[str, str]]:
    """Controllers and path of each group that we are in; cgroup v2 names no controllers."""
    lines = Path("/proc/self/cgroup").read_text().splitlines()
    return [(controllers, path) for _, controllers, path in (line.split(":", 2) for line in lines)]


def why_not(version: str) -> str:
    """Why no such group can be made; empty when one can."""
    try:
        new_group(version).rmdir()
    except OSError as error:
        return str(error)
    return ""


@contextmanager
def group_of_little_memory(version: str) -> Iterator[Path]:
    """A group; without one the test is left out, and with CI=true it fails if the other version has none either."""
    reasons = {each: why_not(each) for each in ("v1", "v2")}
    if reasons[version]:
        if os.environ.get("CI") == "true" and all(reasons.values()):
            pytest.fail(f"no control group can be made, and CI=true wants one: {reasons}")
        pytest.skip(f"NOT TESTED on cgroup {version}: {reasons[version]}")
    group = new_group(version)
    try:
        yield group
    finally:

        def removed() -> bool:
            with suppress(OSError):  # its last process is being reaped
                group.rmdir()
            return not group.exists()

        wait_until(removed, what="the group is empty")


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_a_worker_killed_by_the_kernel_for_memory_is_told_apart_from_a_kill_by_somebody(version: str) -> None:
    with group_of_little_memory(version) as group, tempfile.TemporaryDirectory(prefix="veche-") as runtime:
        serve = "-m veche serve stalling:app --workers 1 --bind 127.0.0.1:0"
        command = ["/bin/sh", "-c", f'echo $$ > {group}/cgroup.procs && exec "{sys.executable}" {serve}']
        env = {"XDG_RUNTIME_DIR": runtime}
        with RunningCommand(command, ready=r"on http://127.0.0.1:(\d+) with", cwd=HERE, env=env) as server:
            assert server.ready_match is not None
            url = f"http://127.0.0.1:{server.ready_match[1]}"
            with pytest.raises(OSError):
                get(f"{url}/eats")
            server.wait_for_log(r"killed by signal 9 \(SIGKILL\) by the kernel: memory ran out; it held \d+ MiB")
            server.wait_for_log("worker 2 .* is ready")
            assert get(url)[0] == 200
            doctor = subprocess.run(
                [sys.executable, "-m", "veche", "doctor"], env=env, capture_output=True, text=True, check=True
            )
            assert "out-of-memory  worker 1" in doctor.stdout
            assert "GET /eats from 127.0.0.1:" in doctor.stdout
