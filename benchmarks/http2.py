"""./bench http2: requests over HTTP/2 without TLS, against the peers that speak it.

One job: declare the contests, and ask with h2load (from nghttp2), one thread on one core.
"""

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.contest import Contest, Contestant, DidNotStart, Target
from benchmarks.http1 import BROWSER, HELLO
from benchmarks.load import Outcome, run_pinned
from benchmarks.servers import granian, hypercorn, veche

BENCHMARK = "http2"
# Twelve: HTTP/2 has no Connection, and h2load says user-agent itself.
FIELDS = tuple(field for field in BROWSER if field[0] not in {"Connection", "User-Agent", "Referer"})
PATHS = 500


@dataclass(frozen=True, slots=True)
class Streams:
    """GETs over connections with several streams each, on many paths."""

    connections: int = 16
    streams: int = 10
    paths: int = PATHS
    fields: Sequence[tuple[str, str]] = FIELDS

    def described(self) -> str:
        return f"h2load, {self.connections} connections × {self.streams} streams, {self.paths} paths"

    def burst(self, port: int, *, seconds: float, core: int) -> Outcome:
        with tempfile.TemporaryDirectory() as folder:
            log, paths = Path(folder, "log"), Path(folder, "paths")
            paths.write_text("".join(f"http://127.0.0.1:{port}/courses/{number}\n" for number in range(self.paths)))
            command = ["h2load", "-t1", f"-c{self.connections}", f"-m{self.streams}", f"-D{max(1, round(seconds))}"]
            command += [f"-i{paths}", f"--log-file={log}"]
            for name, value in self.fields:
                command += ["-H", f"{name.lower()}: {value}"]
            run_pinned(command, core)
            return _parse(log.read_text(), seconds)


def _parse(text: str, seconds: float) -> Outcome:
    """Each line is a request: start, status, time that it took, both in microseconds."""
    times, errors = [], 0
    for line in text.splitlines():
        _, status, took = line.split("\t")
        if status == "200":
            times.append(int(took))
        else:
            errors += 1
    times.sort()
    middle, late = (times[int(len(times) * share)] / 1000 for share in (0.5, 0.99)) if times else (0.0, 0.0)
    return Outcome(len(times), seconds, middle, late, errors)


def answers_http2(port: int) -> bool:
    """Whether GET / is answered in HTTP/2 with prior knowledge."""
    if not shutil.which("h2load"):
        raise DidNotStart("h2load is not installed: sudo apt-get install -y nghttp2-client")
    command = ["h2load", "-n1", "-c1", f"http://127.0.0.1:{port}/"]
    return b"1 succeeded" in subprocess.run(command, capture_output=True, check=False, timeout=5).stdout


def _ready_in_http2(contestant: Contestant) -> Contestant:
    return replace(contestant, ready=answers_http2)


PEERS = [
    _ready_in_http2(server) for server in (veche(HELLO), granian(HELLO, "asgi", "--http", "auto"), hypercorn(HELLO))
]

CONTESTS = (
    Contest(
        "http2",
        "HTTP/2 in cleartext, ASGI hello, 12 headers, 16 connections × 10 streams, 500 paths",
        PEERS,
        Streams(),
        "granian",
        [Target(15.0, ["hypercorn"]), Target(1.0, ["granian"])],
    ),
    Contest(
        "http2-single",
        "HTTP/2 in cleartext, ASGI hello, 12 headers, 64 connections × 1 stream",
        PEERS,
        Streams(connections=64, streams=1),
        "granian",
    ),
)

if __name__ == "__main__":
    from benchmarks.server import main

    main(CONTESTS, {})
