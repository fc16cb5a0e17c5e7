"""The WSGI face in this process, watched by the standard library's validator (PEP 3333)."""

import io
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import pytest

from fixtures.kernel_site import app
from veche.web import Application, PlainTextResponse, Request, Response, Route
from veche.web.wsgi import to_wsgi
from veche.web.wsgi.loop_thread import LifespanFailed


def ask(application: Any, method: str, path: str, body: bytes = b"", **extra: str) -> tuple[str, dict[str, str], bytes]:
    told: dict[str, Any] = {}

    def start_response(
        status: str, headers: list[tuple[str, str]], exc_info: object = None, /
    ) -> Callable[[bytes], object]:
        told.update(status=status, headers=dict(headers))
        return told.setdefault("written", []).append  # type: ignore[no-any-return]  # a list's append

    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path.encode().decode("latin-1"),
        "QUERY_STRING": "",
        "SCRIPT_NAME": "",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
        **extra,
    }
    setup_testing_defaults(environ)
    pieces: Any = validator(application)(environ, start_response)
    try:
        content = b"".join(pieces)
    finally:
        pieces.close()
    return told["status"], told["headers"], content


def test_a_request_goes_through_the_loop_and_back() -> None:
    wsgi = to_wsgi(app)
    assert ask(wsgi, "GET", "/") == (
        "200 OK",
        {"content-type": "text/plain; charset=utf-8", "content-length": "23"},
        b"hello from the lifespan",
    )
    status, _headers, content = ask(wsgi, "GET", "/scope/привет", QUERY_STRING="name=%D1%8F", HTTP_X_TEST="yes")
    assert status == "200 OK"
    assert '"path":"/scope/привет","query":"я","header":"yes"'.encode() in content


def test_bodies_stream_both_ways() -> None:
    wsgi = to_wsgi(app)
    body = bytes(1_000_000)
    assert ask(wsgi, "POST", "/echo", body)[2] == body
    assert ask(wsgi, "GET", "/stream")[2].count(b"\n") == 20_000


def test_what_wsgi_cannot_do_is_refused() -> None:
    wsgi = to_wsgi(app)
    status, headers, _content = ask(wsgi, "GET", "/socket")
    assert status == "426 Upgrade Required"
    assert "upgrade" not in headers  # a hop-by-hop field is the server's alone (PEP 3333)
    assert ask(wsgi, "GET", "/events")[0] == "501 Not Implemented"


def test_an_application_that_breaks_in_the_middle_breaks_the_answer() -> None:
    with pytest.raises(Exception, match=r"see .* in the log"):
        ask(to_wsgi(app), "GET", "/broken-stream")


def test_the_application_learns_that_the_server_gave_the_answer_up() -> None:
    ended: list[str] = []

    async def endless() -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"x" * 1000
        finally:
            ended.append("ended")

    async def stream() -> Response:
        from veche.web import StreamingResponse

        return StreamingResponse(endless())

    async def how_many() -> Response:
        return PlainTextResponse(str(len(ended)))

    wsgi = to_wsgi(Application([Route("/", stream), Route("/ended", how_many)]))
    environ: dict[str, Any] = {}
    setup_testing_defaults(environ)
    pieces: Any = wsgi(environ, lambda *_arguments: lambda _octets: None)
    assert next(pieces) == b"x" * 1000
    pieces.close()
    while ask(wsgi, "GET", "/ended")[2] == b"0":
        pass  # each round goes through the loop, where the other task has its turn
    assert ended == ["ended"]


def test_a_lifespan_that_fails_fails_the_request_and_is_tried_again() -> None:
    attempts: list[int] = []

    @asynccontextmanager
    async def lifespan(_application: Application) -> AsyncIterator[dict[str, object]]:
        attempts.append(1)
        if len(attempts) == 1:
            raise ConnectionError("the database is not there yet")
        yield {}

    async def hello(_request: Request) -> Response:
        return PlainTextResponse("hello")

    wsgi = to_wsgi(Application([Route("/", hello)], lifespan=lifespan))
    with pytest.raises(LifespanFailed, match="not there yet"):
        ask(wsgi, "GET", "/")
    assert ask(wsgi, "GET", "/")[0] == "200 OK"


def test_a_process_forked_after_the_first_request_has_its_own_loop(tmp_path: Path) -> None:
    notes = tmp_path / "lifespans.log"
    program = """
import os
from test_wsgi_face import app, ask, to_wsgi
wsgi = to_wsgi(app)
assert ask(wsgi, "GET", "/")[0] == "200 OK"
child = os.fork()
assert ask(wsgi, "GET", "/")[0] == "200 OK"
if child:
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
"""
    folders = [str(Path(__file__).parent), str(Path(__file__).parents[1])]
    env = {**os.environ, "LIFESPAN_LOG": str(notes), "PYTHONPATH": os.pathsep.join(folders)}
    subprocess.run([sys.executable, "-c", program], env=env, check=True, timeout=20)
    words = sorted(line.split()[0] for line in notes.read_text().splitlines())
    assert words == ["end", "end", "start", "start"]


def test_an_application_without_a_lifespan_is_served_too() -> None:
    async def plain(scope: Any, _receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        await send({"type": "http.response.start", "status": 299, "headers": [(b"content-type", b"text/plain")]})
        await send({"type": "http.response.body", "body": b"plain"})

    status, _headers, content = ask(to_wsgi(plain), "GET", "/")
    assert (status, content) == ("299 Unknown", b"plain")
