"""A contest: several servers side by side, measured in alternating short bursts, so that the machine's moods hit all.

One job: start, alternate, compute medians, print one table.
"""

import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.metadata import version

from benchmarks.load import Outcome, burst, generator
from benchmarks.machine import busy_share, cores_apart, cpu_seconds, model_name

NOISY_SPREAD = 0.10
NOISY_SHARE = 0.15
START_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Contestant:
    """A server: its name in the table, and its command with {port} in it."""

    name: str
    command: Sequence[str]
    versions: Sequence[str] = ()


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


Rounds = list[dict[str, Measured]]


def contest(
    contestants: Sequence[Contestant], *, reference: str, rounds: int, seconds: float, connections: int
) -> Rounds:
    """Measure and print; the table's ratios are medians of the ratios inside each round."""
    server_core, load_core = cores_apart()
    noise_before = busy_share()
    with ExitStack() as stack:
        running = [stack.enter_context(started(contestant, server_core)) for contestant in contestants]
        for server in running:  # warm up: imports, caches, the first garbage collections
            _measure(server, seconds=min(seconds, 1.0), connections=connections, core=load_core)
        results: Rounds = []
        for number in range(rounds):
            turn = running[number % len(running) :] + running[: number % len(running)]
            results.append(
                {
                    server.contestant.name: _measure(server, seconds=seconds, connections=connections, core=load_core)
                    for server in turn
                }
            )
    _print_head(contestants, rounds, seconds, connections, (server_core, load_core))
    _print_table(results, [contestant.name for contestant in contestants], reference)
    _print_noise(results, noise_before, apart=server_core != load_core)
    return results


@contextmanager
def started(contestant: Contestant, core: int) -> Iterator[Running]:
    """The server, pinned with all it starts, answering; ended with all it started."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    command = [part.format(port=port) for part in contestant.command]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            command,
            stdout=log,
            stderr=log,
            start_new_session=True,
            preexec_fn=lambda: os.sched_setaffinity(0, {core}),  # noqa: PLW1509  this program has one thread
        )
        try:
            _wait_until_it_answers(process, port, contestant.name, log.fileno())
            yield Running(contestant, port, process.pid)
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass


def _wait_until_it_answers(process: "subprocess.Popen[bytes]", port: int, name: str, log: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
                connection.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
                if connection.recv(4096).startswith(b"HTTP/1.1 200"):
                    return
        except OSError:
            pass
        time.sleep(0.05)
    text = os.pread(log, 10_000, 0).decode("utf-8", "replace")
    sys.exit(f"{name} did not answer on port {port} in {START_SECONDS:g} s:\n{text}")


def _measure(server: Running, *, seconds: float, connections: int, core: int) -> Measured:
    before = cpu_seconds(server.pid)
    outcome = burst(server.port, connections=connections, seconds=seconds, core=core)
    return Measured(outcome, cpu_seconds(server.pid) - before)


def _print_head(
    contestants: Sequence[Contestant], rounds: int, seconds: float, connections: int, cores: tuple[int, int]
) -> None:
    packages = dict.fromkeys(package for contestant in contestants for package in contestant.versions)
    print(f"Python {sys.version.split()[0]}; " + ", ".join(f"{package} {version(package)}" for package in packages))
    print(f"{model_name()}; server on core {cores[0]}, load on core {cores[1]}")
    print(f"{generator()}, {connections} connections, {rounds} alternating rounds of {seconds:g} s; access logs off")
    print()


def _print_table(results: Rounds, names: Sequence[str], reference: str) -> None:
    rows = [("server", "requests per CPU-second", f"ratio to {reference}", "requests/s", "p50 ms", "p99 ms", "errors")]
    for name in names:
        bursts = [one[name] for one in results]
        ratios = [one[name].per_cpu_second / one[reference].per_cpu_second for one in results]
        per_second = [one.outcome.requests / one.outcome.seconds for one in bursts]
        rows.append(
            (
                name,
                f"{statistics.median(one.per_cpu_second for one in bursts):,.0f}",
                f"{statistics.median(ratios):.2f}",
                f"{statistics.median(per_second):,.0f}",
                f"{statistics.median(one.outcome.p50_ms for one in bursts):.2f}",
                f"{statistics.median(one.outcome.p99_ms for one in bursts):.2f}",
                str(sum(one.outcome.errors for one in bursts)),
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for number, row in enumerate(rows):
        cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        print("| " + " | ".join(cells) + " |")
        if number == 0:
            print("|" + "|".join("-" * (width + 2) for width in widths) + "|")


def _print_noise(results: Rounds, noise_before: float, *, apart: bool) -> None:
    print()
    if not apart:
        print("NOISY: one core only; load and server disturb each other.")
    if noise_before > NOISY_SHARE:
        print(f"NOISY: others used {noise_before:.0%} of the machine when this began.")
    spreads = spread_by_name(results)
    loud = {name: spread for name, spread in spreads.items() if spread > NOISY_SPREAD}
    if loud:
        listed = ", ".join(f"{name} {spread:.0%}" for name, spread in loud.items())
        print(f"NOISY: quartiles of the rounds are further apart than {NOISY_SPREAD:.0%} of the median: {listed}.")
    elif len(results) > 1:
        print(f"Quiet: quartiles of the rounds are within {max(spreads.values()):.0%} of the median.")
    print("Trust ratios inside this table, not numbers between tables.")


def spread_by_name(results: Rounds) -> Mapping[str, float]:
    """For each server how far the quartiles of its rounds are apart, as a share of its median."""
    spreads = {}
    for name in results[0]:
        rates = [one[name].per_cpu_second for one in results]
        if len(rates) > 1:
            low, middle, high = statistics.quantiles(rates, n=4)
            spreads[name] = (high - low) / middle
        else:
            spreads[name] = 0.0
    return spreads
