"""Our own HTTP/1.1 client for machines without wrk: `python -m benchmarks.asker PORT SECONDS`, the request on stdin.

One job: ask again as soon as an answer is whole, and note how long each took.
"""

import asyncio
import re
import sys
import time
from dataclasses import asdict
from typing import Any

import msgspec

from benchmarks.load import Outcome, Requests

LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


class Asker(asyncio.Protocol):
    """One connection. An answer ends with its Content-Length or with the last chunk."""

    def __init__(self, request: bytes, latencies: list[float], errors: list[str]) -> None:
        self._request, self._latencies, self._errors = request, latencies, errors
        self._octets = bytearray()
        self._expected = 0  # octets of the whole answer, once its head has come

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._ask()

    def _ask(self) -> None:
        self._octets.clear()
        self._expected = 0
        self._since = time.perf_counter()
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._octets += data
        if not self._expected and (end := self._octets.find(b"\r\n\r\n")) >= 0:
            length = LENGTH.search(self._octets, 0, end)
            self._expected = end + 4 + int(length[1]) if length else sys.maxsize
        whole = len(self._octets) >= self._expected > 0
        if not whole and not (self._expected == sys.maxsize and self._octets.endswith(b"\r\n0\r\n\r\n")):
            return
        if not self._octets.startswith(b"HTTP/1.1 200"):
            self._errors.append("status")
        self._latencies.append(time.perf_counter() - self._since)
        self._ask()

    def connection_lost(self, exc: Exception | None) -> None:
        self._errors.append("closed")


def octets_of(work: Requests) -> bytes:
    """The request as it is sent."""
    lines = [f"{work.method} {work.path} HTTP/1.1", "Host: 127.0.0.1"]
    lines += [f"{name}: {value}" for name, value in work.fields]
    if work.body_octets:
        lines.append(f"Content-Length: {work.body_octets}")
    return "\r\n".join([*lines, "", ""]).encode() + b"x" * work.body_octets


async def ask_for(port: int, seconds: float, work: Requests) -> Outcome:
    """One burst."""
    latencies: list[float] = []
    errors: list[str] = []
    loop = asyncio.get_running_loop()
    request = octets_of(work)
    started = time.perf_counter()
    for _ in range(work.connections):
        await loop.create_connection(lambda: Asker(request, latencies, errors), "127.0.0.1", port)
    await asyncio.sleep(seconds)
    took, failed = time.perf_counter() - started, len(errors)
    ordered = sorted(latencies) or [0.0]
    p50, p99 = (ordered[int(len(ordered) * share)] * 1000 for share in (0.5, 0.99))
    return Outcome(len(latencies), took, p50, p99, failed)


if __name__ == "__main__":
    import uvloop

    work = msgspec.json.decode(sys.stdin.buffer.read(), type=Requests)
    outcome = uvloop.run(ask_for(int(sys.argv[1]), float(sys.argv[2]), work))
    sys.stdout.buffer.write(msgspec.json.encode(asdict(outcome)))
