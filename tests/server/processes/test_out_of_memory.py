"""A worker that the kernel kills for want of memory, in a control group of its own under ours.

Where no group can be made (no rights, or cgroup v2 without a delegated memory controller) the copies of the kernel's
files in test_memory.py are all there is.
"""

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


def own_group() -> tuple[Path, str]:
    """Our group's folder, and the name of the file that limits a group's memory."""
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if "memory" in controllers.split(","):
            return Path("/sys/fs/cgroup/memory") / path.lstrip("/"), "memory.limit_in_bytes"
    return Path("/sys/fs/cgroup") / path.lstrip("/"), "memory.max"


@contextmanager
def group_of_little_memory() -> Iterator[Path]:
    try:
        parent, limit = own_group()
        group = Path(tempfile.mkdtemp(prefix="veche-test-", dir=parent))
    except OSError as error:
        pytest.skip(f"no control group can be made here: {error}")
    try:
        if not (group / limit).exists():
            pytest.skip("the memory controller is not delegated to us")
        (group / limit).write_text(str(LIMIT_OCTETS))
        yield group
    finally:

        def removed() -> bool:
            with suppress(OSError):  # its last process is being reaped
                group.rmdir()
            return not group.exists()

        wait_until(removed, what="the group is empty")


def test_a_worker_killed_by_the_kernel_for_memory_is_told_apart_from_a_kill_by_somebody() -> None:
    with group_of_little_memory() as group, tempfile.TemporaryDirectory(prefix="veche-") as runtime:
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
