"""`--threads 0`: WSGI requests in the loop's own thread, one at a time, and nobody held up by a slow peer."""

import asyncio
import contextvars
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any, cast
from wsgiref.validate import validator

import pytest

from fixtures.requests import get, post
from fixtures.serving import serve, wait_for
from veche.asgi import Environ, StartResponse
from veche.log import Level

MANY_OCTETS = 20_000_000  # more than all buffers between us


def hello(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [])
    return [b"hello"]


def test_everything_runs_in_the_loops_thread_and_no_thread_is_started() -> None:
    seen: set[int] = set()

    def application(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        seen.add(threading.get_ident())
        assert not environ["wsgi.multithread"]
        return hello(environ, start_response)

    before = set(threading.enumerate())
    with serve(application, threads=0) as served:
        for _ in range(3):
            assert served.ask(get())[2] == b"hello"
        assert len(set(threading.enumerate()) - before) == 1  # the loop's own thread; others may end meanwhile
    assert len(seen) == 1


def test_the_application_sees_no_loop() -> None:  # Django and asgiref refuse to work in a thread that has one
    def application(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
        with pytest.raises(RuntimeError):
            asyncio.get_running_loop()
        start_response("200 OK", [])
        yield asyncio.run(asyncio.sleep(0, b"first "))
        with pytest.raises(RuntimeError):
            asyncio.get_running_loop()
        yield b"second"

    with serve(application, threads=0) as served:
        assert served.ask(get())[2] == b"first second"
        assert served.log.messages(Level.ERROR) == []


def test_wsgirefs_validator_finds_nothing() -> None:
    def application(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        write = start_response("200 OK", [("Content-Type", "text/plain")])
        write(b"written ")
        return iter([environ["wsgi.input"].read(-1) or b"-", b"", b" end"])

    with serve(validator(cast(Any, application)), threads=0) as served:
        assert served.ask(get())[2] == b"written - end"
        assert served.ask(post(b"body", b"Content-Length: 4"))[2] == b"written body end"
        assert served.log.messages(Level.ERROR) == []


def test_only_whole_requests_get_in() -> None:
    with serve(hello, threads=0, spool_octets=10) as served, served.connect() as slow:
        slow.send(post(b"x" * 100, b"Content-Length: 101"))
        assert served.ask(get())[2] == b"hello"
        slow.send(b"x")
        assert slow.read_response()[2] == b"hello"


def test_a_body_that_is_not_kept_is_answered_413() -> None:
    with serve(hello, threads=0, spool_octets=10, spool_disk_octets=1000) as served:
        assert served.ask(post(b"x" * 1000, b"Content-Length: 1000"))[0] == 200
        assert served.ask(post(b"x" * 1001, b"Content-Length: 1001"))[0] == 413
        assert served.ask(get())[0] == 200


def test_a_slow_reader_holds_up_nobody_and_fills_no_memory() -> None:
    given = 0
    closed = threading.Event()

    class Parts:
        def __iter__(self) -> Iterator[bytes]:
            nonlocal given
            for _ in range(MANY_OCTETS // 10_000):
                given += 10_000
                yield b"x" * 10_000

        def close(self) -> None:
            closed.set()

    def application(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/":
            return hello(environ, start_response)
        start_response("200 OK", [("Content-Length", str(MANY_OCTETS))])
        return Parts()

    with serve(application, threads=0) as served, served.connect() as slow:
        slow.send(get(line=b"GET /many HTTP/1.1"))
        slow.read_until(b"\r\n\r\n")
        assert served.ask(get())[2] == b"hello"
        assert given < MANY_OCTETS
        assert not closed.is_set()
        assert slow.read_exactly(MANY_OCTETS) == b"x" * MANY_OCTETS
        assert closed.wait(10)


def test_a_reader_that_leaves_ends_the_iterable() -> None:
    closed = threading.Event()

    class Endless:
        def __iter__(self) -> Iterator[bytes]:
            while True:
                yield b"x" * 10_000

        def close(self) -> None:
            closed.set()

    def application(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [])
        return Endless()

    with serve(application, threads=0) as served:
        with served.connect() as peer:
            peer.send(get())
            peer.read_until(b"xxx")
        assert closed.wait(10)


def test_what_write_was_given_waits_for_its_reader() -> None:
    def application(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        write = start_response("200 OK", [("Content-Length", str(MANY_OCTETS))] if environ["PATH_INFO"] == "/" else [])
        for _ in range(MANY_OCTETS // 100_000):
            write(b"y" * 100_000)
        return []

    with serve(application, threads=0, spool_octets=100_000) as served:
        for path in (b"/", b"/chunked"):
            assert served.ask(get(line=b"GET %b HTTP/1.1" % path))[2] == b"y" * MANY_OCTETS


def test_each_response_has_context_variables_of_its_own() -> None:
    variable = contextvars.ContextVar("variable", default="nobody's")

    def application(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
        yield_first = variable.get()
        token = variable.set(environ["PATH_INFO"])
        start_response("200 OK", [("Content-Length", str(MANY_OCTETS + len(yield_first) + 2))])
        yield yield_first.encode()
        yield b"x" * MANY_OCTETS
        yield variable.get().encode()
        variable.reset(token)  # raises in another context

    with serve(application, threads=0) as served, served.connect() as first, served.connect() as second:
        first.send(get(line=b"GET /a HTTP/1.1"))
        first.read_until(b"nobody's")
        second.send(get(line=b"GET /b HTTP/1.1"))
        second.read_until(b"nobody's")
        assert first.read_exactly(MANY_OCTETS + 2).endswith(b"/a")
        assert second.read_exactly(MANY_OCTETS + 2).endswith(b"/b")
        assert served.log.messages(Level.ERROR) == []


def fails_at_once(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    raise SystemExit(3)


def fails_in_the_middle(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [])
    yield b""
    raise ValueError("no")


def gives_text(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [])
    return ["text"]  # type: ignore[list-item]  # the fault


def gives_none(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [])
    return None  # type: ignore[return-value]  # the fault


def splits_the_response(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [("X-A", "a\r\nSet-Cookie: stolen=1")])
    return [b"body"]


def says_too_much(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Length", "3")])
    return [b"body"]


@pytest.mark.parametrize(
    "application", [fails_at_once, fails_in_the_middle, gives_text, gives_none, splits_the_response, says_too_much]
)
def test_a_fault_is_answered_500_and_named(application: Callable[..., Iterable[bytes]]) -> None:
    with serve(application, threads=0) as served:
        for count in (1, 2):
            assert served.ask(get())[0] == 500
            assert len(served.log.messages(Level.ERROR)) == count


def test_a_fault_in_close_is_named_and_hurts_nobody() -> None:
    class Parts:
        def __iter__(self) -> Iterator[bytes]:
            yield b"part"

        def close(self) -> None:
            raise ValueError("no")

    def application(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [])
        return Parts()

    with serve(application, threads=0) as served, served.connect() as peer:
        for count in (1, 2):
            peer.send(get())
            assert peer.read_response()[2] == b"part"
            wait_for(lambda: len(served.log.messages(Level.ERROR)) == count, "the log entry")  # noqa: B023  # at once


def test_pipelined_requests_are_answered_in_order() -> None:
    def path(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [])
        return [environ["PATH_INFO"].encode()]

    with serve(path, threads=0) as served, served.connect() as peer:
        peer.send(b"".join(get(line=b"GET /%d HTTP/1.1" % number) for number in range(100)))
        assert [peer.read_response()[2] for _ in range(100)] == [b"/%d" % number for number in range(100)]
