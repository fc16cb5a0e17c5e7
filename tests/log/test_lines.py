"""Places that nobody reads: entries are dropped, counted and said, and nobody waits; who reads misses nothing."""

import fcntl
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial

import pytest

from fixtures.servers import wait_until
from veche.log import Descriptor, LineWriter

LINE = b"x" * 99 + b"\n"


def missing(count: int) -> bytes:
    return b"%d are missing\n" % count


class Pipe:
    """A pipe whose reader reads when it is told to."""

    def __init__(self) -> None:
        self.reading, self.writing = os.pipe()
        self.received = bytearray()
        self.writer = LineWriter(Descriptor(self.writing), limit_octets=100_000, missing=missing, name="test-log")

    def read_until(self, end: bytes) -> None:
        while end not in self.received:
            octets = os.read(self.reading, 65536)
            assert octets, f"the pipe was closed before {end!r}"
            self.received += octets

    def read_to_end(self) -> None:
        while octets := os.read(self.reading, 65536):
            self.received += octets


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    pipe = Pipe()
    yield pipe
    rest = threading.Thread(target=pipe.read_to_end, daemon=True)
    rest.start()
    pipe.writer.close()  # with the descriptor
    rest.join(10)
    assert not rest.is_alive()
    os.close(pipe.reading)


def test_a_pipe_that_nobody_reads_costs_entries_that_are_counted_and_said_where_they_are_missing(pipe: Pipe) -> None:
    for _ in range(5000):
        pipe.writer.write(LINE)  # would hang here for ever
    while pipe.received.count(LINE) + told_missing(pipe) < 5000:
        pipe.received += os.read(pipe.reading, 65536)  # said by itself: nobody need log again
    assert pipe.received.count(LINE) + told_missing(pipe) == 5000
    assert told_missing(pipe) > 1000
    assert pipe.received.endswith(b"missing\n")
    pipe.writer.write(b"after\n")
    pipe.read_until(b"after\n")
    assert pipe.received.endswith(b"missing\nafter\n")
    assert pipe.received.count(b"missing\n") < 50  # a gap is said once, not line by line


def told_missing(pipe: Pipe) -> int:
    return sum(int(count) for count in re.findall(rb"(\d+) are missing\n", pipe.received))


def test_an_entry_that_is_written_soon_is_out_when_the_call_returns_and_no_slow_place_is_waited_for_twice(
    pipe: Pipe,
) -> None:
    os.set_blocking(pipe.reading, False)
    for number in range(100):
        pipe.writer.write_soon(b"%d\n" % number)
        # Whether the thread came in time is the machine's matter; one that did is not asked for again.
        wait_until(partial(_has_come, pipe, b"%d\n" % number), what=f"entry {number}")
    began = time.monotonic()
    for _ in range(5000):
        pipe.writer.write_soon(LINE)
    assert time.monotonic() - began < 20  # 0.1 s each would be 500 s
    os.set_blocking(pipe.reading, True)
    while pipe.received.count(LINE) + told_missing(pipe) < 5000:
        pipe.received += os.read(pipe.reading, 65536)
    assert told_missing(pipe) > 1000


def _has_come(pipe: Pipe, entry: bytes) -> bool:
    try:
        pipe.received += os.read(pipe.reading, 65536)
    except BlockingIOError:
        pass
    return entry in pipe.received


def test_the_last_entry_of_a_process_that_is_killed_is_read() -> None:
    dying = (
        "import os, sys; from veche.log import StreamLog, lines\n"
        "lines.SETTLE_SECONDS = lines.PATIENCE_SECONDS = 10.0\n"  # a machine that stalls is not what is tested
        "log = StreamLog(sys.stderr)\n"
        "for number in range(20): log.log_message('on and on', number=number)\n"
        "log.log_message('the last words'); os.kill(os.getpid(), 9)"
    )
    ended = subprocess.run([sys.executable, "-c", dying], stderr=subprocess.PIPE, text=True, timeout=20)
    assert ended.returncode == -signal.SIGKILL
    assert ended.stderr.count("on and on") == 20
    assert ended.stderr.endswith("INFO the last words\n")


def test_what_waits_is_written_at_exit_and_a_pipe_that_nobody_reads_does_not_hold_the_exit() -> None:
    reading, writing = os.pipe()
    size = fcntl.fcntl(writing, fcntl.F_GETPIPE_SZ) if sys.platform == "linux" else 65536
    program = (
        "import sys; from veche.log import StreamLog; log = StreamLog(sys.stderr)\n"
        f"for _ in range({size} // 1000 + 100): log.log_message('x' * 1000)"
    )
    with subprocess.Popen([sys.executable, "-c", program], stderr=writing) as ended:
        os.close(writing)
        assert ended.wait(20) == 0
    received = b""
    while octets := os.read(reading, 65536):
        received += octets
    os.close(reading)
    assert size // 2 < len(received) <= size

    read = subprocess.run([sys.executable, "-c", program], stderr=subprocess.PIPE, timeout=20, check=True)
    assert read.stderr.count(b"\n") == size // 1000 + 100


def test_a_forked_process_logs_on_while_its_parents_log_is_stuck(pipe: Pipe) -> None:
    while not pipe.writer.lost:
        pipe.writer.write(LINE)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.dup2(writing, pipe.writing)  # the child's log can be written
        pipe.writer.write(b"from the child\n")
        pipe.writer.close()
        os._exit(0)
    os.close(writing)
    received = b""
    while octets := os.read(reading, 65536):
        received += octets
    os.close(reading)
    assert os.waitpid(child, 0)[1] == 0
    assert received == b"from the child\n"


def test_a_place_that_somebody_has_set_not_to_block_loses_nothing(pipe: Pipe) -> None:
    os.set_blocking(pipe.writing, False)
    for _ in range(900):
        pipe.writer.write(LINE)
    pipe.writer.write(b"after\n")
    pipe.read_until(b"after\n")
    assert pipe.received == LINE * 900 + b"after\n"


def test_a_pipe_without_a_reader_costs_no_time_of_the_processor() -> None:
    reading, writing = os.pipe()
    writer = LineWriter(Descriptor(writing), limit_octets=100_000, missing=missing, name="test-log")
    os.close(reading)
    writer.write(LINE)
    wait_until(lambda: writer.lost == 1, what="the failure to be counted")
    before = time.process_time()
    time.sleep(0.2)  # what is measured is what happens while nothing should
    assert time.process_time() - before < 0.1
    writer.write(LINE)
    wait_until(lambda: writer.lost == 2, what="the second failure, and the first still counted")
    writer.close()


def test_a_piece_of_several_lines_goes_into_a_pipe_in_whole_lines(pipe: Pipe) -> None:
    """Writes of up to PIPE_BUF octets are never mixed with other processes' (POSIX, write)."""
    other = LineWriter(Descriptor(os.dup(pipe.writing)), limit_octets=100_000, missing=missing, name="other-log")
    for _ in range(8):
        pipe.writer.write((b"a" * 98 + b"\n") * 100, entries=100)
        other.write((b"b" * 98 + b"\n") * 100, entries=100)
    other.write(b"after\n")
    pipe.read_until(b"after\n")
    assert {bytes(line) for line in pipe.received.splitlines()} <= {b"a" * 98, b"b" * 98, b"after"}
    other.close()


def test_a_socket_that_nobody_reads_holds_nobody_up() -> None:
    """systemd gives its services one as their standard error."""
    theirs, ours = socket.socketpair()
    with theirs, ours:
        writer = LineWriter(Descriptor(os.dup(ours.fileno())), limit_octets=100_000, missing=missing, name="test-log")
        for _ in range(20_000):
            writer.write(LINE)
        assert writer.lost > 1000
        received = bytearray()
        while b"missing\n" not in received:
            received += theirs.recv(65536)
        rest = threading.Thread(target=_drain, args=(theirs,), daemon=True)
        rest.start()
        writer.close()
        ours.close()
        rest.join(10)
        assert not rest.is_alive()


def _drain(connection: socket.socket) -> None:
    while connection.recv(65536):
        pass
