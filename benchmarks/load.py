"""The load: wrk where it is installed, else our own client, one thread on one core.

One job: ask one address for some seconds over some connections and say what came back.
"""

import asyncio
import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from math import ceil
from typing import Any

import msgspec

UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one burst of load brought."""

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    errors: int


def generator() -> str:
    """Which load generator is used."""
    return "wrk" if shutil.which("wrk") else "our own client (benchmarks/load.py; wrk is not installed)"


def burst(port: int, *, connections: int, seconds: float, core: int) -> Outcome:
    """One burst of GET / against 127.0.0.1:port from one thread pinned to `core`. wrk takes whole seconds only."""
    if shutil.which("wrk"):
        command = ["wrk", "-t1", f"-c{connections}", f"-d{ceil(seconds)}s", "--latency", f"http://127.0.0.1:{port}/"]
        return _parse_wrk(_pinned(command, core))
    command = [sys.executable, "-m", "benchmarks.load", str(port), str(connections), str(seconds)]
    return msgspec.json.decode(_pinned(command, core), type=Outcome)


def _pinned(command: list[str], core: int) -> str:
    pinned = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=True,
        preexec_fn=lambda: os.sched_setaffinity(0, {core}),
    )
    return pinned.stdout


def _parse_wrk(text: str) -> Outcome:
    requests, seconds = re.search(r"(\d+) requests in ([\d.]+)s", text).groups()  # type: ignore[union-attr]
    errors = [int(number) for number in re.findall(r"(?:connect|read|write|timeout) (\d+)", text)]
    errors += [int(number) for number in re.findall(r"Non-2xx or 3xx responses: (\d+)", text)]
    return Outcome(int(requests), float(seconds), _latency(text, "50%"), _latency(text, "99%"), sum(errors))


def _latency(text: str, share: str) -> float:
    number, unit = re.search(rf"{share}\s+([\d.]+)(us|ms|s|m)\b", text).groups()  # type: ignore[union-attr]
    return float(number) * UNITS[unit]


class Asker(asyncio.Protocol):
    """One connection that asks again as soon as it is answered; an answer ends with the 13 octets of the body."""

    def __init__(self, latencies: list[float], errors: list[str]) -> None:
        self._latencies, self._errors = latencies, errors
        self._octets = b""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._ask()

    def _ask(self) -> None:
        self._since = time.perf_counter()
        self._transport.write(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")

    def data_received(self, data: bytes) -> None:
        self._octets += data
        if not self._octets.endswith(b"Hello, world!"):
            return
        if not self._octets.startswith(b"HTTP/1.1 200"):
            self._errors.append("status")
        self._octets = b""
        self._latencies.append(time.perf_counter() - self._since)
        self._ask()

    def connection_lost(self, exc: Exception | None) -> None:
        self._errors.append("closed")


async def ask_for(port: int, connections: int, seconds: float) -> Outcome:
    """The burst of our own client."""
    latencies: list[float] = []
    errors: list[str] = []
    loop = asyncio.get_running_loop()
    started = time.perf_counter()
    for _ in range(connections):
        await loop.create_connection(lambda: Asker(latencies, errors), "127.0.0.1", port)
    await asyncio.sleep(seconds)
    took, failed = time.perf_counter() - started, len(errors)
    ordered = sorted(latencies) or [0.0]
    p50, p99 = (ordered[int(len(ordered) * share)] * 1000 for share in (0.5, 0.99))
    return Outcome(len(latencies), took, p50, p99, failed)


if __name__ == "__main__":
    import uvloop

    outcome = uvloop.run(ask_for(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
    sys.stdout.buffer.write(msgspec.json.encode(asdict(outcome)))
