"""What an application does to its process: sys.exit() in a request costs no worker, at start it is the reason why there
is none; closed standard streams and cancelled Tasks cost no worker and no client anything.
"""

import http.client
import os
import signal
import socket
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from fixtures.load import get
from fixtures.servers import ServerProcess, wait_until

pytestmark = pytest.mark.process
HERE = Path(__file__).parent


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_sys_exit_in_a_request_costs_no_worker(loop: str) -> None:
    with ServerProcess("exiting:app", "--loop", loop, workers=1, app_dir=HERE) as server:
        worker = get(server.url)[1]
        for path in ("/now", "/later", "/now", "/later"):
            assert get(f"{server.url}{path}")[0] == 500
            assert get(server.url) == (200, worker)
        assert server.stop() == 0
        log = server.log_text()  # all of it: a thread writes it
        assert log.count("the application raised SystemExit: it ends this request, not the worker") == 4
        assert "exiting.py" in log
        assert "never retrieved" not in log


def test_sys_exit_at_start_is_the_reason_why_it_did_not_start() -> None:
    with ServerProcess("exiting:app", workers=1, app_dir=HERE, env={"EXIT_AT_START": "1"}, wait_ready=False) as server:
        assert server.wait() == 3
        assert "the application failed to start: SystemExit: no licence" in server.log_text()


@pytest.mark.parametrize("path", ["/closes-one", "/closes-all"])
@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_no_client_gets_what_is_written_to_a_standard_stream_that_was_closed(loop: str, path: str) -> None:
    with ServerProcess("closing:app", "--loop", loop, workers=1, app_dir=HERE) as server:
        assert get(f"{server.url}{path}")[0] == 200
        address = urlsplit(server.url)
        clients = [socket.create_connection((address.hostname, address.port), timeout=10) for _ in range(4)]
        request = "GET / HTTP/1.1\r\nHost: a\r\nConnection: {}\r\n\r\n"
        for client in clients:  # each of them was accepted, with the lowest numbers that were free
            client.sendall(request.format("keep-alive").encode())
            assert client.recv(65536).endswith(b"ok")
        assert get(f"{server.url}/somebody-else") == (200, "ok")
        assert get(f"{server.url}/prints") == (200, "ok")
        assert get(f"{server.url}/fails")[0] == 500
        server.wait_for_log("/somebody-else")
        server.wait_for_log("told by the log")
        for client in clients:
            client.sendall(request.format("close").encode())
            octets = b"".join(iter(lambda: client.recv(65536), b""))  # noqa: B023  it is called here
            assert octets.startswith(b"HTTP/1.1 200")
            assert octets.endswith(b"\r\n\r\nok")
            assert octets.count(b"\n") == octets.count(b"\r\n"), octets
            client.close()


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_an_application_that_cancels_every_task_or_stops_the_loop_costs_no_worker(loop: str) -> None:
    with ServerProcess("exiting:app", "--loop", loop, workers=1, app_dir=HERE) as server:
        worker = get(server.url)[1]
        for _ in range(3):
            assert get(f"{server.url}/cancels-all")[0] == 503
            assert get(server.url) == (200, worker)
            assert get(f"{server.url}/stops-the-loop") == (200, worker)
            assert get(server.url) == (200, worker)
        assert server.stop() == 0
        log = server.log_text()
        assert log.count("cancelled every Task of the event loop") == 1
        assert log.count("stopped the event loop (loop.stop())") == 1
        assert "Traceback" not in log


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_what_asyncio_logs_itself_is_told_in_the_format_of_the_log(loop: str) -> None:
    options = ("--loop", loop, "--log-format", "json", "--access-log-format", "json")
    with ServerProcess("exiting:app", *options, workers=1, app_dir=HERE, wait_ready=False) as server:
        url = server.wait_for_log(r"serving exiting:app on (\S+) with")[1].rstrip("/")
        assert get(f"{url}/breaks-the-handler")[0] == 200
        server.wait_for_log("ZeroDivisionError")
        assert get(f"{url}/now")[0] == 500
        assert server.stop() == 0
        assert [line for line in server.log_text().splitlines() if not line.startswith("{")] == []


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="how much a process may have is set beside /proc")
@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_a_worker_without_memory_says_so_and_is_replaced(loop: str) -> None:
    with ServerProcess("exiting:app", "--loop", loop, workers=1, app_dir=HERE) as server:
        worker = get(server.url)[1]
        for _ in range(4):  # what is too large alone ends nobody
            assert get(f"{server.url}/asks-too-much") == (200, worker)
        assert get(server.url) == (200, worker)
        with suppress(OSError, http.client.HTTPException):
            get(f"{server.url}/takes-all-memory")

        held: list[http.client.HTTPConnection] = []  # what little room is left is taken by connections that stay

        def is_replaced() -> bool:
            held.append(http.client.HTTPConnection("127.0.0.1", server.port, timeout=1.0))
            with suppress(OSError, http.client.HTTPException):
                held[-1].request("GET", "/")
                return held[-1].getresponse().read().decode() not in {"", worker}
            return False

        wait_until(is_replaced, what="an answer of a new worker", seconds=30)
        for connection in held:
            connection.close()
        server.wait_for_log("ended by itself: memory ran out.*; replacing it at once")
        assert server.stop() == 0
        assert len(server.log_text()) < 100_000


def test_a_term_to_one_worker_is_told_as_what_it_is_and_is_no_crash() -> None:
    with ServerProcess("exiting:app", workers=1, app_dir=HERE) as server:
        for number in range(8):  # more than a restart policy lets pass without a pause
            worker = wait_until(server.child_pids, what="a worker")[0]
            os.kill(worker, signal.SIGTERM)
            server.wait_for_log(
                rf"pid {worker}\) drained and ended because of a SIGTERM; not by us.*; replacing it at once"
            )
            server.wait_for_log(f"worker {number + 2} .* is ready")
        log = server.log_text()
        assert "signals are for the master's pid" in log
        assert "os._exit" not in log
