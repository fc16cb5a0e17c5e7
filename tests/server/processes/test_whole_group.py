"""A signal to the whole process group, or to every process of a control group: `timeout`, honcho, supervisord's
stopasgroup, systemd's KillMode=control-group and a terminal send it to the workers beside the master.
"""

import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from fixtures.load import get
from fixtures.servers import RunningCommand, ServerProcess, wait_until

pytestmark = pytest.mark.process
HERE = Path(__file__).parent


class Held:
    """A request that its application answers when it is let go."""

    def __init__(self, url: str, file: Path) -> None:
        self._file = file
        self._url = f"{url}/held?while={file}"
        self.outcome: object = None
        file.touch()
        self._thread = threading.Thread(target=self._ask)
        self._thread.start()

    def let_go(self) -> object:
        """The status; the error when there was none."""
        self._file.unlink(missing_ok=True)
        self._thread.join()
        return self.outcome

    def _ask(self) -> None:
        try:
            self.outcome = get(self._url, timeout=60)[0]
        except OSError as error:
            self.outcome = error


def signal_group(server: ServerProcess, number: signal.Signals) -> None:
    """Send it, and wait until whatever would cut the requests of a worker that drains has done so."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as idle:
        server.signal_group(number)
        server.wait_for_log(f"{number.name}: stopping")
        for pid in server.worker_pids():
            os.kill(pid, number)  # the one that came first may have been taken together with the master's
        assert idle.recv(1) == b""  # without a request it is closed a while after the drain began


def verdicts(runtime_folder: Path) -> str:
    """What `veche doctor` says."""
    return subprocess.run(
        [sys.executable, "-m", "veche", "doctor"],
        env={**os.environ, "XDG_RUNTIME_DIR": str(runtime_folder)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout


@pytest.mark.parametrize(
    ("application", "options", "number"),
    [
        ("app", (), signal.SIGTERM),
        ("app", (), signal.SIGINT),
        ("app", ("--loop", "asyncio"), signal.SIGTERM),
        ("app", ("--reload",), signal.SIGTERM),
        ("wsgi", (), signal.SIGTERM),
    ],
)
def test_what_is_in_flight_is_answered(
    tmp_path: Path, application: str, options: tuple[str, ...], number: signal.Signals
) -> None:
    with ServerProcess(f"applications:{application}", *options, app_dir=HERE) as server:
        held = Held(server.url, tmp_path / "held")
        server.wait_for_log("a held request began")
        signal_group(server, number)
        assert held.let_go() == 200
        assert server.wait() == 0
        assert "hurrying" not in server.log_text()
        assert "while it was stopping" not in server.log_text()
        assert "no worker was" in verdicts(server.runtime_folder)


def test_the_second_one_cuts_what_is_in_flight(tmp_path: Path) -> None:
    with ServerProcess("applications:app", app_dir=HERE) as server:
        held = Held(server.url, tmp_path / "held")
        server.wait_for_log("a held request began")
        signal_group(server, signal.SIGTERM)
        assert held.outcome is None  # precondition: the first has cut nothing
        server.signal_group(signal.SIGTERM)
        wait_until(lambda: held.outcome is not None, what="the request cut")
        assert held.let_go() != 200
        assert server.wait() == 0
        assert "SIGTERM again: hurrying" in server.log_text()


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_one_that_comes_when_all_is_done_does_not_make_a_killed_worker_of_it(tmp_path: Path, loop: str) -> None:
    lingers = tmp_path / "lingers"
    lingers.touch()
    with ServerProcess("applications:app", "--loop", loop, app_dir=HERE, env={"LINGER_WHILE": str(lingers)}) as server:
        (worker,) = server.worker_pids()
        server.signal(signal.SIGTERM)
        server.wait_for_log("the end of the process began")
        os.kill(worker, signal.SIGTERM)
        lingers.unlink()
        assert server.wait() == 0
        assert "while it was stopping" not in server.log_text()
        assert "no worker was" in verdicts(server.runtime_folder)


def test_under_timeout_which_sends_it_to_the_master_twice(tmp_path: Path) -> None:
    serve = [sys.executable, "-m", "veche", "serve", "applications:app", "--workers", "1", "--bind", "127.0.0.1:0"]
    ready = r"serving applications:app on (\S+) with"
    with RunningCommand(["timeout", "60", *serve], ready=ready, cwd=HERE) as command:
        assert command.ready_match is not None
        held = Held(command.ready_match[1], tmp_path / "held")
        command.wait_for_log("a held request began")
        command.signal(signal.SIGTERM)
        command.wait_for_log("SIGTERM: stopping")
        assert held.let_go() == 200
        assert command.wait() == 0
        assert "hurrying" not in command.log_text()
