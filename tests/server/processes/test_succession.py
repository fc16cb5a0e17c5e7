"""USR2: the same command again beside us, with our sockets; and what systemd and a pid file hear of it all."""

import os
import shutil
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fixtures.load import get, get_over_unix
from fixtures.servers import ServerProcess, children, gone, wait_until

pytestmark = pytest.mark.process
HERE = Path(__file__).parent


@contextmanager
def succeeded(server: ServerProcess) -> Iterator[int]:
    """The pid of the master that has taken over."""
    server.signal(signal.SIGUSR2)
    new = int(server.wait_for_log(r"the new master \(pid (\d+)\) serves", seconds=60)[1])
    try:
        yield new
    finally:
        os.kill(new, signal.SIGTERM)
        wait_until(lambda: gone(new), what="the new master gone", seconds=60)


def test_a_unix_socket_and_an_inherited_descriptor_are_handed_on(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        number = listener.fileno()
        bind = (f"fd://{number}", f"unix:{path}", "127.0.0.1:0")
        with ServerProcess("applications:app", app_dir=HERE, bind=bind, pass_fds=[number]) as server:
            tcp = [address for address in server.addresses if address.startswith("http")]
            with succeeded(server) as new:
                assert server.wait(seconds=60) == 0
                (worker,) = children(new)
                for address in tcp:
                    assert get(address) == (200, str(worker))
                assert get_over_unix(str(path)) == (200, str(worker))
            assert not path.exists()


def test_when_the_new_master_does_not_start_the_old_one_serves_on_and_says_why(tmp_path: Path) -> None:
    shutil.copy(HERE / "applications.py", tmp_path / "applications.py")
    with ServerProcess("applications:app", app_dir=tmp_path, bind=(f"unix:{tmp_path}/s", "127.0.0.1:0")) as server:
        before = server.worker_pids()
        (tmp_path / "applications.py").write_text("raise RuntimeError('half a deployment')")
        server.signal(signal.SIGUSR2)
        server.wait_for_log(r"ended with 3 before it served; its reason stands above. This one serves on", seconds=60)
        assert "half a deployment" in server.log_text()
        assert get(server.url)[1] == get_over_unix(f"{tmp_path}/s")[1] == str(before[0])
        shutil.copy(HERE / "applications.py", tmp_path / "applications.py")
        with succeeded(server) as new:  # and the next one is not spoilt by it
            assert get(server.url)[0] == 200
            assert server.wait(seconds=60) == 0
            assert len(children(new)) == 1


def test_a_stop_while_the_new_master_starts_ends_both_and_says_of_none_that_it_serves_on(tmp_path: Path) -> None:
    waits, held = tmp_path / "waits", tmp_path / "held"
    environ = {"WAIT_FILE": str(waits)}
    with ServerProcess("applications:starts_when_told", app_dir=HERE, env=environ) as server:
        held.touch()  # so that the old one is there when the new one ends
        answers: list[int] = []
        asking = threading.Thread(target=lambda: answers.append(get(f"{server.url}/held?while={held}", timeout=60)[0]))
        asking.start()
        server.wait_for_log("a held request began")
        waits.touch()
        server.signal(signal.SIGUSR2)
        new = int(server.wait_for_log(r"a new master starts \(pid (\d+)\)")[1])
        wait_until(lambda: children(new), what="a worker of the new master", seconds=60)
        server.signal(signal.SIGTERM)
        wait_until(lambda: gone(new), what="the new master gone", seconds=60)
        held.unlink()
        asking.join()
        assert answers == [200]
        assert server.wait() == 0
        assert "serves on" not in server.log_text()


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGUSR2])
def test_a_deployment_that_moves_a_symbolic_link_is_found(tmp_path: Path, number: signal.Signals) -> None:
    for release in ("1", "2"):
        (tmp_path / release).mkdir()
        text = (HERE / "applications.py").read_text().replace("str(os.getpid())", repr(f"release {release}"))
        (tmp_path / release / "applications.py").write_text(text)
    current = tmp_path / "current"
    current.symlink_to("1")
    with ServerProcess("applications:app", app_dir=current, env={"PWD": str(current)}) as server:
        assert get(server.url)[1] == "release 1"
        (tmp_path / "next").symlink_to("2")
        (tmp_path / "next").rename(current)
        if number is signal.SIGHUP:
            server.signal(number)
            server.wait_for_log("INFO reloaded", seconds=60)
            wait_until(lambda: get(server.url)[1] == "release 2", what="the new release")
        else:
            with succeeded(server):
                assert server.wait(seconds=60) == 0
                assert get(server.url)[1] == "release 2"


def test_systemd_hears_where_we_stand_and_who_is_the_main_process(tmp_path: Path) -> None:
    heard: list[str] = []

    def listen(systemd: socket.socket) -> None:
        while words := systemd.recv(4096):
            heard.append(words.decode())

    def wait_for(words: str, count: int = 1) -> None:
        wait_until(lambda: sum(words in text for text in heard) >= count, what=f"{words} {count} times in {heard}")

    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        threading.Thread(target=listen, args=[systemd], daemon=True).start()
        env = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "400000"}
        with ServerProcess("applications:app", app_dir=HERE, env=env) as server:
            wait_for("READY=1")
            wait_for("WATCHDOG=1", 3)
            heard.clear()
            server.signal(signal.SIGHUP)
            wait_for("RELOADING=1\nMONOTONIC_USEC=")
            wait_for("READY=1")
            with succeeded(server) as new:
                wait_for(f"MAINPID={new}\n")
                assert server.wait(seconds=60) == 0
                heard.clear()
                wait_for("WATCHDOG=1", 2)
            wait_for("STOPPING=1")
        systemd.shutdown(socket.SHUT_RDWR)


def test_a_pid_file_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    with ServerProcess("applications:app", "--pid-file", str(pid_file), app_dir=HERE) as server:
        assert pid_file.read_text() == f"{server.pid}\n"
        pid_file.write_text("1\n")
    assert pid_file.read_text() == "1\n"
