"""WSGI requests that never end: 504, the thread is named with its stack, the worker is replaced when few are left."""

import re
from pathlib import Path

import pytest

from fixtures.load import get
from fixtures.servers import ServerProcess

pytestmark = pytest.mark.process
HERE = Path(__file__).parent


def serve(*options: str) -> ServerProcess:
    # Those who are answered must not be late either, on a machine that stalls.
    return ServerProcess("stalling:wsgi", "--request-seconds", "2", "--drain-seconds", "0.2", *options, app_dir=HERE)


def test_a_lost_thread_is_named_with_its_stack_and_the_worker_serves_on() -> None:
    with serve("--threads", "4", "--lost-threads-limit", "2") as server:
        before = server.worker_pids()
        assert get(f"{server.url}/hangs?x=1")[0] == 504
        log = server.wait_for_log(r"(?s)GET /hangs\?x=1 from \S+ took .*its thread is lost \(1 of 4\).*in hangs").string
        assert re.search(r'File ".*stalling.py", line \d+, in hangs', log)
        assert get(server.url)[0] == 200
        assert server.worker_pids() == before


def test_a_worker_with_too_few_threads_is_replaced_and_nobody_is_refused() -> None:
    with serve("--threads", "4", "--lost-threads-limit", "1") as server:
        [before] = server.worker_pids()
        for _ in range(2):
            assert get(f"{server.url}/hangs")[0] == 504
        server.wait_for_log("2 of 4 threads are lost: the worker is being replaced")
        assert get(server.url)[0] == 200
        log = server.wait_for_log("the worn-out workers are replaced").string
        assert log.index("worker 2 ") < log.index("the worn-out workers are replaced")  # make before break
        assert get(server.url)[0] == 200
        assert server.worker_pids()[-1] != before
