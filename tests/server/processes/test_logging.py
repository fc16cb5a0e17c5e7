"""The server's own log in real processes: a standard error that nobody reads hurts nobody; JSON; what did not start."""

import codecs
import json
import os
import re
import select
import signal
import subprocess
import sys
import tty
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from fixtures.load import get
from fixtures.servers import RunningCommand, ServerProcess, free_port, wait_until
from veche.server.access_log_file import check_access_log_file
from veche.server.errors import ServerError

pytestmark = pytest.mark.process
APPLICATIONS = Path(__file__).parent
NOBODY = 65534
FAILURES = 200  # of 600 octets each: more than the limit that is set, less than the default


class Reader:
    """The reader of a server's standard error, who reads when it is told to."""

    def __init__(self, ends: tuple[int, int]) -> None:
        self.reading, self.writing = ends
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
        """Leave no room in it."""
        filler = os.open(f"/dev/fd/{self.writing}", os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY)
        for size in (4096, 1):
            with suppress(BlockingIOError):
                while True:
                    os.write(filler, b"\n" * size)
        os.close(filler)


@pytest.fixture
def reader() -> Iterator[Reader]:
    reader = Reader(os.pipe())
    yield reader
    os.close(reader.reading)
    os.close(reader.writing)


@pytest.fixture
def person() -> Iterator[Reader]:
    """Who sits before a terminal, and may have stopped it (Ctrl-S)."""
    reader = Reader(os.openpty())
    tty.setraw(reader.writing)  # lines end as they were written
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


def test_a_stopped_terminal_stops_nobody(person: Reader) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with serve(person, port, "--no-access-log", "--log-limit-octets", "65536") as server:
        person.read_until("serving applications:app")
        person.fill()
        server.signal(signal.SIGTTIN)
        wait_until(lambda: len(server.worker_pids()) == 2, what="one worker more")
        for _ in range(3 * FAILURES):  # whichever of the two has fewer of them has too many for the limit
            assert get(url + "/slow")[0] == 500
        person.read_until(r"WARNING entries are missing here: .* missing=(\d+)\n")
        person.fill()
        server.signal(signal.SIGTERM)
        assert server.wait() == 0


def entries(log: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in log.splitlines()]


def test_every_line_of_master_and_workers_is_json_when_it_is_asked_for(reader: Reader) -> None:
    port = free_port()
    with serve(reader, port, "--log-format", "json", "--access-log-format", "json") as server:
        reader.read_until("serving applications:app")
        (first,) = server.worker_pids()
        assert get(f"http://127.0.0.1:{port}/slow")[0] == 500
        reader.read_until("KeyError")  # two threads write these two
        reader.read_until('"message":"request"')
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


def test_what_the_loop_complains_of_is_an_entry_and_a_standard_error_that_nobody_reads_does_not_stop_it(
    reader: Reader,
) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with serve(reader, port, "--log-format", "json", "--no-access-log") as server:
        reader.read_until("serving applications:app")
        assert get(url + "/forgotten")[0] == 200
        reader.read_until("nobody asks for this.*\n")
        entry = entries(reader.received)[-1]
        assert (entry["level"], entry["message"]) == ("ERROR", "Task exception was never retrieved")
        assert "forget_a_task" in str(entry["future"])
        assert str(entry["traceback"]).endswith("LookupError: nobody asks for this\n")
        reader.fill()
        for _ in range(20):
            assert get(url + "/forgotten")[0] == 200
        server.signal(signal.SIGTERM)
        assert server.wait() == 0


def test_an_application_that_has_set_up_logging_is_told_by_it_of_the_loops_complaints() -> None:
    with ServerProcess("applications:app", app_dir=APPLICATIONS, env={"LOGGING": "1"}) as server:
        assert get(server.url + "/forgotten")[0] == 200
        server.wait_for_log("asyncio by logging: Task exception was never retrieved")


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="what a descriptor stands for is read from /proc")
def test_a_standard_error_that_is_closed_is_nobodys_socket() -> None:
    port = free_port()
    command = f"exec {sys.executable} -m veche serve applications:app --bind 127.0.0.1:{port} --workers 1 2>&-"
    with RunningCommand(["/bin/sh", "-c", command], ready=None, cwd=APPLICATIONS) as server:
        wait_until(lambda: _answers(port), what="an answer")
        for pid in (server.pid, *server.child_pids()):
            assert os.readlink(f"/proc/{pid}/fd/2") == os.devnull


def _answers(port: int) -> bool:
    with suppress(OSError):
        return get(f"http://127.0.0.1:{port}/")[0] == 200
    return False


def test_an_access_log_that_was_renamed_is_begun_anew_by_itself(tmp_path: Path) -> None:
    file = tmp_path / "access.log"
    folder, options = tmp_path_with_site(tmp_path), ("--access-log-file", "access.log")
    with ServerProcess("applications:app", *options, app_dir=folder) as server:
        workers = server.worker_pids()
        assert get(server.url + "/before")[0] == 200
        wait_until(lambda: "target=/before " in file.read_text(), what="the first line")
        file.rename(tmp_path / "access.log.1")
        assert get(server.url + "/after")[0] == 200
        wait_until(lambda: file.exists() and "target=/after " in file.read_text(), what="a line in a new file")
        assert "target=/after " not in (tmp_path / "access.log.1").read_text()
        assert server.worker_pids() == workers


def tmp_path_with_site(folder: Path) -> Path:
    (folder / "applications.py").write_text((APPLICATIONS / "applications.py").read_text())
    return folder


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("no/x", r"no/x cannot be opened: the folder \S+/no does not exist; make it, or name another file"),
        (".", r"\. cannot be opened: it is a folder; name a file in it"),
    ],
)
def test_an_access_log_that_cannot_be_opened_ends_the_start_in_one_entry(tmp_path: Path, name: str, told: str) -> None:
    folder = tmp_path_with_site(tmp_path)
    options = ("--access-log-file", name)
    with ServerProcess("applications:app", *options, app_dir=folder, wait_ready=False) as server:
        assert server.wait() == 1
        assert re.fullmatch(rf"Error: --access-log-file \(VECHE_ACCESS_LOG_FILE\): {told}\n", server.log_text())


def test_an_access_log_that_may_not_be_written_ends_the_start(tmp_path: Path) -> None:
    file = tmp_path / "access.log"
    file.touch(mode=0o400)
    own = os.geteuid()
    if own == 0:
        os.seteuid(NOBODY)  # root may write everywhere
    try:
        with pytest.raises(ServerError, match=f"user {os.geteuid()} may not write it; give that user the right"):
            check_access_log_file(str(file))
    finally:
        os.seteuid(own)


def test_an_access_log_that_is_a_pipe_without_a_reader_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    check_access_log_file(str(tmp_path / "pipe"))


def test_a_file_of_verdicts_that_cannot_be_written_is_told_at_the_start(tmp_path: Path) -> None:
    options = ("--verdicts-file", str(tmp_path / "no" / "v"))
    with ServerProcess("applications:app", *options, app_dir=APPLICATIONS) as server:
        server.wait_for_log(
            rf"WARNING --verdicts-file \(VECHE_VERDICTS_FILE\): {tmp_path}/no/v cannot be written: {tmp_path}/no is no "
            "folder in which this user may write"
        )
        assert get(server.url)[0] == 200


def test_usr1_of_a_logrotate_made_for_gunicorn_ends_nobody_and_is_told() -> None:
    with ServerProcess("applications:app", workers=2, app_dir=APPLICATIONS) as server:
        workers = server.worker_pids()
        server.signal_group(signal.SIGUSR1)
        server.wait_for_log("INFO USR1: there is nothing to do; a log file that was renamed is opened anew by itself")
        server.signal(signal.SIGTTIN)
        server.wait_for_log("worker 3 .* is ready")
        assert server.worker_pids()[:2] == workers
        assert get(server.url)[0] == 200


def test_winch_does_nothing() -> None:  # gunicorn's master ends its workers, and only serves on when it is told HUP
    with ServerProcess("applications:app", app_dir=APPLICATIONS) as server:
        workers = server.worker_pids()
        server.signal_group(signal.SIGWINCH)
        server.signal(signal.SIGTTIN)
        server.wait_for_log("worker 2 .* is ready")
        assert server.worker_pids()[:1] == workers
        assert server.process.poll() is None
