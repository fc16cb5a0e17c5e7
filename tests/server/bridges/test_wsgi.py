"""WSGI applications over real sockets, in the order of PEP 3333."""

import io
import threading
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any, cast
from wsgiref.validate import validator

import pytest

from fixtures.requests import get, post
from fixtures.serving import serve, wait_for
from veche.asgi import Environ, StartResponse
from veche.log import Level


def hello(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"hello"]


def echo(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Answer with what environ says of the request, and its body."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    names = ("REQUEST_METHOD", "PATH_INFO", "QUERY_STRING", "CONTENT_LENGTH", "CONTENT_TYPE", "HTTP_X_A")
    told = "|".join(str(environ.get(name)) for name in names)
    return [told.encode("latin-1"), b"|", environ["wsgi.input"].read()]


def test_environ_tells_the_request() -> None:  # "environ Variables"
    request = (
        b"POST /%D1%8F?a=%20b HTTP/1.1\r\nHost: a\r\nContent-Type: text/x\r\nContent-Length: 5\r\n"
        b"X-A: 1\r\nX-A: 2\r\nX_A: smuggled\r\n\r\nabcde"
    )
    with serve(echo) as served, served.connect() as peer:
        peer.send(request)
        assert peer.read_response()[2] == "POST|/я|a=%20b|5|text/x|1, 2|abcde".encode()


def test_a_chunked_body_has_a_length_when_the_application_sees_it() -> None:
    with serve(echo) as served, served.connect() as peer:
        peer.send(b"PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
        assert peer.read_response()[2] == b"PUT|/||3|None|None|abc"


@pytest.mark.parametrize("spool_octets", [0, 10, 10_000_000])
def test_a_body_is_whole_wherever_it_waited(spool_octets: int) -> None:
    kinds: list[type] = []

    def measure(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        kinds.append(type(environ["wsgi.input"]))
        return echo(environ, start_response)

    body = bytes(range(256)) * 400
    with serve(measure, spool_octets=spool_octets) as served, served.connect() as peer:
        peer.send(post(body, b"Content-Length: %d" % len(body)))
        assert peer.read_response()[2].endswith(body)
    assert (kinds[0] is io.BytesIO) is (spool_octets > len(body))


def test_wsgirefs_validator_finds_nothing() -> None:
    def application(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        return iter([environ["wsgi.input"].read(-1) or b"-", b"", b"end"])

    checked = validator(cast(Any, application))
    with serve(checked) as served, served.connect() as peer:
        peer.send(get())
        assert peer.read_response()[2] == b"-end"
        peer.send(post(b"body", b"Content-Length: 4"))
        assert peer.read_response()[2] == b"bodyend"
        assert served.log.messages(Level.ERROR) == []


def test_each_part_leaves_as_soon_as_it_is_given() -> None:  # "Buffering and Streaming"
    go_on = threading.Event()

    def slowly(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
        start_response("200 OK", [])
        yield b"first"
        go_on.wait(10)
        yield b"second"

    with serve(slowly) as served, served.connect() as peer:
        peer.send(get())
        assert peer.read_until(b"first").startswith(b"HTTP/1.1 200")
        go_on.set()
        assert b"second" in peer.read_until(b"0\r\n\r\n")


def test_the_write_callable_sends_before_the_iterable() -> None:  # "The write() Callable"
    def application(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        write = start_response("200 OK", [])
        write(b"written ")
        return [b"returned"]

    with serve(application) as served, served.connect() as peer:
        peer.send(get())
        assert peer.read_response()[2] == b"written returned"


def test_close_is_called_whatever_happens() -> None:  # "Specification Details"
    closed: list[str] = []

    class Parts:
        def __init__(self, name: str) -> None:
            self.name = name

        def __iter__(self) -> Iterator[bytes]:
            yield b"x" * 10
            if self.name == "/fails":
                raise OSError("in the middle")
            while self.name == "/endless":
                yield b"x" * 100_000

        def close(self) -> None:
            closed.append(self.name)

    def application(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [])
        return Parts(environ["PATH_INFO"])

    with serve(application) as served:
        for name in ("/good", "/fails", "/endless"):
            with served.connect() as peer:
                peer.send(get(line=f"GET {name} HTTP/1.1".encode()))
                peer.read_until(b"x" * 10)
            wait_for(partial(closed.__contains__, name), f"close() of {name}")


def test_a_response_can_be_replaced_until_it_has_begun() -> None:  # "Error Handling"
    def application(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [("X-First", "1")])
        try:
            raise ValueError("too late")
        except ValueError as error:
            start_response("500 Oh", [], (ValueError, error, error.__traceback__))
        return [b"sorry"]

    with serve(application) as served, served.connect() as peer:
        peer.send(get())
        status, headers, body = peer.read_response()
        assert (status, body) == (500, b"sorry")
        assert "x-first" not in headers


def test_start_response_twice_without_a_reason_is_an_error() -> None:  # "The start_response() Callable"
    def application(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [])
        start_response("200 OK", [])
        return []

    with serve(application) as served, served.connect() as peer:
        peer.send(get())
        assert peer.read_response()[0] == 500
        assert served.log.messages(Level.ERROR) == ["the application failed"]


@pytest.mark.parametrize(
    ("status", "header"),
    [
        ("200 OK", ("X-A", "a\r\nSet-Cookie: stolen=1")),
        ("200 OK", ("X-A\r\nX-B", "a")),
        ("200 OK", ("X-A", "a\x00")),
        ("200 OK", ("X-A", "день")),
        ("200 OK\r\nX-B: 1", ("X-A", "a")),
        ("OK", ("X-A", "a")),
        ("2000 OK", ("X-A", "a")),
    ],
)
def test_a_response_cannot_be_split(status: str, header: tuple[str, str]) -> None:  # RFC 9112 §11.1
    def application(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        start_response(status, [header])
        return [b"body"]

    with serve(application) as served, served.connect() as peer:
        peer.send(get())
        status_code, headers, _body = peer.read_response()
        if status.startswith("200 OK\r"):  # the reason phrase is ours, so it cannot split anything
            assert "x-b" not in headers
        else:
            assert status_code == 500
            assert "set-cookie" not in headers


@pytest.mark.parametrize(
    ("error", "named"),
    [
        (ValueError("no"), "the application failed"),
        (SystemExit(3), "the application raised SystemExit: it ends this request, not the worker"),
        (GeneratorExit(), "the application failed"),
    ],
)
def test_an_application_that_fails_is_answered_500_and_named(error: BaseException, named: str) -> None:
    def application(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        raise error

    with serve(application, threads=1) as served, served.connect() as peer:
        for _ in range(2):  # the only thread has survived the first
            peer.send(get())
            assert peer.read_response()[0] == 500
        message, level, fields = served.log.entries[0]
        assert (message, level, fields["method"]) == (named, Level.ERROR, "GET")
        assert type(error).__name__ in str(fields["traceback"])


def test_silent_and_slow_clients_hold_no_thread() -> None:
    with serve(hello, threads=1) as served, served.connect() as silent, served.connect() as slow:
        silent.send(b"")
        slow.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nonly this")
        with served.connect() as quick:
            quick.send(get())
            assert quick.read_response()[2] == b"hello"


def test_as_many_requests_run_at_once_as_there_are_threads_and_no_more() -> None:
    together = threading.Barrier(2)
    running: list[int] = []
    lock = threading.Lock()
    count = 0

    def meet(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        nonlocal count
        with lock:
            count += 1
            running.append(count)
        together.wait(10)
        with lock:
            count -= 1
        return hello(environ, start_response)

    with serve(meet, threads=2) as served:
        peers = [served.connect() for _ in range(4)]
        for peer in peers:
            peer.send(get())
        assert [peer.read_response()[2] for peer in peers] == [b"hello"] * 4
        for peer in peers:
            peer.socket.close()
    assert max(running) == 2


def test_a_reader_that_is_slow_makes_the_application_wait() -> None:
    given: list[int] = []

    def endless(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
        start_response("200 OK", [])
        for number in range(10_000):
            given.append(number)
            yield b"x" * 10_000

    with serve(endless) as served, served.connect() as peer:
        peer.send(get())
        peer.read_until(b"xxx")
        wait_for(lambda: len(given) > 5, "the application to be ahead of its reader")
        before = -1
        while before != len(given):  # until it no longer goes on
            before = len(given)
            threading.Event().wait(0.2)
        assert len(given) < 9_000  # the rest would be 100 MB in memory


def test_a_file_is_sent_in_blocks_and_closed() -> None:  # "Optional Platform-Specific File Handling"
    file = io.BytesIO(b"y" * 200_000)

    def application(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Length", "200000")])
        wrapped: Iterable[bytes] = environ["wsgi.file_wrapper"](file, 4096)
        return wrapped

    with serve(application) as served, served.connect() as peer:
        peer.send(get())
        assert len(peer.read_response()[2]) == 200_000
        wait_for(lambda: file.closed, "the file to be closed")


def test_more_than_the_content_length_is_not_sent_and_is_named() -> None:  # "Handling the Content-Length Header"
    def application(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
        start_response("200 OK", [("Content-Length", "5")])
        yield b"hello"
        yield b"evil"

    with serve(application) as served, served.connect() as peer:
        for _ in range(2):
            peer.send(get())
            assert peer.read_response()[2] == b"hello"
        wait_for(lambda: len(served.log.messages(Level.ERROR)) == 2, "the log entries")
        assert "Content-Length" in str(served.log.entries[0][2]["traceback"])


def test_a_response_of_known_length_ends_without_waiting_for_the_iterable() -> None:
    release = threading.Event()

    def application(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
        start_response("200 OK", [("Content-Length", "5")])
        yield b"hello"
        release.wait(5)

    with serve(application) as served, served.connect() as peer:
        for _ in range(2):  # the connection is free already
            peer.send(get())
            assert peer.read_response()[2] == b"hello"
        release.set()
