"""`veche status` and `veche doctor` on real servers: who does what, what went wrong, also when nobody can answer."""

import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from fixtures.certificates import Authority
from fixtures.load import get
from fixtures.servers import ServerProcess, wait_until

pytestmark = pytest.mark.process
APPLICATIONS = Path(__file__).parent.parent / "server" / "processes"


def serve(*options: str, workers: int = 1, env: dict[str, str] | None = None) -> ServerProcess:
    quick = ("--drain-seconds", "0.1")  # nothing here ends by itself
    return ServerProcess("stalling:app", *quick, *options, workers=workers, app_dir=APPLICATIONS, env=env)


def veche(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "veche", *arguments],
        env={**os.environ, "XDG_RUNTIME_DIR": str(folder)},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


def told(server: ServerProcess, *arguments: str) -> str:
    done = veche(server.runtime_folder, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def status(server: ServerProcess) -> Any:
    return json.loads(told(server, "status", "--json"))


def in_flight(server: ServerProcess) -> list[str]:
    return [request["request"] for worker in status(server)["workers"] for request in worker["requests_running"]]


def begin(url: str) -> None:
    def ask() -> None:
        with suppress(OSError):
            get(url, timeout=60)  # who waits is there for as long as it is looked at

    threading.Thread(target=ask, daemon=True).start()


def test_status_names_the_workers_and_what_they_do_the_longest_first() -> None:
    with serve() as server:
        begin(f"{server.url}/waits?first")
        wait_until(lambda: len(in_flight(server)) == 1, what="the first request")
        wait_until(lambda: status(server)["workers"][0]["requests_running"][0]["seconds"] > 1.2, what="its age")
        begin(f"{server.url}/waits?second")
        wait_until(lambda: len(in_flight(server)) == 2, what="the second request")
        assert in_flight(server) == ["GET /waits?first", "GET /waits?second"]
        text = told(server, "status")
        assert "\x1b" not in text  # colours are for terminals
        assert f"stalling:app  pid {server.pid}, serving" in text
        assert server.url in text
        [worker] = status(server)["workers"]
        assert worker["pid"] == server.worker_pids()[0]
        assert worker["connections"] == 2
        assert worker["resident_octets"] > 1 << 20
        assert worker["requests_running"][0]["peer"].startswith("127.0.0.1:")
        assert worker["requests_running"][0]["doing"] == "running"
        assert re.search(r"s  running  GET /waits\?first", text)


def test_status_answers_while_every_worker_hangs_and_shows_the_hanging_one_first() -> None:
    with serve("--loop-stall-seconds", "60", workers=2) as server:
        begin(f"{server.url}/python?seconds=60")
        wait_until(lambda: "STANDS STILL" in told(server, "status"), what="it is seen")
        lines = told(server, "status").splitlines()
        assert "STANDS STILL" in lines[4]
        assert "GET /python?seconds=60" in lines[-1]
        assert "NOW: worker" in told(server, "doctor")
        os.kill(status(server)["workers"][0]["pid"], signal.SIGKILL)
        for pid in server.worker_pids():  # it does not end by itself
            with suppress(ProcessLookupError):  # the one that was killed already
                os.kill(pid, signal.SIGKILL)


def test_status_names_each_address_as_clients_call_it(tmp_path: Path) -> None:
    certificate, key = Authority(tmp_path).issue("localhost")
    with ServerProcess(
        "stalling:app",
        *("--tls-certificate", certificate, "--tls-key", key),
        bind=["127.0.0.1:0", "https://127.0.0.1:0", f"https+unix:{tmp_path / 's'}", f"unix:{tmp_path / 'p'}"],
        app_dir=APPLICATIONS,
    ) as server:
        assert [address.partition(":")[0] for address in server.addresses] == ["http", "https", "https+unix", "unix"]
        assert status(server)["addresses"] == server.addresses
        assert ", ".join(server.addresses) in told(server, "status")


def test_the_doctor_says_what_happened_why_and_what_to_do_also_when_the_server_has_gone() -> None:
    with serve() as server:
        assert "Nothing went wrong" in told(server, "doctor")
        begin(f"{server.url}/fault")
        server.wait_for_log("worker 2 .* is ready")
        os.kill(server.worker_pids()[0], signal.SIGKILL)
        server.wait_for_log("worker 3 .* is ready")
        text = told(server, "doctor")
        assert text.index("killed-from-outside") < text.index("fault  worker 1")  # the newest first
        assert "    |   GET /fault from 127.0.0.1:" in text
        assert "To do" in text
        server.stop()
        left = told(server, "doctor")
        assert "No server is running." in left
        assert left.index("killed-from-outside") < left.index("fault  worker 1")
        kinds = [verdict["kind"] for verdict in json.loads(told(server, "doctor", "--json"))["verdicts"]]
        assert kinds == ["fault", "killed-from-outside"]


def test_verdicts_outlive_a_master_that_is_killed(tmp_path: Path) -> None:
    file = tmp_path / "verdicts"
    with serve("--verdicts-file", str(file)) as server:
        begin(f"{server.url}/fault")
        wait_until(file.exists, what="the file")
        server.signal(signal.SIGKILL)
        assert "fault  worker 1" in told(server, "doctor", "--file", str(file))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_new_server_remembers_what_went_wrong_before_it(tmp_path: Path) -> None:
    file = tmp_path / "verdicts"
    for number in (1, 2):
        with serve("--verdicts-file", str(file)) as server:
            begin(f"{server.url}/fault")
            server.wait_for_log("worker 2 .* is ready")
            verdicts = json.loads(told(server, "doctor", "--json"))["verdicts"]
            assert sum(verdict["times"] for verdict in verdicts) == number


def test_the_control_socket_is_for_its_owner_alone_and_goes_with_the_server() -> None:
    with serve() as server:
        [path] = (server.runtime_folder / "veche").glob("*.sock")
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        server.stop()
        assert not path.exists()


def test_the_socket_can_be_named_or_left_out(tmp_path: Path) -> None:
    path = tmp_path / "control"
    with serve("--control-socket", str(path)) as server:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert "stalling:app" in told(server, "status", "--socket", str(path))
    with serve("--control-socket", "none") as server:
        done = veche(server.runtime_folder, "status")
        assert done.returncode == 1
        assert "no server of this user is running" in done.stderr


def test_a_folder_that_others_may_enter_is_not_trusted(tmp_path: Path) -> None:
    (tmp_path / "veche").mkdir(mode=0o777)
    (tmp_path / "veche").chmod(0o777)
    with serve(env={"XDG_RUNTIME_DIR": str(tmp_path)}) as server:
        server.wait_for_log("there is no control socket")
        assert get(server.url)[0] == 200  # and serves all the same
    assert veche(tmp_path, "status").returncode == 1


def test_of_several_servers_it_asks_which_and_what_a_dead_one_left_is_taken_away() -> None:
    with serve() as first:
        folder = {"XDG_RUNTIME_DIR": str(first.runtime_folder)}
        with serve(env=folder) as second, serve(env=folder) as third:
            third.signal(signal.SIGKILL)
            third.wait()
            done = veche(first.runtime_folder, "status")
            assert done.returncode == 2
            assert f"--pid {first.pid} " in done.stderr
            assert f"--pid {second.pid} " in done.stderr
            assert f"--pid {third.pid} " not in done.stderr
            assert len(list((first.runtime_folder / "veche").glob("*.sock"))) == 2
            assert f"pid {second.pid}, serving" in told(first, "status", "--pid", str(second.pid))


def test_askers_who_say_nothing_are_few_and_are_let_go_and_the_master_goes_on() -> None:
    with serve() as server:
        [path] = (server.runtime_folder / "veche").glob("*.sock")
        silent = []
        for _ in range(20):
            asker = socket.socket(socket.AF_UNIX)
            asker.settimeout(20)
            asker.connect(str(path))
            silent.append(asker)
        os.kill(server.worker_pids()[0], signal.SIGKILL)
        server.wait_for_log("worker 2 .* is ready")  # the master turns
        sockets = [entry for entry in os.scandir(f"/proc/{server.pid}/fd") if is_socket(entry.path)]
        assert len(sockets) < 16 + 12  # the askers it takes at once, and its own
        assert "stalling:app" in told(server, "status")  # once their patience is over
        for asker in silent:
            asker.close()


def is_socket(path: str) -> bool:
    with suppress(OSError):
        return os.readlink(path).startswith("socket:")
    return False


@pytest.mark.parametrize("question", [b"nonsense\n", b"x" * 100_000])
def test_a_question_that_is_none_hurts_nobody(question: bytes) -> None:
    with serve() as server:
        [path] = (server.runtime_folder / "veche").glob("*.sock")
        with socket.socket(socket.AF_UNIX) as asker:
            asker.settimeout(20)
            asker.connect(str(path))
            with suppress(OSError):
                asker.sendall(question)
                assert b"stalling" not in asker.recv(1000)
        assert "stalling:app" in told(server, "status")
