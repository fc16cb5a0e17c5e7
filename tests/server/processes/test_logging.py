"""The server's own log in real processes: a standard error that nobody reads hurts nobody; JSON; what did not start."""

import codecs
import json
import os
import re
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from fixtures.load import get
from fixtures.servers import ServerProcess, free_port, wait_until

pytestmark = pytest.mark.process
APPLICATIONS = Path(__file__).parent
FAILURES = 300  # of two kilobytes each


class Reader:
    """The reader of a server's standard error, who reads when it is told to."""

    def __init__(self) -> None:
        self.reading, self.writing = os.pipe()
        self.received = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")()

    def read_until(self, pattern: str) -> re.Match[str]:
        match = wait_until(
            lambda: re.search(pattern, self.read()), what=f"{pattern!r} on standard error", every_seconds=0.001
        )
        assert match
        return match

    def read(self) -> str:
        """All that has come so far."""
        if select.select([self.reading], [], [], 0)[0]:
            self.received += self._decoder.decode(os.read(self.reading, 1 << 16))
        return self.received

    def fill(self) -> None:
        """Leave no room in the pipe."""
        filler = os.open(f"/dev/fd/{self.writing}", os.O_WRONLY | os.O_NONBLOCK)
        for size in (4096, 1):
            with suppress(BlockingIOError):
                while True:
                    os.write(filler, b"\n" * size)
        os.close(filler)


@pytest.fixture
def reader() -> Iterator[Reader]:
    reader = Reader()
    yield reader
    os.close(reader.reading)
    os.close(reader.writing)


def serve(reader: Reader, port: int, *options: str) -> ServerProcess:
    return ServerProcess(
        "applications:app",
        *options,
        bind=[f"127.0.0.1:{port}"],
        app_dir=APPLICATIONS,
        wait_ready=False,
        stderr=reader.writing,
    )


def test_a_standard_error_that_nobody_reads_stops_neither_worker_nor_master(reader: Reader) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with serve(reader, port, "--log-limit-octets", "65536", "--access-log-limit-octets", "65536") as server:
        reader.read_until("serving applications:app")
        reader.fill()

        (first,) = server.worker_pids()
        server.signal(signal.SIGTTIN)
        wait_until(lambda: len(server.worker_pids()) == 2, what="one worker more")
        server.signal(signal.SIGTTOU)
        wait_until(lambda: len(server.worker_pids()) == 1, what="one worker less")
        assert get(url + "/")[0] == 200
        server.signal(signal.SIGHUP)
        wait_until(lambda: first not in server.worker_pids(), what="the old worker's end")
        wait_until(lambda: len(server.worker_pids()) == 1, what="one worker")
        (worker,) = server.worker_pids()

        for _ in range(FAILURES):
            assert get(url + "/slow")[0] == 500  # a parameter is missing: a traceback goes to the log
        assert get(url + "/") == (200, str(worker))
        command = [sys.executable, "-m", "veche", "status", "--json"]
        environ = {**os.environ, "XDG_RUNTIME_DIR": str(server.runtime_folder)}
        status = json.loads(subprocess.run(command, env=environ, capture_output=True, timeout=20, check=True).stdout)
        assert [one["pid"] for one in status["workers"]] == [worker]

        missing = reader.read_until(r"WARNING entries are missing here: .* missing=(\d+)\n")
        assert len(re.findall("KeyError: 'seconds'", reader.received)) + int(missing[1]) == FAILURES
        assert int(missing[1]) > 0
        reader.read_until(f"(?s)asked to keep 2 workers.*HUP: reloading.*pid {worker}. is ready")

        reader.fill()
        server.signal(signal.SIGTERM)
        assert server.wait() == 0
        reader.read_until("asked to keep 2")


def test_the_limit_of_what_waits_is_the_settings(reader: Reader) -> None:
    port = free_port()
    with serve(reader, port, "--no-access-log", "--log-limit-octets", "10000000") as server:
        reader.read_until("serving applications:app")
        reader.fill()
        for _ in range(FAILURES):
            assert get(f"http://127.0.0.1:{port}/slow")[0] == 500
        server.signal(signal.SIGTERM)
        wait_until(lambda: reader.read().count("KeyError: 'seconds'") == FAILURES, what="all entries")
        assert "entries are missing" not in reader.received
        assert server.wait() == 0


def entries(log: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in log.splitlines()]


def test_every_line_of_master_and_workers_is_json_when_it_is_asked_for(reader: Reader) -> None:
    port = free_port()
    with serve(reader, port, "--log-format", "json", "--access-log-format", "json") as server:
        reader.read_until("serving applications:app")
        (first,) = server.worker_pids()
        assert get(f"http://127.0.0.1:{port}/slow")[0] == 500
        reader.read_until('(?s)KeyError.*"message":"request"')
        os.kill(first, signal.SIGKILL)
        reader.read_until("(?s)replacing it at once.*is ready")
        server.signal(signal.SIGTERM)
        assert server.wait() == 0
        reader.read_until("TERM: stopping")
    told = {str(entry["message"]): entry for entry in entries(reader.received)}
    failed = told["the application failed"]
    assert (failed["level"], failed["method"], failed["target"]) == ("ERROR", "GET", "/slow")
    assert "KeyError: 'seconds'" in str(failed["traceback"])
    (verdict,) = [entry for message, entry in told.items() if f"worker 1 (pid {first}) killed by signal 9" in message]
    assert verdict["level"] == "WARNING"
    assert verdict["advice"]
    assert told["request"]["target"] == "/slow"


@pytest.mark.parametrize(
    ("application", "code", "told"),
    [
        ("applications:nothing", 3, "applications:nothing: there is no 'nothing' in it"),
        ("applications:raises", 3, "startup broke"),
        ("applications:app", 1, "cannot be listened on|in use"),
    ],
)
def test_a_start_that_fails_is_told_as_json_too(reader: Reader, application: str, code: int, told: str) -> None:
    with ServerProcess("applications:app", app_dir=APPLICATIONS) as other:
        bind = [f"127.0.0.1:{other.port if code == 1 else 0}"]
        options = ("--log-format", "json")
        with ServerProcess(
            application, *options, bind=bind, app_dir=APPLICATIONS, wait_ready=False, stderr=reader.writing
        ) as server:
            assert server.wait() == code
            reader.read_until("\n")
    (entry,) = entries(reader.received)
    assert entry["level"] == "ERROR"
    assert re.search(told, str(entry["message"]))


def test_text_is_what_is_written_unless_json_is_asked_for(reader: Reader) -> None:
    with serve(reader, free_port()):
        assert re.match(r"\S+Z INFO worker 1 \(pid \d+\) is ready\n", reader.read_until("(?s).*ready\n")[0])


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize(
    ("application", "told"),
    [
        ("raises_surrogates", r"no file caf\\+udce9\.toml"),
        ("raises_a_megabyte", r"RuntimeError: it begins here.*left out here.*it ends here"),
        ("--factory broken_factory_at_length", r"LookupError: it begins here.*left out here.*it ends here"),
    ],
)
def test_a_failed_start_is_explained_whatever_its_text_holds(
    reader: Reader, application: str, told: str, form: str
) -> None:
    *options, name = application.split()
    options += ["--log-format", form]
    with ServerProcess(
        f"applications:{name}", *options, app_dir=APPLICATIONS, wait_ready=False, stderr=reader.writing
    ) as server:
        reader.read_until("(?s)ERROR.*" + told)
        assert server.wait() == 3
    assert "ended the process" not in reader.received
    assert len(reader.received) < 3_000_000


def test_a_folder_whose_name_is_no_utf_8_is_named_in_the_reason(reader: Reader, tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path) + b"/caf\xe9"
    os.mkdir(folder)
    with ServerProcess("nothing:app", app_dir=os.fsdecode(folder), wait_ready=False, stderr=reader.writing) as server:
        reader.read_until(r"ERROR there is no module 'nothing' in \S+caf\\+udce9")
        assert server.wait() == 3
