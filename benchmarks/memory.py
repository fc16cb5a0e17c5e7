"""Memory of an idle worker and of an idle connection, ours beside uvicorn's.

One job: start, warm up, open idle connections, read what the kernel counts.
"""

import resource
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from benchmarks.contest import Contestant, started
from benchmarks.http1 import HELLO
from benchmarks.load import Requests
from benchmarks.machine import cores_apart, resident_octets, tree
from benchmarks.report import aligned, verdict
from benchmarks.servers import uvicorn, veche

CONNECTIONS = 4000
REQUEST = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: idle\r\nAccept: */*\r\n\r\n"


def measure() -> dict[str, Any]:
    """Print the table and return its numbers. The worker is measured after some thousand requests."""
    numbers = {contestant.name: _memory(contestant) for contestant in (veche(HELLO), uvicorn(HELLO))}
    print("\n### memory: of an idle worker, and of an idle connection that has been served once\n")
    print(f"{CONNECTIONS:,} connections; PSS of the serving process (our master is a process of its own)\n")
    rows = [("server", "idle worker MiB", "all processes MiB", "idle connection KiB")]
    for name, (worker, whole, connection) in numbers.items():
        rows.append((name, f"{worker / 2**20:.1f}", f"{whole / 2**20:.1f}", f"{connection / 1024:.2f}"))
    print("\n".join(aligned(rows)) + "\n")
    ours, theirs = numbers["veche"], numbers["uvicorn"]
    for number, what in ((0, "idle worker"), (2, "idle connection")):
        ratio = theirs[number] / max(ours[number], 1)
        print(verdict(f"veche, {what}: uvicorn needs", ratio, 1.0, "its memory"))
    return {"name": "memory", "octets": numbers}


def _memory(contestant: Contestant) -> tuple[int, int, float]:
    """Octets of the worker, of the whole process tree, and of one idle connection."""
    server_core, load_core = cores_apart()
    with started(contestant, server_core) as running:
        Requests().burst(running.port, seconds=1, core=load_core)
        worker = max(tree(running.pid), key=lambda pid: resident_octets(pid, alone=True))
        before, whole = resident_octets(worker, alone=True), resident_octets(running.pid)
        with _idle_connections(running.port, CONNECTIONS):
            after = resident_octets(worker, alone=True)
    return before, whole, (after - before) / CONNECTIONS


@contextmanager
def _idle_connections(port: int, count: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, count + 200)), hard))
    opened: list[socket.socket] = []
    try:
        for _ in range(count):
            connection = socket.create_connection(("127.0.0.1", port), timeout=10)
            opened.append(connection)
            connection.sendall(REQUEST)
            assert connection.recv(4096).startswith(b"HTTP/1.1 200")
        yield
    finally:
        for connection in opened:
            connection.close()
