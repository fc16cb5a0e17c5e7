"""Socket activation: real systemd-socket-activate where it is installed, and a launcher that does the same."""

import os
import shutil
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from fixtures.certificates import Authority
from fixtures.servers import RunningCommand, ServerProcess, free_port
from veche.server.errors import AddressError
from veche.server.processes.sockets.systemd import forget_descriptors, systemd_descriptors

APPLICATIONS = Path(__file__).parent

# What systemd does between fork and exec: sockets from 3 on, and variables that name the process itself.
LAUNCHER = """
import os, sys
names, descriptors, command = sys.argv[1], [int(text) for text in sys.argv[2].split(",")], sys.argv[3:]
high = [os.dup2(descriptor, 50 + index) for index, descriptor in enumerate(descriptors)]
for index, descriptor in enumerate(high):
    os.dup2(descriptor, 3 + index)
os.environ |= {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": str(len(high)), "LISTEN_FDNAMES": names}
os.execv(command[0], command)
"""


@contextmanager
def activated(names: str, sockets: list[socket.socket], *options: str) -> Iterator[RunningCommand]:
    numbers = [each.fileno() for each in sockets]
    serve = [sys.executable, "-m", "veche", "serve", "applications:app", "--workers", "1", *options]
    command = [sys.executable, "-c", LAUNCHER, names, ",".join(map(str, numbers)), *serve]
    with RunningCommand(command, ready="serving applications:app on", cwd=APPLICATIONS, pass_fds=numbers) as server:
        yield server


@pytest.mark.process
def test_sockets_of_systemd_are_served_by_name_with_and_without_tls(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    certificate, key = authority.issue("localhost")
    path = tmp_path / "site.sock"
    with socket.create_server(("127.0.0.1", 0)) as web, socket.create_server(("127.0.0.1", 0)) as secure:
        unix = socket.socket(socket.AF_UNIX)
        unix.bind(str(path))
        with (
            unix,
            activated(
                "web:secure:local",
                [web, secure, unix],
                *("--bind", "systemd:web", "--bind", "https+systemd:secure", "--bind", "systemd:local"),
                *("--tls-certificate", certificate, "--tls-key", key),
            ) as server,
        ):
            assert httpx.get(f"http://127.0.0.1:{web.getsockname()[1]}/").status_code == 200
            url = f"https://localhost:{secure.getsockname()[1]}/"
            assert httpx.get(url, verify=authority.client()).status_code == 200
            with httpx.Client(transport=httpx.HTTPTransport(uds=str(path))) as client:
                assert client.get("http://localhost/").status_code == 200
                # A worker is another process: it must not think that sockets were handed to it.
                assert client.get("http://localhost/environ?name=LISTEN_FDS").text == ""
            server.stop()
        socket.create_connection(web.getsockname(), timeout=20).close()  # whoever comes now waits for the next server
        assert path.exists()  # it is systemd's: whoever made it removes it


@pytest.mark.process
def test_without_a_name_all_of_them_are_served() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as one,
        socket.create_server(("127.0.0.1", 0)) as two,
        activated("", [one, two], "--bind", "systemd:"),
    ):
        for each in (one, two):
            assert httpx.get(f"http://127.0.0.1:{each.getsockname()[1]}/").status_code == 200


@pytest.mark.process
def test_a_new_master_takes_the_sockets_of_systemd_over_with_their_tls(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    certificate, key = authority.issue("localhost")
    with (
        socket.create_server(("127.0.0.1", 0)) as secure,
        activated(
            "secure",
            [secure],
            *("--bind", "https+systemd:secure", "--tls-certificate", certificate, "--tls-key", key),
        ) as server,
    ):
        url = f"https://localhost:{secure.getsockname()[1]}/"
        before = httpx.get(url, verify=authority.client()).text
        server.signal(signal.SIGUSR2)
        server.wait()  # the old master has drained and ended
        assert httpx.get(url, verify=authority.client()).text != before


@pytest.mark.process
def test_the_real_systemd_socket_activate_starts_us_at_the_first_connection() -> None:
    program = shutil.which("systemd-socket-activate")
    if program is None:
        assert os.environ.get("CI") != "true", "systemd-socket-activate is missing"
        pytest.skip("systemd-socket-activate is missing")
    port = free_port()
    python_path = {"PYTHONPATH": os.environ.get("PYTHONPATH", "")}
    command = [program, "-l", f"127.0.0.1:{port}", "-E", "PYTHONPATH", "-E", "PATH", sys.executable, "-m", "veche"]
    command += ["serve", "applications:app", "--workers", "1", "--bind", "systemd:"]
    with RunningCommand(command, ready="Listening on", cwd=APPLICATIONS, env=python_path) as server:
        assert "serving" not in server.log_text()
        assert httpx.get(f"http://127.0.0.1:{port}/", timeout=20).status_code == 200  # it waited in the queue
        server.wait_for_log("serving applications:app on")  # a thread writes it


@pytest.mark.process
def test_without_systemd_the_start_says_how_to_get_it() -> None:
    with ServerProcess("applications:app", bind=["systemd:"], app_dir=APPLICATIONS, wait_ready=False) as server:
        assert server.wait() == 1
        assert "systemd has handed no socket to this process" in server.log_text()
        assert "systemd-socket-activate" in server.log_text()


def test_descriptors_are_counted_from_3_and_only_for_the_process_that_is_named() -> None:
    ours = {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "3", "LISTEN_FDNAMES": "web:api:web"}
    assert systemd_descriptors("", ours) == (3, 4, 5)
    assert systemd_descriptors("web", ours) == (3, 5)
    with pytest.raises(AddressError, match="web, api, web, but no 'other'"):
        systemd_descriptors("other", ours)
    for wrong in ({"LISTEN_PID": "1"}, {"LISTEN_FDS": "0"}, {"LISTEN_FDS": "x"}, {"LISTEN_FDS": ""}):
        with pytest.raises(AddressError, match="handed no socket"):
            systemd_descriptors("", {**ours, **wrong})
    forget_descriptors(ours)
    assert not ours
