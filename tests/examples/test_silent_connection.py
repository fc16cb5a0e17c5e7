"""A connection that says nothing: gunicorn's "[CRITICAL] WORKER TIMEOUT", and the same application on our server.

gunicorn's sync worker beats only between connections and waits for the first octet without a deadline, so a browser's
speculative connection (or `nc host port`) stops the worker until the master kills it (docs/design.md; gunicorn #1801,
#2797). On ours a connection reaches an application only with a complete request head.
"""

import select
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from fixtures.example_sites import example, url_of
from fixtures.servers import RunningCommand
from veche.server.inspection import ask

pytestmark = pytest.mark.peers

ENV = {"FLASK_SECRET_KEY": "any"}
TIMEOUT_SECONDS = 2


@contextmanager
def silent_connection(server: RunningCommand) -> Iterator[socket.socket]:
    """A connection of a client that never sends anything."""
    url = httpx.URL(url_of(server))
    assert url.port is not None
    with socket.create_connection((url.host, url.port), timeout=10) as silent:
        yield silent


def test_it_stops_gunicorns_sync_worker_until_the_master_kills_it() -> None:
    with example("gunicorn", "flask_login", "app:app", "--timeout", str(TIMEOUT_SECONDS), env=ENV) as server:
        url = url_of(server)
        assert httpx.get(url).status_code == 200
        before = server.child_pids()
        began = time.monotonic()
        with silent_connection(server):
            # Somebody else waits behind the silent one, and is answered by the worker that replaced the killed one.
            assert httpx.get(url, timeout=30).status_code == 200
            assert time.monotonic() - began > TIMEOUT_SECONDS / 2
            server.wait_for_log(r"\[CRITICAL\] WORKER TIMEOUT")
        assert set(server.child_pids()).isdisjoint(before)


@pytest.mark.parametrize("beginning", [b"", b"GET / HT"], ids=["nothing", "half a request line"])
def test_our_worker_serves_on_and_is_not_replaced(beginning: bytes, tmp_path: Path) -> None:
    options = ("--head-timeout-seconds", str(2 * TIMEOUT_SECONDS), "--control-socket", str(tmp_path / "control"))
    with example("veche", "flask_login", "app:app", *options, env=ENV) as server:
        url, before = url_of(server), server.child_pids()
        with silent_connection(server) as silent:
            silent.sendall(beginning)
            answers = []
            while not select.select([silent], [], [], 0)[0]:  # until its own deadline: 408 or nothing, then the end
                answers.append(httpx.get(url).status_code)
            assert answers == [200] * len(answers)
            assert len(answers) > 2  # behind a blocked worker there would be one, at the end
            assert httpx.get(url).status_code == 200
        assert server.child_pids() == before
        assert "TIMEOUT" not in server.log_text()
        told = ask(tmp_path / "control")  # what `veche doctor` tells: a silent client is counted, and is no verdict
        assert told.totals["silent_clients"] == 1
        assert told.verdicts == ()
