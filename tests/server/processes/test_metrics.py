"""Metrics on a bind of their own, for Prometheus: summed over all workers, dead ones included."""

import os
import re
import resource
import signal
import socket
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from fixtures.certificates import Authority
from fixtures.load import get
from fixtures.servers import ServerProcess, free_port, wait_until
from veche.server.processes.telling.metrics import metrics_text, respond
from veche.server.processes.telling.status import ServerStatus
from veche.server.scoreboard.counters import COUNTER_CELLS, DURATION_BOUNDS_SECONDS, Counter

HERE = Path(__file__).parent
SAMPLE = re.compile(r'([a-z_]+)(?:\{([a-z]+="[^"\\\n]*"(?:,[a-z]+="[^"\\\n]*")*)\})? (-?[0-9.e+-]+)')


def empty_server() -> ServerStatus:
    return ServerStatus(
        application="a:b",
        pid=1,
        stage="serving",
        addresses=(),
        seconds=1.0,
        workers_wanted=1,
        workers=(),
        totals={},
    )


def parse(text: str) -> dict[str, float]:
    """Every sample by its name and labels; each metric must have HELP and TYPE before it (format 0.0.4)."""
    values: dict[str, float] = {}
    described: set[str] = set()
    for line in text.splitlines():
        if line.startswith("# "):
            described.add(line.split()[2])
            continue
        match = SAMPLE.fullmatch(line)
        assert match is not None, line
        name, labels, value = match.groups()
        assert name in described or re.sub("_(bucket|sum|count)$", "", name) in described, line
        values[f"{name}{{{labels}}}" if labels else name] = float(value)
    return values


def test_buckets_are_cumulative_and_the_last_is_the_count() -> None:
    totals = [0] * COUNTER_CELLS
    totals[Counter.DURATION_BUCKETS] = 3
    totals[Counter.DURATION_BUCKETS + len(DURATION_BOUNDS_SECONDS)] = 2
    totals[Counter.DURATION_MICROSECONDS] = 1_500_000
    values = parse(metrics_text(empty_server(), totals, 1, {"fault": 2}))
    name = "veche_request_duration_seconds"
    buckets = [value for key, value in values.items() if key.startswith(f"{name}_bucket")]
    assert buckets == [3.0] * len(DURATION_BOUNDS_SECONDS) + [5.0]
    assert values[f'{name}_bucket{{le="+Inf"}}'] == values[f"{name}_count"] == 5
    assert values[f"{name}_sum"] == 1.5
    assert values['veche_worker_ends_total{verdict="fault"}'] == 2


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        (b"GET /metrics HTTP/1.1", 200),
        (b"GET /metrics?name=x HTTP/1.0", 200),
        (b"GET / HTTP/1.1", 404),
        (b"POST /metrics HTTP/1.1", 405),
        (b"PRI * HTTP/2.0", 400),
        (b"nonsense", 400),
    ],
)
def test_only_metrics_are_told(request_line: bytes, status: int) -> None:
    response = respond(request_line + b"\r\nhost: x\r\n\r\n", "text\n")
    assert int(response.split()[1]) == status
    head, _, body = response.partition(b"\r\n\r\n")
    assert b"content-length: %d" % len(body) in head


def test_head_has_the_length_and_no_body() -> None:
    response = respond(b"HEAD /metrics HTTP/1.1\r\n\r\n", "text\n")
    assert response.endswith(b"\r\n\r\n")
    assert b"content-length: 5\r\n" in response


class Measured:
    """A server with metrics."""

    def __init__(
        self,
        application: str = "applications:app",
        *options: str,
        workers: int = 1,
        bind: Sequence[str] = ("127.0.0.1:0",),
    ) -> None:
        self.port = free_port()
        metrics = ("--metrics-bind", f"127.0.0.1:{self.port}")
        self.server = ServerProcess(application, *metrics, *options, workers=workers, bind=bind, app_dir=HERE)

    def values(self) -> dict[str, float]:
        status, text = get(f"http://127.0.0.1:{self.port}/metrics")
        assert status == 200
        return parse(text)


@pytest.mark.process
def test_what_dead_workers_counted_is_not_lost() -> None:
    measured = Measured("applications:app", "--no-access-log", workers=2)
    answered = 'veche_requests_total{status="2xx"}'  # counted once the answer is written: a client may be quicker
    with measured.server as server:
        for _ in range(20):
            assert get(server.url)[0] == 200
        wait_until(lambda: measured.values()[answered] == 20, what="all of them in the metrics")
        for pid in server.worker_pids():
            os.kill(pid, signal.SIGKILL)
        server.wait_for_log("worker 3 .* is ready")
        server.wait_for_log("worker 4 .* is ready")
        assert get(server.url)[0] == 200
        wait_until(lambda: measured.values()[answered] == 21, what="one more")
        values = measured.values()
    assert values["veche_request_duration_seconds_count"] == 21
    assert 0 < values["veche_request_duration_seconds_sum"] < 10
    assert values["veche_response_body_bytes_total"] >= 21
    assert values["veche_connections_total"] == 21
    assert values["veche_worker_starts_total"] == 4
    assert values['veche_worker_ends_total{verdict="killed-from-outside"}'] == 2
    assert values['veche_workers{state="serving"}'] == 2
    resident = [value for name, value in values.items() if name.startswith("veche_worker_resident_memory_bytes")]
    assert len(resident) == 2
    assert min(resident) > 1 << 20


@pytest.mark.process
def test_handshakes_that_fail_are_counted_by_reason_over_all_workers_dead_ones_included(tmp_path: Path) -> None:
    certificate, key = Authority(tmp_path).issue("localhost")
    measured = Measured(
        "applications:app", "--tls-certificate", certificate, "--tls-key", key, bind=["https://127.0.0.1:0"]
    )
    name = 'veche_handshakes_failed_total{handshake="tls",reason="not_tls"}'
    with measured.server as server:
        url = f"http://{server.addresses[0].partition('://')[2]}"
        assert measured.values()[name] == 0
        with pytest.raises(OSError):
            get(url)
        wait_until(lambda: measured.values()[name] == 1, what="the failure in the metrics")
        told = server.wait_for_log("INFO TLS handshake failed: what came was no TLS.*\n")[0]
        assert "reason=not_tls peer=127.0.0.1:" in told
        assert told.endswith("times=1 detail=HTTP_REQUEST\n")
        os.kill(server.worker_pids()[0], signal.SIGKILL)
        server.wait_for_log("worker 2 .* is ready")
        with pytest.raises(OSError):
            get(url)
        wait_until(lambda: measured.values()[name] == 2, what="both failures in the metrics")


@pytest.mark.process
def test_the_access_log_is_written_beside_the_metrics() -> None:
    measured = Measured()
    with measured.server as server:
        assert get(f"{server.url}/seen")[0] == 200
        server.wait_for_log("/seen")
        wait_until(lambda: measured.values()['veche_requests_total{status="2xx"}'] == 1, what="it in the metrics")


@pytest.mark.process
def test_a_slow_application_is_seen_in_the_histogram_and_one_over_its_time_as_5xx() -> None:
    measured = Measured("stalling:app", "--request-seconds", "0.4")
    with measured.server as server:
        assert get(f"{server.url}/waits")[0] == 504
        wait_until(lambda: measured.values()['veche_requests_total{status="5xx"}'], what="it in the metrics")
        values = measured.values()
    assert values['veche_requests_total{status="5xx"}'] == 1
    assert values["veche_requests_overdue_total"] == 1
    assert values['veche_request_duration_seconds_bucket{le="0.25"}'] == 0
    assert values['veche_request_duration_seconds_bucket{le="10"}'] == 1


@pytest.mark.process
def test_silent_clients_are_counted_and_cost_no_worker() -> None:
    measured = Measured("applications:app", "--head-timeout-seconds", "2")  # one must begin in time
    with measured.server as server:
        before = server.worker_pids()
        with (
            socket.create_connection(("127.0.0.1", server.port)) as silent,
            socket.create_connection(("127.0.0.1", server.port)) as slow,
        ):
            slow.sendall(b"GET / HT")
            for connection in (silent, slow):
                connection.settimeout(20)
            assert silent.recv(1000) == b""
            assert b" 408 " in slow.recv(1000)
        wait_until(lambda: measured.values()["veche_silent_clients_total"] == 2, what="both counted")
        assert server.worker_pids() == before
        server.wait_for_log("DEBUG a client sent nothing in time: let go client=127.0.0.1:")
        server.wait_for_log("DEBUG a client did not send the head of its request in time: let go")


@pytest.mark.process
def test_a_master_without_descriptors_waits_for_them_and_then_answers_who_has_waited() -> None:
    measured = Measured()
    with measured.server as server:
        wait_until(lambda: measured.values(), what="metrics")
        soft, hard = resource.prlimit(server.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (3, hard))  # it has more already, and gets no other
        with socket.create_connection(("127.0.0.1", measured.port)) as scraper:
            scraper.settimeout(20)
            scraper.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
            server.wait_for_log("nobody can be answered now: Too many open files")
            before = processor_seconds(server.pid)
            threading.Event().wait(3.0)  # several tries
            assert processor_seconds(server.pid) - before < 0.3
            assert get(server.url)[0] == 200  # the workers have descriptors of their own
            assert server.log_text().count("nobody can be answered now") == 1
            resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (soft, hard))
            assert scraper.recv(1000).startswith(b"HTTP/1.1 200 ")
        assert measured.values()["veche_worker_starts_total"] == 1


@pytest.mark.process
def test_a_master_without_descriptors_for_its_control_socket_waits_too() -> None:
    with ServerProcess("applications:app", app_dir=HERE) as server:
        [path] = (server.runtime_folder / "veche").glob("*.sock")
        soft, hard = resource.prlimit(server.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (3, hard))
        with socket.socket(socket.AF_UNIX) as asker:
            asker.settimeout(20)
            asker.connect(str(path))
            asker.sendall(b"status\n")
            server.wait_for_log("nobody can be answered now")
            before = processor_seconds(server.pid)
            threading.Event().wait(2.0)
            assert processor_seconds(server.pid) - before < 0.3
            resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (soft, hard))
            assert b"applications:app" in asker.recv(1 << 16)


@pytest.mark.process
@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTTIN])
def test_a_master_without_descriptors_cannot_start_a_worker_and_serves_on(number: signal.Signals) -> None:
    with ServerProcess("applications:app", app_dir=HERE) as server:
        soft, hard = resource.prlimit(server.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (3, hard))
        server.signal(number)
        server.wait_for_log(r"no worker can be started \(.*Too many open files.*; the next try is in")
        assert get(server.url)[0] == 200
        resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (soft, hard))
        server.signal(number)
        server.wait_for_log("worker [23] .* is ready")


def processor_seconds(pid: int) -> float:
    """What the process has used of processors so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.process
def test_scrapers_who_say_nothing_or_read_nothing_do_not_hurt_the_master() -> None:
    measured = Measured()
    with measured.server as server:
        wait_until(lambda: measured.values(), what="metrics")
        scrapers = []
        for number in range(20):
            scraper = socket.create_connection(("127.0.0.1", measured.port))
            if number % 2:
                scraper.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
            scrapers.append(scraper)
        os.kill(server.worker_pids()[0], signal.SIGKILL)
        server.wait_for_log("worker 2 .* is ready")  # the master turns
        assert measured.values()["veche_worker_starts_total"] == 2
        for scraper in scrapers:
            with suppress(OSError):
                scraper.close()


@pytest.mark.process
def test_a_reload_keeps_the_counters_and_a_new_master_begins_at_0() -> None:
    answered = 'veche_requests_total{status="2xx"}'
    measured = Measured("applications:app", "--drain-seconds", "5")
    with measured.server as server:
        for _ in range(3):
            assert get(server.url)[0] == 200
        server.signal(signal.SIGHUP)
        server.wait_for_log("INFO reloaded")
        wait_until(lambda: measured.values()[answered] == 3, what="what the old worker counted")
        server.signal(signal.SIGUSR2)
        successor = int(server.wait_for_log(r"the new master \(pid (\d+)\) serves")[1])
        try:
            server.wait()  # the old master has gone, and with it its address
            wait_until(lambda: not refused(measured.port), what="the new master's metrics")
            assert measured.values()[answered] == 0
            assert get(server.url)[0] == 200
            wait_until(lambda: measured.values()[answered] == 1, what="what the new one counted")
        finally:
            os.kill(successor, signal.SIGTERM)
            wait_until(lambda: refused(server.port), what="the end of the new master")
        log = server.log_text()
    # Nobody is told to stop the old master: it has the address by design.
    assert f"INFO metrics: the old master (pid {server.pid}) still has 127.0.0.1:{measured.port}; the address" in log
    assert "WARNING" not in log


@pytest.mark.process
def test_an_address_that_is_taken_is_waited_for() -> None:
    measured = Measured()
    with socket.create_server(("127.0.0.1", measured.port)) as taken, measured.server as server:
        server.wait_for_log("no metrics yet: .*it is tried again each second")
        taken.close()
        wait_until(lambda: not refused(measured.port), what="it is taken over")
        assert measured.values()['veche_workers{state="serving"}'] == 1


@pytest.mark.process
def test_an_address_that_is_none_ends_the_start() -> None:
    options = ("--metrics-bind", "127.0.0.1:8000x")
    with ServerProcess("applications:app", *options, app_dir=HERE, wait_ready=False) as server:
        assert server.wait() == 1
        (entry,) = server.log_text().splitlines()
    assert entry.startswith(
        "Error: --metrics-bind (VECHE_METRICS_BIND): bind address '127.0.0.1:8000x' has no host and port (0 to 65535); "
        "write HOST:PORT"
    )


def refused(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except OSError:
        return True
    return False


@pytest.mark.process
def test_nothing_is_told_unless_it_is_asked_for() -> None:
    with ServerProcess("applications:app", app_dir=HERE) as server:
        listening = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        inodes = {row[9] for row in listening if row[3] == "0A"}
        held = []
        for entry in os.scandir(f"/proc/{server.pid}/fd"):
            with suppress(FileNotFoundError):  # one that is closed just now
                held.append(os.readlink(entry.path))
        assert sum(f"socket:[{inode}]" in held for inode in inodes) == 1
