"""Applications that break the rules, clients that leave at the wrong moment: threads come back, the worker lives."""

import socket
import struct
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest

from fixtures.requests import get, post
from fixtures.serving import Served, serve, wait_for
from veche.asgi import Environ, StartResponse
from veche.log import Level

ways = pytest.mark.parametrize("threads", [0, 1])
BIG = 20_000_000


def still_serves(served: Served) -> None:
    """With one thread, or none, whoever is stuck is noticed here."""
    assert served.ask(get(line=b"GET /fine HTTP/1.1"))[2] == b"fine"


def fine_beside(application: Callable[[Environ, StartResponse], Any]) -> Callable[[Environ, StartResponse], Any]:
    def both(environ: Environ, start_response: StartResponse) -> Any:
        if environ["PATH_INFO"] == "/fine":
            start_response("200 OK", [])
            return [b"fine"]
        return application(environ, start_response)

    return both


def never_starts(environ: Environ, start_response: StartResponse) -> Any:
    return [b"body"]


def starts_late(environ: Environ, start_response: StartResponse) -> Any:
    yield b"body"
    start_response("200 OK", [])


def starts_twice(environ: Environ, start_response: StartResponse) -> Any:
    start_response("200 OK", [])
    start_response("200 OK", [])
    return [b"body"]


def gives_text(environ: Environ, start_response: StartResponse) -> Any:
    start_response("200 OK", [])
    return ["text"]


def gives_texts(environ: Environ, start_response: StartResponse) -> Any:
    start_response("200 OK", [])
    yield "text"


def gives_bare_bytes(environ: Environ, start_response: StartResponse) -> Any:
    start_response("200 OK", [])
    return b"an iterable of numbers"


def gives_none(environ: Environ, start_response: StartResponse) -> Any:
    start_response("200 OK", [])


def gives_a_number(environ: Environ, start_response: StartResponse) -> Any:
    start_response("200 OK", [])
    return 7


def writes_text(environ: Environ, start_response: StartResponse) -> Any:
    start_response("200 OK", [])("text")  # type: ignore[arg-type]  # the fault
    return []


def headers_are_not_pairs(environ: Environ, start_response: StartResponse) -> Any:
    start_response("200 OK", [("X-A", "a", "b")])  # type: ignore[list-item]  # the fault
    return []


def headers_are_octets(environ: Environ, start_response: StartResponse) -> Any:
    start_response("200 OK", [(b"X-A", b"a")])  # type: ignore[list-item]  # the fault
    return []


def status_is_a_number(environ: Environ, start_response: StartResponse) -> Any:
    start_response(200, [])  # type: ignore[arg-type]  # the fault
    return []


def informs(environ: Environ, start_response: StartResponse) -> Any:
    start_response("100 Continue", [])
    return []


def raises_later(environ: Environ, start_response: StartResponse) -> Any:
    start_response("200 OK", [])
    yield b""
    raise KeyboardInterrupt


FAULTS = [
    never_starts,
    starts_late,
    starts_twice,
    gives_text,
    gives_texts,
    gives_bare_bytes,
    gives_none,
    gives_a_number,
    writes_text,
    headers_are_not_pairs,
    headers_are_octets,
    status_is_a_number,
    informs,
    raises_later,
]


@ways
@pytest.mark.parametrize("application", FAULTS)
def test_a_broken_rule_is_answered_500_and_named_once(application: Callable[..., Any], threads: int) -> None:
    with serve(fine_beside(application), threads=threads) as served:
        assert served.ask(get())[0] == 500
        wait_for(lambda: served.log.messages(Level.ERROR), "the log entry")
        still_serves(served)
        assert len(served.log.messages(Level.ERROR)) == 1


@ways
def test_a_fault_after_the_beginning_cuts_the_response(threads: int) -> None:
    def application(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
        start_response("200 OK", [("Content-Length", "1000000")])
        yield b"x" * 100_000
        yield b"x" * 100_000
        raise ValueError("in the middle")

    with serve(fine_beside(application), threads=threads) as served, served.connect() as peer:
        peer.send(get())
        assert len(peer.read_to_end()) < 1_000_000
        assert served.log.messages(Level.ERROR) == ["the application failed"]
        still_serves(served)


@ways
def test_a_fault_in_close_is_named_and_the_response_is_whole(threads: int) -> None:
    class Parts(list[bytes]):
        def close(self) -> None:
            raise ValueError("no")

    def application(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [])
        return Parts([b"whole"])

    with serve(fine_beside(application), threads=threads) as served:
        for count in (1, 2):
            assert served.ask(get())[2] == b"whole"
            still_serves(served)
            assert len(served.log.messages(Level.ERROR)) == count


@ways
def test_close_is_called_once_whatever_happens(threads: int) -> None:
    closed: list[str] = []

    class Parts:
        def __init__(self, path: str) -> None:
            self.path = path

        def __iter__(self) -> Iterator[bytes]:
            yield b"x" * 10
            if self.path == "/fails":
                raise OSError("in the middle")
            while self.path == "/endless":
                yield b"x" * 100_000

        def close(self) -> None:
            closed.append(self.path)

    def application(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] != "/early":
            start_response("200 OK", [])
        return Parts(environ["PATH_INFO"])

    with serve(fine_beside(application), threads=threads) as served:
        for path in ("/good", "/fails", "/endless", "/early"):
            with served.connect() as peer:
                peer.send(get(line=f"GET {path} HTTP/1.1".encode()))
                peer.read_until(b"\r\n\r\n")
            still_serves(served)
    assert closed == ["/good", "/fails", "/endless", "/early"]


@ways
def test_nothing_given_many_times_costs_little_and_sends_nothing(threads: int) -> None:
    def application(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
        start_response("200 OK", [])
        for _ in range(100_000):
            yield b""
        yield b"at last"

    with serve(fine_beside(application), threads=threads) as served:
        assert served.ask(get())[2] == b"at last"
        still_serves(served)


@ways
def test_an_application_that_never_reads_keeps_nobody_from_anything(threads: int) -> None:
    def application(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [])
        return [b"unread"]

    with serve(fine_beside(application), threads=threads) as served, served.connect() as peer:
        for _ in range(3):
            peer.send(post(b"x" * 100_000, b"Content-Length: 100000"))
            assert peer.read_response()[2] == b"unread"
        still_serves(served)


@ways
@pytest.mark.parametrize(
    "octets", [b"", b"GET", post(b"", b"Content-Length: 9"), post(b"1234", b"Content-Length: 9"), get()]
)
def test_a_client_that_leaves_at_any_stage_leaves_nothing_behind(threads: int, octets: bytes) -> None:
    entered = threading.Semaphore(0)

    def application(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
        entered.release()
        start_response("200 OK", [("Content-Length", str(BIG))])
        for _ in range(BIG // 100_000):
            yield b"x" * 100_000

    with serve(fine_beside(application), threads=threads) as served:
        for _ in range(3):
            with served.connect() as peer:
                peer.send(octets)
                if octets.startswith(b"GET /"):
                    assert entered.acquire(timeout=10)
                    peer.read_until(b"xxx")
            still_serves(served)
        wait_for(lambda: served.server.open_connections == 0, "all connections to end")
        assert served.log.messages(Level.ERROR) == []
    assert not entered.acquire(blocking=False)


def test_a_client_that_leaves_before_its_turn_is_not_served() -> None:
    go_on = threading.Event()
    entered: list[str] = []

    def application(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        entered.append(environ["PATH_INFO"])
        if environ["PATH_INFO"] == "/first":
            go_on.wait(10)
        start_response("200 OK", [])
        return [b"fine"]

    with serve(application, threads=1) as served, served.connect() as first:
        first.send(get(line=b"GET /first HTTP/1.1"))
        wait_for(lambda: entered, "the first request to be in")
        with served.connect() as gone:
            gone.send(get(line=b"GET /gone HTTP/1.1"))
            wait_for(lambda: served.server.requests_served == 2, "the second one to wait")
            # A reset: after an end in good order it might still read.
            gone.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        wait_for(lambda: served.server.open_connections == 1, "its client to be gone")
        go_on.set()
        assert first.read_response()[2] == b"fine"
        still_serves(served)
    assert entered == ["/first", "/fine"]
