"""A child that the application forks holds nothing of the worker's, and does not serve."""

import os
import re
import signal
import socket
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from fixtures.load import get
from fixtures.servers import ServerProcess, wait_until

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="it looks at processes through /proc"),
]
HERE = Path(__file__).parent
KINDS = [("app", "uvloop"), ("app", "asyncio"), ("wsgi", "uvloop")]
CAME_BACK = "that the application forked in this worker came back into the server"


def forking(name: str, loop: str) -> ServerProcess:
    return ServerProcess(f"forking:{name}", "--loop", loop, workers=1, app_dir=HERE)


def conversation(url: str, target: str) -> bytes:
    """All that one connection gives until its end; an error when that does not come."""
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port), timeout=10) as client:
        client.sendall(f"GET {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
        octets = b""
        while received := client.recv(65536):
            octets += received
    return octets


def code_of(server: ServerProcess, child: str) -> int:
    def look() -> str:
        text = get(f"{server.url}/ended?pid={child}")[1]
        return "" if text == "runs" else text

    return int(wait_until(look, what="the child ends"))


def fork(server: ServerProcess, target: str) -> str:
    """The child's pid. One answer has come, the parent's, and the end of the connection."""
    octets = conversation(server.url, target)
    assert octets.count(b"HTTP/1.1 ") == 1
    found = re.search(rb"parent of (\d+)", octets)
    assert found, octets
    return found[1].decode()


@pytest.mark.parametrize(("name", "loop"), KINDS)
@pytest.mark.parametrize("when", ["now", "later"])
def test_sys_exit_in_a_forked_child_ends_the_child_with_its_code(name: str, loop: str, when: str) -> None:
    with forking(name, loop) as server:
        worker = get(server.url)[1]
        assert code_of(server, fork(server, f"/{when}/exits")) == 5
        assert get(server.url) == (200, worker)
        assert "SystemExit" not in server.log_text()
        assert server.stop() == 0


@pytest.mark.parametrize(("name", "loop"), KINDS)
@pytest.mark.parametrize("target", ["/now/returns", "/later/returns", "/now/streams"])
def test_a_forked_child_that_returns_is_ended_and_answers_nobody(name: str, loop: str, target: str) -> None:
    with forking(name, loop) as server:
        worker = get(server.url)[1]
        child = fork(server, target)
        assert code_of(server, child) == 1
        assert {get(server.url)[1] for _ in range(20)} == {worker}
        assert server.log_text().count(CAME_BACK) == 1
        assert "os._exit()" in server.log_text()
        port = urlsplit(server.url).port
        assert server.stop() == 0
        with socket.socket() as again:  # nobody else listens there any more
            again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            again.bind(("127.0.0.1", port))
            again.listen()


@pytest.mark.parametrize(("name", "loop"), KINDS)
def test_a_child_of_multiprocessing_computes_and_holds_no_socket_of_ours(name: str, loop: str) -> None:
    with forking(name, loop) as server:
        worker = get(server.url)[1]
        code, result, *sockets = get(f"{server.url}/multiprocessing")[1].split()
        assert (code, result) == ("0", "144")
        shared = set()
        for held in os.listdir(f"/proc/{worker}/fd"):
            with suppress(FileNotFoundError):  # a connection that ends just now
                shared.add(os.readlink(f"/proc/{worker}/fd/{held}"))
        inodes = tcp_inodes()
        assert shared & inodes, "the worker itself listens"
        assert not set(sockets) & inodes
        assert get(f"{server.url}/terminated")[1] == str(-signal.SIGTERM)
        assert code_of(server, get(f"{server.url}/executed")[1]) == 9
        assert get(server.url) == (200, worker)
        assert CAME_BACK not in server.log_text()


def tcp_inodes() -> set[str]:
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    return {f"socket:[{line.split()[9]}]" for line in lines}
