"""Under load, whatever restarts: every request of which an octet reached us is answered, counted on both sides."""

import os
import re
import signal
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fixtures.certificates import Authority
from fixtures.counted_http2_load import CountedHttp2Load, Target
from fixtures.counted_load import Counted, CountedLoad
from fixtures.servers import ServerProcess, children, gone, wait_until

pytestmark = pytest.mark.process
HERE = Path(__file__).parent


@contextmanager
def loaded(
    tmp_path: Path, *options: str, application: str = "app", workers: int = 2
) -> Iterator[tuple[ServerProcess, CountedLoad, Path]]:
    """A server under every kind of load, and the file in which its application counts."""
    executed = tmp_path / "executed"
    executed.touch()
    server = ServerProcess(
        f"applications:{application}",
        "--no-access-log",
        *options,
        workers=workers,
        app_dir=HERE,
        env={"COUNT_FILE": str(executed)},
    )
    with server, CountedLoad(server.port) as load:
        more(load, 300)
        yield server, load, executed


def more(load: Counted, count: int) -> None:
    before = load.count
    wait_until(lambda: load.count >= before + count, what=f"{count} more answers", seconds=60)


def all_gone(pids: Iterable[int]) -> bool:
    return all(gone(pid) for pid in pids)


def wait_for_generation(server: ServerProcess, load: Counted, before: list[int], count: int = 2) -> None:
    """Return when none of those before is left, and their `count` successors have all answered."""
    wait_until(lambda: all_gone(before), what="the old workers gone", seconds=60)
    wait_until(lambda: len(server.worker_pids()) == count, what=f"{count} workers", seconds=60)
    newcomers = {str(pid) for pid in server.worker_pids()}
    wait_until(lambda: newcomers <= set(load.workers), what="answers of each newcomer", seconds=60)


def test_hup_loses_nothing(tmp_path: Path) -> None:
    with loaded(tmp_path) as (server, load, executed):
        for _ in range(2):
            before = server.worker_pids()
            server.signal(signal.SIGHUP)
            wait_for_generation(server, load, before)
    load.assert_nothing_lost(executed)


def test_ttin_and_ttou_lose_nothing(tmp_path: Path) -> None:
    with loaded(tmp_path) as (server, load, executed):
        server.signal(signal.SIGTTIN)
        wait_until(lambda: len(load.workers) == 3, what="answers of the third worker", seconds=60)
        for left in (2, 1):
            leaver = server.worker_pids()[-1]
            server.signal(signal.SIGTTOU)
            wait_until(lambda: gone(leaver), what="one worker less", seconds=60)  # noqa: B023  called here only
            assert len(server.worker_pids()) == left
        more(load, 100)
    load.assert_nothing_lost(executed)


def test_term_loses_nothing_of_what_was_connected(tmp_path: Path) -> None:
    with loaded(tmp_path) as (server, load, executed):
        server.signal(signal.SIGTERM)
        assert server.wait(seconds=60) == 0
        wait_until(lambda: load.refused, what="newcomers refused")
    load.assert_nothing_lost(executed, server_ended=True)


def test_kill_9_loses_only_what_that_worker_had_accepted(tmp_path: Path) -> None:
    with loaded(tmp_path) as (server, load, executed):
        wait_until(lambda: len(load.workers) == 2, what="answers of both workers")
        victim, _ = server.worker_pids()
        os.kill(victim, signal.SIGKILL)
        server.wait_for_log("worker 3 .* is ready", seconds=60)
        newcomer = server.worker_pids()[-1]
        wait_until(lambda: str(newcomer) in load.workers, what="answers of the replacement", seconds=60)
        more(load, 300)
    assert set(load.lost_by) <= {str(victim), ""}, load.lost_by  # "": a connection that nobody had answered on yet
    assert len(load.lost) <= 18  # what 13 clients may have had under way, four of each that pipelines
    assert load.refused == 0
    counted = Counter(int(line) for line in executed.read_text().split())
    assert set(load.answered) | set(load.lost) == load.sent
    assert max(counted.values()) == max(load.answered.values()) == 1
    assert set(load.answered) <= set(counted)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--recycle-requests", "400"), r"it has taken \d+ requests"),
        (("--recycle-seconds", "1.5"), r"it has served for \d+ s"),
        (("--recycle-rss-octets", "1000"), r"it holds \d+ MiB of memory"),
    ],
)
def test_recycling_loses_nothing(tmp_path: Path, options: tuple[str, ...], reason: str) -> None:
    with loaded(tmp_path, *options, "--recycle-jitter", "1") as (server, load, executed):
        before = server.worker_pids()
        wait_until(lambda: all_gone(before), what="two workers recycled", seconds=60)
    load.assert_nothing_lost(executed)
    assert re.search(rf"worker \d+ \(pid {before[0]}\) is replaced: {reason}", server.log_text())


def test_usr2_puts_a_new_master_in_our_place_and_loses_nothing(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    with loaded(tmp_path, "--pid-file", str(pid_file)) as (server, load, executed):
        assert int(pid_file.read_text()) == server.pid
        server.signal(signal.SIGUSR2)
        new = int(server.wait_for_log(r"the new master \(pid (\d+)\) serves", seconds=60)[1])
        try:
            assert int(pid_file.read_text()) == new
            assert server.wait(seconds=60) == 0
            assert int(pid_file.read_text()) == new
            newcomers = {str(pid) for pid in children(new)}
            assert len(newcomers) == 2
            wait_until(lambda: newcomers <= set(load.workers), what="answers of each newcomer", seconds=60)
        finally:
            os.kill(new, signal.SIGTERM)
        wait_until(lambda: gone(new), what="the new master gone", seconds=60)
        assert not pid_file.exists()
    load.assert_nothing_lost(executed, server_ended=True)


# The same of a WSGI application whose requests wait for one of two threads.


def test_what_waits_for_a_wsgi_thread_outlives_hup_ttin_ttou_and_usr2(tmp_path: Path) -> None:
    with loaded(tmp_path, "--threads", "2", application="wsgi_counted") as (server, load, executed):
        before = server.worker_pids()
        server.signal(signal.SIGHUP)
        wait_for_generation(server, load, before)
        server.signal(signal.SIGTTIN)
        wait_for_generation(server, load, [], count=3)
        leaver = server.worker_pids()[-1]
        server.signal(signal.SIGTTOU)
        wait_until(lambda: gone(leaver), what="one worker less", seconds=60)
        server.signal(signal.SIGUSR2)
        new = int(server.wait_for_log(r"the new master \(pid (\d+)\) serves", seconds=60)[1])
        try:
            assert server.wait(seconds=60) == 0
            newcomers = {str(pid) for pid in children(new)}
            wait_until(lambda: newcomers <= set(load.workers), what="answers of each newcomer", seconds=60)
        finally:
            os.kill(new, signal.SIGTERM)  # under load, too
        wait_until(lambda: gone(new), what="the new master gone", seconds=60)
    load.assert_nothing_lost(executed, server_ended=True)


def test_what_waits_for_a_wsgi_thread_outlives_recycling(tmp_path: Path) -> None:
    options = ("--threads", "2", "--recycle-requests", "300", "--recycle-jitter", "1")
    with loaded(tmp_path, *options, application="wsgi_counted") as (server, load, executed):
        before = server.worker_pids()
        wait_until(lambda: all_gone(before), what="two workers recycled", seconds=60)
        more(load, 100)
    load.assert_nothing_lost(executed)
    assert re.search(rf"worker \d+ \(pid {before[0]}\) is replaced: it has taken \d+ requests", server.log_text())


# The same in HTTP/2, by prior knowledge and over TLS: what is not answered was told by GOAWAY (RFC 9113 §6.8).


@contextmanager
def loaded_in_http2(tmp_path: Path, *options: str) -> Iterator[tuple[ServerProcess, CountedHttp2Load, Path]]:
    executed = tmp_path / "executed"
    executed.touch()
    authority = Authority(tmp_path)
    certificate, key = authority.issue("localhost")
    context = authority.client()
    context.set_alpn_protocols(["h2"])
    server = ServerProcess(
        "applications:app",
        *("--no-access-log", "--tls-certificate", certificate, "--tls-key", key, *options),
        workers=2,
        bind=["127.0.0.1:0", "https://127.0.0.1:0"],
        app_dir=HERE,
        env={"COUNT_FILE": str(executed)},
    )
    with server:
        ports = [int(address.rpartition(":")[2]) for address in server.addresses]
        with CountedHttp2Load([Target(ports[0]), Target(ports[1], context)]) as load:
            more(load, 100)
            yield server, load, executed
    assert load.ends["GOAWAY"] > 2, load.ends  # connections were ended under their clients


def test_hup_loses_no_stream(tmp_path: Path) -> None:
    with loaded_in_http2(tmp_path) as (server, load, executed):
        before = server.worker_pids()
        server.signal(signal.SIGHUP)
        wait_for_generation(server, load, before)
    load.assert_nothing_lost(executed)


def test_recycling_loses_no_stream(tmp_path: Path) -> None:
    with loaded_in_http2(tmp_path, "--recycle-requests", "150", "--recycle-jitter", "1") as (server, load, executed):
        before = server.worker_pids()
        wait_until(lambda: all_gone(before), what="two workers recycled", seconds=60)
        more(load, 100)
    load.assert_nothing_lost(executed)


def test_usr2_loses_no_stream(tmp_path: Path) -> None:
    with loaded_in_http2(tmp_path) as (server, load, executed):
        server.signal(signal.SIGUSR2)
        new = int(server.wait_for_log(r"the new master \(pid (\d+)\) serves", seconds=60)[1])
        try:
            assert server.wait(seconds=60) == 0
            newcomers = {str(pid) for pid in children(new)}
            wait_until(lambda: newcomers <= set(load.workers), what="answers of each newcomer", seconds=60)
        finally:
            os.kill(new, signal.SIGTERM)
        wait_until(lambda: gone(new), what="the new master gone", seconds=60)
    load.assert_nothing_lost(executed, server_ended=True)
