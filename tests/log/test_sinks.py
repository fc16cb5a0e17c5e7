"""Logs: nothing forged, nothing lost at rotation, nothing mixed between processes."""

import io
import json
import multiprocessing
import os
import re
from contextlib import suppress
from pathlib import Path

import pytest

from fixtures.servers import wait_until
from veche.log import JsonLog, Level, Logger, Sink, StreamLog, TextLog

NOON = 1_700_000_000.123


def noon() -> float:
    return NOON


def text_of(message: str, **fields: object) -> str:
    stream = io.StringIO()
    StreamLog(stream, clock=noon).log_message(message, **fields)  # type: ignore[arg-type]  # fields are any objects
    return stream.getvalue()


def test_an_entry_has_time_level_message_and_fields() -> None:
    line = text_of("signed in", account=7, name="Ольга", path="/a b", ok=True)
    assert line == '2023-11-14T22:13:20.123Z INFO signed in account=7 name=Ольга path="/a b" ok=True\n'


@pytest.mark.parametrize("bad", ["\n", "\r", "\r\n", "\x1b[2K", "\x00", "\x7f", "\x85", "\u2028", "\u202e", "\ud800"])
def test_nobody_forges_an_entry_or_moves_the_cursor(bad: str) -> None:
    forged = f"x{bad}2023-11-14T22:13:20.123Z INFO forged"
    for line in (text_of(forged), text_of("m", name=forged), text_of("m", **{forged: 1})):
        assert line.count("\n") == 1
        assert bad not in line[:-1]
        line.encode()


def test_a_traceback_keeps_its_lines_and_marks_each() -> None:
    lines = text_of("server error", traceback="one\n2023-11-14T22:13:20.123Z INFO forged\n").splitlines()
    assert len(lines) == 3
    assert all(line.startswith("    | ") for line in lines[1:])


def test_both_file_logs_are_sinks_of_one_logger(tmp_path: Path) -> None:
    sinks: list[Sink] = [TextLog("site.log", tmp_path, clock=noon), JsonLog("site.json", tmp_path, clock=noon)]
    logger = Logger(*sinks)
    logger.log_message("refused", level=Level.WARNING, path="/\n", time="later", what=Path("/x"))
    logger.close()
    text_line = '2023-11-14T22:13:20.123Z WARNING refused path="/\\x0a" time=later what=/x\n'
    assert (tmp_path / "site.log").read_text() == text_line
    entry = json.loads((tmp_path / "site.json").read_text())
    assert entry == {
        "time": "2023-11-14T22:13:20.123Z",
        "level": "WARNING",
        "message": "refused",
        "path": "/\n",
        "field_time": "later",
        "what": "/x",
    }


@pytest.mark.parametrize("sink_type", [TextLog, JsonLog])
def test_a_log_goes_on_in_a_new_file_when_the_old_one_was_moved_or_removed(
    tmp_path: Path, sink_type: type[TextLog] | type[JsonLog]
) -> None:
    log = sink_type("a.log", tmp_path / "logs")
    file = tmp_path / "logs" / "a.log"
    log.log_message("one")
    log.close()
    file.rename(tmp_path / "logs" / "a.log.1")
    log.log_message("two")
    log.close()
    assert "one" in (tmp_path / "logs" / "a.log.1").read_text()
    assert "two" in file.read_text()
    assert "one" not in file.read_text()
    file.unlink()
    log.log_message("three")
    log.close()
    assert "three" in file.read_text()


def test_a_log_that_cannot_be_written_says_so_and_fails_nobody(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    log = TextLog("a.log", tmp_path / "logs")
    (tmp_path / "logs" / "a.log").unlink()
    (tmp_path / "logs").rmdir()
    log.log_message("lost")
    log.close()
    assert "cannot be written" in capfd.readouterr().err


def write_many(file: Path, worker: int) -> None:
    log = TextLog(file.name, file.parent)
    for number in range(300):
        log.log_message("x" * 500, worker=worker, number=number)
    log.close()


def test_entries_of_several_processes_do_not_mix(tmp_path: Path) -> None:
    file = tmp_path / "shared.log"
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=write_many, args=(file, worker)) for worker in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
        assert worker.exitcode == 0
    lines = file.read_text().splitlines()
    assert len(lines) == 900
    assert all(line.split(" ")[1:3] == ["INFO", "x" * 500] for line in lines)


def test_a_log_is_not_readable_for_everybody(tmp_path: Path) -> None:
    TextLog("a.log", tmp_path).close()
    assert os.stat(tmp_path / "a.log").st_mode & 0o007 == 0


@pytest.mark.parametrize("sink_type", [TextLog, JsonLog])
def test_a_file_that_hangs_holds_nobody_up_and_the_log_says_how_many_entries_are_missing(
    tmp_path: Path, sink_type: type[TextLog] | type[JsonLog]
) -> None:
    os.mkfifo(tmp_path / "a.log")  # as a disk that hangs: it takes no more until somebody reads
    reading = os.open(tmp_path / "a.log", os.O_RDONLY | os.O_NONBLOCK)
    log = sink_type("a.log", tmp_path, limit_octets=100_000)
    for _ in range(3000):
        log.log_message("x" * 100)
    received = ""

    def accounted() -> bool:
        nonlocal received
        with suppress(BlockingIOError):
            received += os.read(reading, 65536).decode()
        missing = [int(count) for count in re.findall(r'missing"?[=:](\d+)', received)]
        return len(missing) > 0 and received.count("x" * 100) + sum(missing) == 3000

    wait_until(accounted, what="all entries, written or missing")
    log.close()
    os.close(reading)
