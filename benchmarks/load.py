"""The load of HTTP/1.1: wrk where it is installed, else our own client, one thread on one core.

One job: ask one address for some seconds over some connections and say what came back.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import ceil
from typing import Protocol

import msgspec

from benchmarks.machine import pinned_to

UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one burst of load brought; a request may be a message where the load is one of messages."""

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    errors: int


class Load(Protocol):
    """One kind of work, given to any server that listens on 127.0.0.1:port."""

    def burst(self, port: int, *, seconds: float, core: int) -> Outcome:
        """Give the work for some seconds, with a client that is pinned to `core`."""

    def described(self) -> str:
        """What is done and by which client, for the line above the table."""


@dataclass(frozen=True, slots=True)
class Requests:
    """The same request again and again over connections that are kept open.

    fields: header fields beside Host. body_octets: of "x", with Content-Length. varied: each request has a path and a
    cookie of its own, so that nothing that a server remembers of a whole head helps it.
    """

    connections: int = 64
    path: str = "/"
    method: str = "GET"
    fields: Sequence[tuple[str, str]] = ()
    body_octets: int = 0
    varied: bool = False

    def described(self) -> str:
        client = "wrk" if shutil.which("wrk") else "our own client (benchmarks/asker.py; wrk is not installed)"
        return f"{client}, {self.connections} connections"

    def burst(self, port: int, *, seconds: float, core: int) -> Outcome:
        """wrk takes whole seconds only."""
        if not shutil.which("wrk"):
            command = [sys.executable, "-m", "benchmarks.asker", str(port), str(seconds)]
            return msgspec.json.decode(run_pinned(command, core, msgspec.json.encode(asdict(self))), type=Outcome)
        command = ["wrk", "-t1", f"-c{self.connections}", f"-d{ceil(seconds)}s", "--latency"]
        with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
            script.write(self._lua())
            script.flush()
            command += ["-s", script.name, f"http://127.0.0.1:{port}{self.path}"]
            return _parse_wrk(run_pinned(command, core).decode())

    def _lua(self) -> str:
        lines = [f'wrk.method = "{self.method}"']
        if self.body_octets:
            lines.append(f'wrk.body = string.rep("x", {self.body_octets})')
        for name, value in self.fields:
            lines.append(f"wrk.headers[{msgspec.json.encode(name).decode()}] = {msgspec.json.encode(value).decode()}")
        if self.varied:
            lines += [
                "local count = 0",
                "function request()",
                "  count = count + 1",
                '  wrk.headers["Cookie"] = "session=" .. count .. "; theme=dark"',
                f'  return wrk.format(nil, "{self.path}?number=" .. count)',
                "end",
            ]
        return "\n".join(lines) + "\n"


def run_pinned(command: Sequence[str], core: int, given: bytes = b"") -> bytes:
    """What the command printed, run on one core. Stops the program with the command's complaint when it fails."""
    done = subprocess.run(command, check=False, capture_output=True, input=given, preexec_fn=pinned_to(core))
    if done.returncode:
        sys.exit(f"{command[0]} failed ({done.returncode}): {done.stderr.decode()}")
    return done.stdout


def _parse_wrk(text: str) -> Outcome:
    found = re.search(r"(\d+) requests in ([\d.]+)(m?s)", text)
    assert found is not None, text
    seconds = float(found[2]) * UNITS[found[3]] / 1000
    errors = [int(number) for number in re.findall(r"(?:connect|read|write|timeout) (\d+)", text)]
    errors += [int(number) for number in re.findall(r"Non-2xx or 3xx responses: (\d+)", text)]
    return Outcome(int(found[1]), seconds, _latency(text, "50%"), _latency(text, "99%"), sum(errors))


def _latency(text: str, share: str) -> float:
    found = re.search(rf"{share}\s+([\d.]+)(us|ms|s|m)\b", text)
    assert found is not None, text
    return float(found[1]) * UNITS[found[2]]
