"""slowhttptest, the attacker that everybody has: slowloris, slow bodies, ranges, slow readers, against a real server.

While it attacks, others are served at once, by a WSGI application with two threads: one held by the silent would be
seen. In the end the server has let go of all of them, before the attacker has had enough.
"""

import re
import time
from pathlib import Path

import pytest

from fixtures.load import get
from fixtures.servers import RunningCommand, ServerProcess, free_port, wait_until
from fixtures.tools import tool

pytestmark = [pytest.mark.long, pytest.mark.process, pytest.mark.peers]

DEADLINE_SECONDS = 5.0
PROMPT_SECONDS = 0.8 * DEADLINE_SECONDS  # who waits for the silent waits for their deadline; any other wait is shorter
ATTACK_SECONDS = 20
ALMOST_ALL = 0.9
DEADLINES = ["--head-timeout-seconds", "--body-stall-seconds", "--write-stall-seconds", "--keep-alive-seconds"]
IN_FLIGHT = re.compile(r'^veche_worker_requests_in_flight\{place="0"\} (\d+)', re.MULTILINE)
CONNECTIONS = re.compile(r'^veche_worker_connections\{place="0"\} (\d+)', re.MULTILINE)
ESTABLISHED, FIN_WAIT = "01", {"04", "05"}

# The application reads whatever body comes; "/large" is more than the kernel takes for a peer that does not read.
APPLICATION = """
LARGE = 100

def app(environ, start_response):
    environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "5")])
    return [b"hello"]

async def streams(scope, receive, send):
    if scope["type"] == "lifespan":
        for word in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{word}.complete"})
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for _ in range(LARGE if scope["path"] == "/large" else 1):
        await send({"type": "http.response.body", "body": b"a" * 65536, "more_body": True})
    await send({"type": "http.response.body"})
"""


@pytest.mark.parametrize(
    ("application", "path", "attack", "count"),
    [
        ("app", "/", ["-H", "-i", "1"], 300),
        ("app", "/", ["-B", "-i", "1"], 300),
        ("app", "/", ["-R"], 300),
        ("streams", "/large", ["-X", "-w", "1", "-y", "2", "-n", "5", "-z", "1"], 40),  # each costs the kernel 2 MB
    ],
    ids=["slow heads", "slow bodies", "ranges", "slow reading"],
)
def test_while_the_slow_attack_others_are_served_and_in_the_end_the_slow_are_gone(
    application: str, path: str, attack: list[str], count: int, tmp_path: Path
) -> None:
    (tmp_path / "slow_site.py").write_text(APPLICATION)
    metrics = free_port()
    options = [part for name in DEADLINES for part in (name, str(DEADLINE_SECONDS))]
    options += ["--threads", "2", "--no-access-log", "--metrics-bind", f"127.0.0.1:{metrics}"]

    def measured(what: re.Pattern[str]) -> int:
        found = what.search(get(f"http://127.0.0.1:{metrics}/metrics")[1])
        assert found is not None
        return int(found[1])

    with ServerProcess(f"slow_site:{application}", *options, app_dir=tmp_path) as server:
        command: list[str] = [str(tool("slowhttptest")), *attack, "-c", str(count), "-r", str(count)]
        command += ["-l", str(ATTACK_SECONDS), "-p", "5", "-v", "1", "-u", server.url + path]
        most, now, longest = 0, 0, 0.0
        with RunningCommand(command, ready=None) as attacker:
            while attacker.process.poll() is None and not (now == 0 and most > count * ALMOST_ALL):
                began = time.monotonic()
                assert get(server.url + "/")[0] == 200
                longest = max(longest, time.monotonic() - began)
                now = measured(CONNECTIONS)
                most = max(most, now)
                if attack[0] == "-H":
                    # The application has not heard of one of them; our own may just be leaving it.
                    assert measured(IN_FLIGHT) <= 1
            print(f"{attack[0]}: at most {most} connections; others waited at most {longest:.3f} s")
            assert longest < PROMPT_SECONDS
            # It was we who let go: either it had not had enough, or it says so.
            told = attacker.log_text()
            assert attacker.process.poll() is None or "No open connections left" in told, told
            wait_until(lambda: not kept_by_the_kernel(server.port), what="the kernel keeps nothing for them either")
        if attack[0] != "-R":  # those are answered
            assert most > count * ALMOST_ALL, told  # it was an attack
        wait_until(lambda: measured(CONNECTIONS) == 0, what="the server has nobody any more")


def kept_by_the_kernel(port: int) -> int:
    """How many connections of this port still want to be read."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(row[1].endswith(f":{port:04X}") and row[3] in {ESTABLISHED, *FIN_WAIT} for row in rows)
