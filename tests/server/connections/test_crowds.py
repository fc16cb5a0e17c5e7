"""Many who do nothing, or do it slowly, cost the others nothing: counted on one worker, as a process of its own."""

import contextlib
import os
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fixtures import crowd
from fixtures.servers import RunningCommand, ServerProcess, wait_until

IDLE = 10_000
SLOW = 1_000
OPEN_FILES = IDLE + SLOW + 700
MEASURED_IDLE = 3_000
DELAYED = 1.25  # on two cores with eight others at work, medians of requests in turn differ by 5 %

HELLO = """
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        for word in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{word}.complete"})
        return
    if scope["method"] == "POST":
        while (await receive()).get("more_body"):
            pass
    headers = [(b"content-type", b"text/plain"), (b"content-length", b"5")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"hello"})
"""


@pytest.fixture
def hello(tmp_path: Path) -> Path:
    """A folder with hello.py in it."""
    (tmp_path / "hello.py").write_text(HELLO)
    return tmp_path


def seconds_of_one(port: int, kept: socket.socket, *, fresh: bool) -> float:
    """The time of a request: on the kept connection, or on a new one."""
    began = time.perf_counter()
    if fresh:
        with socket.create_connection(("127.0.0.1", port)) as connection:
            crowd.ask(connection)
    else:
        crowd.ask(kept)
    return time.perf_counter() - began


def median_seconds(ports: list[int], *, fresh: bool) -> list[float]:
    """The median time of a request at each port, asked in turn: what else the machine does delays all of them alike."""
    times: list[list[float]] = [[] for _ in ports]
    with contextlib.ExitStack() as opened:
        kept = [opened.enter_context(socket.create_connection(("127.0.0.1", port))) for port in ports]
        for _ in range(1000):
            for number, port in enumerate(ports):
                times[number].append(seconds_of_one(port, kept[number], fresh=fresh))
    return [statistics.median(each) for each in times]


@pytest.mark.long
@pytest.mark.process
def test_ten_thousand_idle_and_a_thousand_slow_connections_delay_nobody(hello: Path) -> None:
    if not crowd.allow_open_files(OPEN_FILES):
        if os.environ.get("CI") == "true":
            pytest.fail(f"this machine does not allow {OPEN_FILES} open files")
        pytest.skip(f"this machine does not allow {OPEN_FILES} open files")
    options = ["--connection-limit", str(IDLE + SLOW + 100), "--no-access-log", "--keep-alive-seconds", "300"]
    with (
        ServerProcess("hello:app", *options, app_dir=hello) as crowded,
        ServerProcess("hello:app", *options, app_dir=hello) as quiet,
        crowd.idle(crowded.port, IDLE),
        crowd.slow(crowded.port, SLOW),
    ):
        # Both on one core: to wake one that sleeps on another costs as much as a request, and only the quiet one is let
        # come to the asker's.
        core = max(os.sched_getaffinity(0))
        for server in (crowded, quiet):
            os.sched_setaffinity(server.worker_pids()[0], {core})
        for fresh in (False, True):
            ours, quiets = median_seconds([crowded.port, quiet.port], fresh=fresh)
            print(f"{'fresh' if fresh else 'kept'}: {ours * 1e6:.0f} µs, without a crowd {quiets * 1e6:.0f} µs")
            assert ours < quiets * DELAYED
        assert len(os.listdir(f"/proc/{crowded.worker_pids()[0]}/fd")) >= IDLE + SLOW  # they were there to the end


@pytest.mark.long
@pytest.mark.process
@pytest.mark.peers
def test_an_idle_connection_needs_no_more_memory_than_uvicorns(hello: Path) -> None:
    def octets_each(pid: int, port: int) -> float:
        with crowd.idle(port, 300):
            pass  # what is needed once is there now
        before = crowd.private_octets(pid)
        with crowd.idle(port, MEASURED_IDLE):
            return (crowd.private_octets(pid) - before) / MEASURED_IDLE

    assert crowd.allow_open_files(MEASURED_IDLE + 700)
    with ServerProcess("hello:app", "--no-access-log", app_dir=hello) as server:
        ours = octets_each(server.worker_pids()[0], server.port)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    options = ["--no-access-log", "--loop", "uvloop", "--http", "httptools", "--timeout-keep-alive", "300"]
    command = [sys.executable, "-m", "uvicorn", "hello:app", "--port", str(port), *options]
    with RunningCommand(command, ready="running on", cwd=hello) as peer:
        theirs = octets_each(peer.pid, port)
    print(f"an idle connection: ours {ours:.0f} octets, uvicorn's {theirs:.0f}")
    assert ours <= theirs


def limited(soft: int, hard: int, command: list[str]) -> list[str]:
    """The command, with limits of open files."""
    return ["sh", "-c", f'ulimit -Sn {soft} && ulimit -Hn {hard} && exec "$@"', "sh", *command]


@pytest.mark.parametrize(
    ("soft", "hard", "room", "soft_after"), [(100, 2000, 1000, 1256), (100, 800, 544, 800), (50, 60, 1, 60)]
)
def test_the_limit_of_open_files_is_raised_as_far_as_connections_need_it(
    soft: int, hard: int, room: int, soft_after: int
) -> None:
    code = (
        "import resource; from veche.server.connections.accepting.descriptors import room_for_connections as room;"
        "print(room(1000), resource.getrlimit(resource.RLIMIT_NOFILE)[0])"
    )
    told = subprocess.run(limited(soft, hard, [sys.executable, "-c", code]), capture_output=True, text=True, check=True)
    assert told.stdout.split() == [str(room), str(soft_after)]


@pytest.mark.process
def test_who_finds_no_open_file_left_waits_in_the_kernel(hello: Path) -> None:
    serve = [sys.executable, "-m", "veche", "serve", "hello:app", "--workers", "1", "--bind", "127.0.0.1:0"]
    with (
        RunningCommand(limited(280, 280, serve), ready=r"serving \S+ on http://127.0.0.1:(\d+)", cwd=hello) as server,
        contextlib.ExitStack() as opened,
    ):
        assert server.ready_match is not None
        port = int(server.ready_match[1])
        server.wait_for_log("open files for 24 connections only")
        waiting = [opened.enter_context(crowd.connect(port, number)) for number in range(60)]
        for connection in waiting:
            connection.sendall(crowd.REQUEST)
        served = 0
        while waiting:  # as those who were served leave, the others come in
            wait_until(lambda: any(_answered(connection) for connection in waiting), what="an answer")
            for connection in [one for one in waiting if _answered(one)]:
                assert connection.recv(1000).startswith(b"HTTP/1.1 200")
                connection.close()
                waiting.remove(connection)
                served += 1
        assert served == 60


def _answered(connection: socket.socket) -> bool:
    connection.settimeout(0.0)
    try:
        return bool(connection.recv(1, socket.MSG_PEEK))
    except BlockingIOError:
        return False
    finally:
        connection.settimeout(10)
