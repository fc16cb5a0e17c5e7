"""A WSGI request past `request_seconds`: 504, its thread is lost and named, others take its place within a bound."""

import re
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fixtures import load
from fixtures.requests import get, post
from fixtures.servers import ServerProcess, wait_until
from fixtures.serving import Peer, Served, serve, wait_for
from veche.asgi import Environ, StartResponse
from veche.log import Level
from veche.server.bridges.wsgi import WsgiBridge
from veche.server.scoreboard import Counter

SHORT = 0.2
LONG = 30.0  # in which nobody is too slow; `overdue` lets it pass
HERE = Path(__file__).parent


class Stuck:
    """An application whose requests to /stuck wait until they are let go."""

    def __init__(self) -> None:
        self.let_go = threading.Event()
        self.entered = 0
        self.errors: list[BaseException] = []

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/stuck":
            self.entered += 1
            self.stands_here()
        write = start_response("200 OK", [])
        if environ["PATH_INFO"] == "/stuck":
            try:
                write(b"too late")
            except OSError as error:
                self.errors.append(error)
        return [str(environ["wsgi.multithread"]).encode()]

    def stands_here(self) -> None:
        self.let_go.wait(20)


def lost(served: Served) -> tuple[int, int]:
    """How many threads are lost now, and how many have ever been."""
    cells = served.server.board.cells
    return cells[Counter.THREADS_LOST], cells[Counter.THREADS_EVER_LOST]


def ask_for(served: Served, path: str) -> int:
    return served.ask(get(line=f"GET {path} HTTP/1.1".encode()))[0]


def overdue(served: Served, stuck: Stuck, path: str, *, peer: Peer | None = None) -> int:
    """The status of a request whose time passes in the application; that of any other path passes before it gets there.

    peer: the connection on which it comes, else one of its own.
    """
    if peer is None:
        with served.connect() as own:
            return overdue(served, stuck, path, peer=own)
    begun, entered = served.server.requests_served, stuck.entered
    peer.send(get(line=f"GET {path} HTTP/1.1".encode()))
    wait_for(lambda: served.server.requests_served > begun, "the request to begin")
    if path == "/stuck":
        wait_for(lambda: stuck.entered > entered, "the request to be in")
    served.pass_time(LONG + 2)
    return peer.read_response()[0]


def test_it_is_answered_504_and_its_thread_is_named_with_its_stack() -> None:
    stuck = Stuck()
    with serve(stuck, threads=2, request_seconds=LONG) as served:
        try:
            assert overdue(served, stuck, "/stuck") == 504
            [(message, level, fields)] = served.log.entries
            assert "GET /stuck from 127.0.0.1" in message
            assert "its thread is lost (1 of 2)" in message
            assert level == Level.ERROR
            assert "in stands_here" in str(fields["traceback"])
            assert lost(served) == (1, 1)
            assert ask_for(served, "/") == 200
        finally:
            stuck.let_go.set()


def test_a_thread_that_comes_back_is_counted_back_and_what_it_sends_goes_nowhere() -> None:
    stuck = Stuck()
    with serve(stuck, threads=1, request_seconds=LONG) as served, served.connect() as peer:
        assert overdue(served, stuck, "/stuck", peer=peer) == 504
        stuck.let_go.set()
        wait_for(lambda: lost(served) == (0, 1), "the thread to be counted back")
        assert len(stuck.errors) == 1
        peer.send(get())
        assert peer.read_response()[2] == b"True"
        stuck.let_go.clear()
        assert overdue(served, stuck, "/stuck", peer=peer) == 504
        stuck.let_go.set()
        wait_for(lambda: lost(served) == (0, 2), "the second one")


def test_fresh_threads_take_their_place_up_to_the_bound_and_then_the_worker_asks_to_be_replaced() -> None:
    stuck = Stuck()
    with serve(stuck, threads=2, request_seconds=LONG, lost_threads_limit=2) as served:
        try:
            for expected in (1, 2):
                assert overdue(served, stuck, "/stuck") == 504
                assert lost(served)[0] == expected
            barrier = threading.Barrier(2)  # still two at once
            with ThreadPoolExecutor(2) as pool:
                assert list(pool.map(lambda _: (barrier.wait(5), ask_for(served, "/"))[1], range(2))) == [200, 200]
            assert not any("replaced" in message for message in served.log.messages(Level.ERROR))
            assert overdue(served, stuck, "/stuck") == 504
            assert [m for m in served.log.messages(Level.ERROR) if "the worker is being replaced" in m]
            assert ask_for(served, "/") == 200  # one is left
            assert overdue(served, stuck, "/stuck") == 504
            assert overdue(served, stuck, "/") == 504  # none
            assert "it waited for a thread" in str(served.log.entries[-1][2]["traceback"])
            used_up = [m for m in served.log.messages(Level.ERROR) if "the worker is being replaced" in m]
            assert len(used_up) == 1  # said once
            assert stuck.entered == 4
        finally:
            stuck.let_go.set()
        wait_for(lambda: lost(served)[0] == 0, "all threads to come back")
        assert ask_for(served, "/") == 200


def test_a_request_that_never_got_a_thread_is_not_run_after_its_504() -> None:
    stuck = Stuck()
    entered: list[str] = []

    def application(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        entered.append(environ["PATH_INFO"])
        return stuck(environ, start_response)

    with serve(application, threads=1, request_seconds=LONG, lost_threads_limit=0) as served:
        assert overdue(served, stuck, "/stuck") == 504
        assert overdue(served, stuck, "/waited") == 504
        stuck.let_go.set()
        assert ask_for(served, "/after") == 200
        assert entered == ["/stuck", "/after"]


def test_a_response_that_has_begun_has_no_deadline_here() -> None:
    go_on = threading.Event()

    def application(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
        start_response("200 OK", [])
        yield b"first "
        go_on.wait(10)
        yield b"second"

    with serve(application, request_seconds=LONG) as served, served.connect() as peer:
        peer.send(get())
        peer.read_until(b"6\r\nfirst \r\n")
        served.pass_time(LONG + 2)
        go_on.set()
        assert peer.read_until(b"0\r\n\r\n") == b"6\r\nsecond\r\n0\r\n\r\n"
        assert lost(served) == (0, 0)


def test_a_thread_that_reads_a_stream_is_not_held_past_the_deadline() -> None:
    errors: list[OSError] = []

    def application(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        try:
            environ["wsgi.input"].read()
        except OSError as error:
            errors.append(error)
        start_response("200 OK", [])
        return []

    settings = {"spool_octets": 0, "spool_disk_octets": 100, "body_stall_seconds": SHORT}
    with serve(application, threads=1, **settings) as served, served.connect() as peer:  # type: ignore[arg-type]  # numbers
        peer.send(post(b"x" * 1000, b"Content-Length: 1000000"))
        assert peer.read_response()[0] == 408
        wait_for(lambda: errors, "the reader's error")


def test_the_flag_says_whether_two_can_be_in_the_application_at_once() -> None:
    stuck = Stuck()
    for threads, lost_threads_limit, flag in ((0, 4, b"False"), (1, 0, b"False"), (1, 1, b"True"), (2, 0, b"True")):
        with serve(stuck, threads=threads, lost_threads_limit=lost_threads_limit) as served:
            assert served.ask(get())[2] == flag


def test_a_drain_answers_503_for_threads_that_do_not_end() -> None:
    stuck = Stuck()
    with serve(stuck, threads=1) as served, served.connect() as inside, served.connect() as outside:
        inside.send(get(line=b"GET /stuck HTTP/1.1"))
        wait_for(lambda: stuck.entered, "the request to be in")
        outside.send(get())
        service = served.server._service
        assert service is not None
        bridge = service.bridge
        assert isinstance(bridge, WsgiBridge)
        wait_for(lambda: bridge.running == 2, "both to be counted")
        served.submit(served.server.drain(SHORT)).result(10)
        assert inside.read_response()[0] == 503
        assert outside.read_response()[0] == 503
        stuck.let_go.set()


@pytest.mark.process
def test_a_worker_whose_threads_are_used_up_is_replaced() -> None:
    options = ("--threads", "1", "--lost-threads-limit", "1", "--request-seconds", "1", "--drain-seconds", "1")
    with ServerProcess("wsgi_stuck:app", *options, app_dir=HERE) as server:
        [before] = server.worker_pids()
        for _ in range(2):
            assert load.get(f"{server.url}/stuck?x=1")[0] == 504
        server.wait_for_log("2 of 1 threads are lost: the worker is being replaced")
        server.wait_for_log("worker 2 .* is ready")
        wait_until(lambda: before not in server.worker_pids(), what="the old worker to be gone")
        wait_until(lambda: load.get(server.url)[0] == 200, what="the new worker's answer, if it is late once or not")
        log = server.log_text()
    assert re.search(r"GET /stuck\?x=1 from 127\.0\.0\.1:\d+ took [\d.]+ s: answered 504; its thread is lost", log)
    assert re.search(r'File ".*wsgi_stuck.py", line \d+, in stands_here', log)
