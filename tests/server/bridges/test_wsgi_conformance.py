"""wsgiref.validate between every kind of request and every kind of response, in threads and inline (PEP 3333)."""

import socket
from collections.abc import Callable, Iterable, Iterator
from typing import Any, cast
from wsgiref.validate import validator

import pytest

from fixtures.requests import get, post
from fixtures.serving import KeptLog, serve, wait_for
from veche.asgi import Environ, StartResponse
from veche.log import Level

TYPE = ("Content-Type", "text/plain")
Application = Callable[[Environ, StartResponse], Iterable[bytes]]

REQUESTS = {
    "get": get(),
    "query": get(line=b"GET /a%20b/%D1%8F?x=%20&y HTTP/1.1"),
    "absolute": get(line=b"GET http://example.org/a HTTP/1.1"),
    "every octet": get(line=b"GET /" + b"".join(b"%%%02X" % octet for octet in range(1, 256)) + b" HTTP/1.1"),
    "http/1.0": get(line=b"GET / HTTP/1.0"),
    "head": get(line=b"HEAD / HTTP/1.1"),
    "options *": get(line=b"OPTIONS * HTTP/1.1"),
    "other method": get(line=b"PATCH / HTTP/1.1"),
    "many fields": get(*(b"X-%d: %d" % (n, n) for n in range(50)), b"Cookie: a=b", b"Cookie: c=d", b"X-1: again"),
    "content type": post(b"a=b", b"Content-Length: 3", b"Content-Type: application/x-www-form-urlencoded"),
    "empty body": post(b"", b"Content-Length: 0"),
    "body": post(b"x" * 300, b"Content-Length: 300"),
    "chunked": get(b"Transfer-Encoding: chunked", line=b"POST / HTTP/1.1") + b"3\r\nabc\r\n0\r\n\r\n",
    "expecting": post(b"abc", b"Content-Length: 3", b"Expect: 100-continue"),
}


class Closing:
    """An iterable with close()."""

    def __init__(self, parts: list[bytes]) -> None:
        self.parts = parts
        self.closed = False

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.parts)

    def close(self) -> None:
        self.closed = True


def a_list(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [TYPE])
    return [b"one", b"two"]


def a_generator(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
    start_response("200 OK", [TYPE])
    yield b""
    yield b"one"
    yield b""
    yield b"two"


def write_and_list(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    write = start_response("200 OK", [TYPE])
    write(b"")
    write(b"one")
    return [b"two"]


def closing(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [TYPE, ("Content-Length", "6")])
    return Closing([b"one", b"two"])


def reads_first(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    body = environ["wsgi.input"]
    first, line, rest = body.read(1), body.readline(), b"".join(body)
    environ["wsgi.errors"].write("")
    environ["wsgi.errors"].flush()
    start_response("200 OK", [TYPE])
    return iter([b"onetwo" if len(first + line + rest) in {0, 3, 300} else b"short"])


def replaced(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    start_response("404 Not Found", [TYPE])
    try:
        raise ValueError("found after all")
    except ValueError as error:
        start_response("200 OK", [TYPE], (ValueError, error, error.__traceback__))
    return [b"onetwo"]


APPLICATIONS: list[Application] = [a_list, a_generator, write_and_list, closing, reads_first, replaced]


def errors(log: KeptLog) -> list[Any]:
    return [entry for entry in log.entries if entry[1] >= Level.WARNING]


@pytest.mark.parametrize("threads", [0, 2])
@pytest.mark.parametrize("application", APPLICATIONS)
def test_the_validator_finds_nothing_in_any_request(application: Application, threads: int) -> None:
    settings: dict[str, Any] = {"threads": threads, "spool_octets": 100}
    if threads:
        settings["spool_disk_octets"] = 200  # the longest body streams
    with serve(validator(cast(Any, application)), **settings) as served:
        for name, request in REQUESTS.items():
            with served.connect() as peer:
                peer.send(request)
                if name == "expecting":
                    assert peer.read_until(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
                status, fields, body = peer.read_response(has_body=name != "head")
                if "content-length" not in fields and name == "http/1.0":
                    body = peer.read_to_end()
                assert (name, status, body) == (name, 200, b"" if name == "head" else b"onetwo")
                assert (name, errors(served.log)) == (name, [])


@pytest.mark.parametrize("threads", [0, 2])
@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
def test_a_response_without_a_body_has_none(threads: int, status: str) -> None:
    def application(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        start_response(status, [])
        return []

    with serve(validator(cast(Any, application)), threads=threads) as served, served.connect() as peer:
        for _ in range(2):  # the second would be misread if there was a body after the first
            peer.send(get())
            assert peer.read_response(has_body=False)[0] == int(status[:3])
        assert errors(served.log) == []


@pytest.mark.parametrize("threads", [0, 2])
@pytest.mark.parametrize("parts", [[b"body"], [b"bo", b"dy"]])
def test_what_is_given_for_head_and_304_is_not_sent(threads: int, parts: list[bytes]) -> None:
    def application(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        start_response("304 Not Modified" if environ["PATH_INFO"] == "/304" else "200 OK", [("Content-Length", "4")])
        return iter(parts)

    with serve(application, threads=threads) as served, served.connect() as peer:
        for line in (b"HEAD / HTTP/1.1", b"GET /304 HTTP/1.1", b"HEAD / HTTP/1.1"):
            peer.send(get(line=line))
            assert peer.read_response(has_body=False)[1]["content-length"] == "4"
        peer.send(get())
        assert peer.read_response()[2] == b"body"
        assert errors(served.log) == []


# A Content-Length that is not the body's ("Handling the Content-Length Header")


def declared(length: int, parts: list[bytes], way: str) -> Application:
    def application(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        write = start_response("200 OK", [("Content-Length", str(length))])
        if way == "write":
            for part in parts:
                write(part)
            return []
        return parts if way == "list" else iter(parts)

    return application


@pytest.mark.parametrize("threads", [0, 2])
@pytest.mark.parametrize("way", ["list", "iterable", "write"])
@pytest.mark.parametrize("parts", [[b"longer"], [b"lo", b"ng", b"er"]])
def test_a_body_that_is_too_long_is_never_sent_as_it_is(threads: int, way: str, parts: list[bytes]) -> None:
    with serve(declared(5, parts, way), threads=threads) as served, served.connect() as peer:
        peer.send(get())
        if way == "iterable":  # it may have ended in good order before the application said too much
            peer.socket.shutdown(socket.SHUT_WR)
        assert b"longer" not in peer.read_to_end()
        wait_for(lambda: errors(served.log), "the log entry")
        with served.connect() as other:  # the worker serves on
            other.send(get())
            assert other.read_until(b"\r\n").startswith(b"HTTP/1.1 ")


@pytest.mark.parametrize("threads", [0, 2])
@pytest.mark.parametrize("way", ["list", "iterable", "write"])
def test_a_body_that_is_too_short_is_visible_to_the_client(threads: int, way: str) -> None:
    with serve(declared(7, [b"sho", b"rt"], way), threads=threads) as served, served.connect() as peer:
        peer.send(get())
        answer = peer.read_to_end()
        assert answer.startswith(b"HTTP/1.1 500") or len(answer.partition(b"\r\n\r\n")[2]) < 7
        assert errors(served.log)
