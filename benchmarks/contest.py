"""A contest: several servers side by side, measured in alternating short bursts, so that the machine's moods hit all.

One job: start, alternate, keep what was measured (`report.py` prints it).
"""

import os
import signal
import socket
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from benchmarks.load import Load, Outcome
from benchmarks.machine import busy_share, cores_apart, cpu_seconds, pinned_to

START_SECONDS = 30.0


def answers_http(port: int) -> bool:
    """Whether GET / is answered 200 over HTTP/1.1."""
    with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        return connection.recv(4096).startswith(b"HTTP/1.1 200")


class DidNotStart(Exception):
    """A server could not be measured; the text is what it said."""


@dataclass(frozen=True, slots=True)
class Contestant:
    """A server: its name in the table, and its command with {port} in it.

    log_off, log_on: what is added to the command; without log_on it takes no part with access logs on.
    cores: how many the server may use; most have one.
    """

    name: str
    command: Sequence[str]
    packages: Sequence[str] = ()
    log_off: Sequence[str] = ()
    log_on: Sequence[str] | None = None
    cores: int = 1
    ready: Callable[[int], bool] = answers_http
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Target:
    """`ours` shall do at least `ratio` times what the best of `peers` does per CPU-second, on Python 3.12 and newer."""

    ratio: float
    peers: Sequence[str]
    ours: str = "veche"


@dataclass(frozen=True, slots=True)
class Contest:
    """One table: who takes part, the work, whom the ratios are to, and what is aimed at."""

    name: str
    title: str
    contestants: Sequence[Contestant]
    load: Load
    reference: str
    targets: Sequence[Target] = ()
    unit: str = "requests"


@dataclass(frozen=True, slots=True)
class Running:
    contestant: Contestant
    port: int
    pid: int


@dataclass(frozen=True, slots=True)
class Measured:
    """One burst on one server."""

    outcome: Outcome
    cpu_seconds: float

    @property
    def per_cpu_second(self) -> float:
        return self.outcome.requests / max(self.cpu_seconds, 1e-9)


@dataclass(frozen=True, slots=True)
class Results:
    """Everything that one contest brought."""

    rounds: Sequence[Mapping[str, Measured]]
    seconds: float
    logged: bool
    noise_before: float
    cores: tuple[int, int]

    def ratio(self, ours: str, theirs: str) -> float:
        """The median of the ratios inside each round: both had the same weather."""
        return statistics.median(
            one[ours].per_cpu_second / max(one[theirs].per_cpu_second, 1e-9) for one in self.rounds
        )

    def bursts(self, name: str) -> list[Measured]:
        return [one[name] for one in self.rounds]

    def median(self, name: str) -> float:
        return statistics.median(one.per_cpu_second for one in self.bursts(name))

    def spread(self, name: str) -> float:
        """How far the quartiles of a server's rounds are apart, as a share of its median."""
        rates = [one.per_cpu_second for one in self.bursts(name)]
        if len(rates) < 2:
            return 0.0
        low, middle, high = statistics.quantiles(rates, n=4)
        return (high - low) / max(middle, 1e-9)


def hold(contest: Contest, *, rounds: int, seconds: float, logged: bool) -> Results:
    """Start everybody, warm up, and give each a burst in turn, round after round; the first one changes."""
    server_core, load_core = cores_apart()
    noise_before = busy_share()
    with ExitStack() as stack:
        running = [
            stack.enter_context(started(contestant, server_core, logged=logged))
            for contestant in contest.contestants
            if not logged or contestant.log_on is not None
        ]
        for server in running:  # imports, caches, the first garbage collections
            contest.load.burst(server.port, seconds=min(seconds, 1.0), core=load_core)
        results: list[dict[str, Measured]] = []
        for number in range(rounds):
            turn = running[number % len(running) :] + running[: number % len(running)]
            results.append(
                {server.contestant.name: _measure(contest.load, server, seconds, load_core) for server in turn}
            )
    return Results(results, seconds, logged, noise_before, (server_core, load_core))


def _measure(load: Load, server: Running, seconds: float, core: int) -> Measured:
    before = cpu_seconds(server.pid)
    outcome = load.burst(server.port, seconds=seconds, core=core)
    return Measured(outcome, cpu_seconds(server.pid) - before)


@contextmanager
def started(contestant: Contestant, core: int, *, logged: bool = False) -> Iterator[Running]:
    """The server, pinned with all it starts, answering; ended with all it started."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    command = [*contestant.command, *((contestant.log_on or ()) if logged else contestant.log_off)]
    cores = sorted(os.sched_getaffinity(0), key=lambda one: one != core)[: contestant.cores]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [part.format(port=port) for part in command],
            stdout=log,
            stderr=log,
            start_new_session=True,
            env={**os.environ, **contestant.environment},
            preexec_fn=pinned_to(*cores),  # noqa: PLW1509  this program has one thread
        )
        try:
            _wait_until_it_answers(process, port, contestant, log.fileno())
            yield Running(contestant, port, process.pid)
        finally:
            _end(process)


def _wait_until_it_answers(process: "subprocess.Popen[bytes]", port: int, contestant: Contestant, log: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if contestant.ready(port):
                return
        except OSError:
            pass
        time.sleep(0.05)
    text = os.pread(log, 10_000, 0).decode("utf-8", "replace")
    raise DidNotStart(f"{contestant.name} did not answer on port {port} in {START_SECONDS:g} s:\n{text}")


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    try:
        os.killpg(process.pid, signal.SIGKILL)  # what it started and left behind
    except ProcessLookupError:
        pass
