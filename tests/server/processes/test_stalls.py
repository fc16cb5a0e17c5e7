"""A blocked loop costs the worker, and the log says which request blocked it and where."""

import os
import re
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect as websocket

from fixtures.load import get
from fixtures.servers import ServerProcess, wait_until
from veche.server.inspection import ask

pytestmark = pytest.mark.process
HERE = Path(__file__).parent


def serve(*options: str, workers: int = 1) -> ServerProcess:
    return ServerProcess("stalling:app", "--loop-stall-seconds", "0.5", *options, workers=workers, app_dir=HERE)


def ask_in_vain(url: str) -> threading.Thread:
    """A request that will not be answered."""

    def ask() -> None:
        with pytest.raises(OSError):
            get(url)

    thread = threading.Thread(target=ask)
    thread.start()
    return thread


@pytest.mark.parametrize("way", ["python", "c_without_the_gil", "c_with_the_gil"])
def test_a_blocked_loop_is_named_with_its_request_and_its_stack_and_is_replaced(way: str) -> None:
    with serve() as server:
        [before] = server.worker_pids()
        asking = ask_in_vain(f"{server.url}/{way}?seconds=60")
        server.wait_for_log("stands still")
        server.wait_for_log("worker 2 .* is ready")
        assert get(server.url)[0] == 200
        asking.join(20)
        log = server.wait_for_log(
            r"worker 1 .* killed by signal 9 \(SIGKILL\) by us: its event loop stood still for \d+\.\d s"
        ).string
        assert before not in server.worker_pids()
    assert re.search(rf"\| +GET /{way}\?seconds=60 from 127\.0\.0\.1:\d+, running for [0-9.]+ s", log)
    assert re.search(rf'\| +File "{HERE}/stalling.py", line \d+ in {way}', log)
    assert ("Task 'request' runs now" in log) == (way != "c_with_the_gil")  # Python is asked where it can answer


def test_a_worker_whose_very_first_request_blocks_it_is_found_too() -> None:
    with serve() as server:
        first = ask_in_vain(f"{server.url}/python?seconds=60")
        server.wait_for_log("stands still")
        second = ask_in_vain(f"{server.url}/python?seconds=61")  # waits in the queue; worker 2 finds it as it opens
        server.wait_for_log(r"worker 2 .* killed by signal 9 \(SIGKILL\) by us: its event loop stood still")
        server.wait_for_log("worker 3 .* is ready")
        first.join(20)
        second.join(20)


@pytest.mark.parametrize("target", ["/python?seconds=60", "/later?seconds=60", "/chat"])
def test_the_request_that_blocks_stands_first_however_many_wait(target: str) -> None:
    with serve() as server, ThreadPoolExecutor(max_workers=30) as pool:
        waiting = [pool.submit(suppressed_get, f"{server.url}/waits?{number}") for number in range(25)]
        wait_until(lambda: server.log_text().count("it waits now") == 25, what="all wait")
        if target == "/chat":
            asking = pool.submit(suppressed_chat, server.url.replace("http", "ws", 1) + target)
        else:
            asking = pool.submit(suppressed_get, server.url + target)
        log = server.wait_for_log(r"(?s)In the loop's thread then:.*Besides, the longest first:.* more\n").string
        for each in [*waiting, asking]:
            each.result(20)
    lines = [line.partition("| ")[2].strip() for line in log.splitlines()]
    first = lines.index("In the loop's thread then:") + 1
    assert lines[first].startswith(f"GET {target} from 127.0.0.1:"), lines[first]
    others = lines[first + 2 : lines.index("and 5 more")]
    assert [line.split()[1].partition("?")[0] for line in others] == ["/waits"] * 20


def test_when_c_code_holds_the_gil_the_newest_requests_are_named_first() -> None:
    with serve() as server, ThreadPoolExecutor(max_workers=30) as pool:
        waiting = [pool.submit(suppressed_get, f"{server.url}/waits?{number}") for number in range(25)]
        wait_until(lambda: server.log_text().count("it waits now") == 25, what="all wait")
        wait_until(lambda: youngest_seconds(server) > 2.5, what="they are older than whoever comes")
        asking = pool.submit(suppressed_get, f"{server.url}/c_with_the_gil?seconds=60")
        log = server.wait_for_log(r"(?s)which of them ran is not known.*and 6 more\n").string
        for each in [*waiting, asking]:
            each.result(20)
    lines = [line.partition("| ")[2].strip() for line in log.splitlines()]
    first = next(number for number, line in enumerate(lines) if "which of them ran is not known" in line) + 1
    assert lines[first].startswith("GET /c_with_the_gil?seconds=60 from")


def suppressed_get(url: str) -> None:
    with suppress(OSError):
        get(url)


def suppressed_chat(url: str) -> None:
    with suppress(OSError, ConnectionClosed), websocket(url) as connection:
        connection.send("block")
        connection.recv(timeout=30)


def youngest_seconds(server: ServerProcess) -> float:
    [path] = (server.runtime_folder / "veche").glob("*.sock")
    [worker] = ask(path).workers
    return min(request.seconds for request in worker.requests_running)


def test_tasks_that_only_wait_are_told_too() -> None:
    with serve() as server:
        waiting = ask_in_vain(f"{server.url}/waits")
        server.wait_for_log("it waits now")
        asking = ask_in_vain(f"{server.url}/python?seconds=60")
        log = server.wait_for_log(r"(?s)killed by signal 9.*Task 'request' waits.*\n").string
        waiting.join(20)
        asking.join(20)
    assert re.search(r"GET /waits from \S+, running for", log)
    assert re.search(r'File ".*stalling.py", line \d+, in waits', log)


def test_a_loop_that_goes_on_in_time_costs_nothing() -> None:
    with ServerProcess("stalling:app", "--loop-stall-seconds", "5", app_dir=HERE) as server:
        before = server.worker_pids()
        assert get(f"{server.url}/python?seconds=1.5")[0] == 200
        assert server.worker_pids() == before
        assert "stands still" not in server.log_text()


def test_nobody_is_judged_while_developing() -> None:  # a breakpoint holds the loop
    with serve("--reload") as server:
        assert get(f"{server.url}/python?seconds=3")[0] == 200
        assert "stands still" not in server.log_text()


def test_a_whole_group_that_was_stopped_and_goes_on_is_not_judged() -> None:  # Ctrl-Z and fg
    with serve() as server:
        before = server.worker_pids()
        server.signal_group(signal.SIGSTOP)
        wait_until(lambda: state(before[0]) == "T", what="stopped")
        threading.Event().wait(2.5)  # longer than loop_stall_seconds and its confirmation
        server.signal_group(signal.SIGCONT)
        assert get(server.url)[0] == 200
        threading.Event().wait(2.5)
        assert server.worker_pids() == before
        assert "stands still" not in server.log_text()


def state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def test_a_worker_that_is_stopped_alone_is_replaced() -> None:
    with serve() as server:
        [pid] = server.worker_pids()
        os.kill(pid, signal.SIGSTOP)
        server.wait_for_log("stands still")
        server.wait_for_log(r"stood still for \d+\.\d s \(it is stopped: somebody sent it SIGSTOP\)")
        server.wait_for_log("kill -CONT")
        server.wait_for_log("worker 2 .* is ready")
        assert get(server.url)[0] == 200


def test_an_import_that_hangs_shows_where() -> None:
    with ServerProcess("hangs_at_import:app", "--startup-seconds", "8", app_dir=HERE, wait_ready=False) as server:
        assert server.wait() == 3
        log = server.log_text()
    assert "it was not ready within startup_seconds (8 s)" in log
    assert re.search(r'File ".*hangs_at_import.py", line \d+ in <module>', log)


def test_a_request_over_its_time_is_cancelled_and_named_and_the_worker_stays() -> None:
    with ServerProcess("stalling:app", "--request-seconds", "0.5", app_dir=HERE) as server:
        before = server.worker_pids()
        assert get(f"{server.url}/waits?x=1")[0] == 504
        log = server.wait_for_log(
            r"(?s)GET /waits\?x=1 from .* took [\d.]+ s: answered 504.*asyncio.sleep\(3600\)"
        ).string
        assert re.search(r'File ".*stalling.py", line \d+, in waits', log)
        assert server.worker_pids() == before
        assert get(server.url)[0] == 200


def test_a_fault_in_c_code_names_the_request() -> None:
    with serve() as server:
        ask_in_vain(f"{server.url}/fault").join(20)
        log = server.wait_for_log(r"(?s)killed by signal 11 \(SIGSEGV\); not by us.*stalling.py.*\n").string
    assert re.search(r"GET /fault from 127\.0\.0\.1:\d+, running", log)
    assert re.search(r'File ".*stalling.py", line \d+ in fault', log)
