"""Published faults of other servers that take a connection to show: each is tried on ours, under its number.

Those of the octets alone stand in tests/wire/h1/test_advisories.py.
"""

import socket
import struct
import time
from collections.abc import Iterable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from fixtures.requests import get, post
from fixtures.serving import PATIENCE_SECONDS, serve, wait_for
from veche.asgi import Receive, Scope, Send
from veche.log import StreamLog

CHUNKED = b"Transfer-Encoding: chunked"


async def hello(scope: Scope, receive: Receive, send: Send) -> None:
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"hello"})


def wsgi_hello(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", [])
    return [b"hello"]


def test_cve_2019_16770_puma_one_client_that_pipelines_starves_the_others() -> None:
    with serve(hello) as served, served.connect() as greedy, served.connect() as other:
        greedy.socket.settimeout(0)
        try:
            while True:
                greedy.socket.send(get() * 1000)
        except BlockingIOError:
            pass
        began = time.monotonic()
        for _ in range(10):
            other.send(get())
            assert other.read_response()[2] == b"hello"
        assert time.monotonic() - began < PATIENCE_SECONDS


@pytest.mark.parametrize("application", [hello, wsgi_hello])
def test_cve_2021_29509_puma_kept_connections_starve_new_ones(application: Any) -> None:
    with serve(application, threads=1, keep_alive_seconds=60) as served:
        kept = [served.connect() for _ in range(20)]
        for peer in kept:
            peer.send(get())
            assert peer.read_response()[2] == b"hello"
        assert served.ask(get())[2] == b"hello"  # while they stay: or the client gives up
        for peer in kept:
            peer.socket.close()


@pytest.mark.parametrize("application", [hello, wsgi_hello])
def test_xinference_5213_uvicorn_each_octet_of_a_slow_head_prolongs_it(application: Any) -> None:
    with serve(application, threads=1, head_timeout_seconds=0.3) as served:
        began = time.monotonic()
        with served.connect() as slow:
            slow.send(b"GET / HTTP/1.1\r\n")
            for _ in range(100):
                assert served.ask(get())[2] == b"hello"
                try:
                    slow.send(b"X-A: b\r\n")
                except OSError:
                    break
                if not slow.is_open(0.05):
                    break
            else:
                pytest.fail("it goes on for ever")
        assert time.monotonic() - began > 0.3


@pytest.mark.parametrize("application", [hello, wsgi_hello])
@pytest.mark.parametrize(
    "bad", [b"BAD\r\n\r\n", post(b"0\r\n\r\n", CHUNKED, b"Content-Length: 5"), get(b"X : y"), post(b"Z\r\n", CHUNKED)]
)
def test_cve_2024_49768_waitress_what_follows_an_error_is_served(application: Any, bad: bytes) -> None:
    with serve(application, linger_seconds=30) as served, served.connect() as peer:
        peer.send(bad)
        time.sleep(0.02)  # so that what follows comes while the error is being answered
        peer.send(get(line=b"GET /hidden HTTP/1.1"))
        assert peer.read_to_end().count(b"HTTP/1.1 ") == 1


def test_cve_2024_49769_waitress_a_client_that_is_gone_at_once_keeps_the_server_busy() -> None:
    with serve(hello) as served:
        for _ in range(20):
            peer = served.connect()
            peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            peer.socket.close()  # a reset
        half = [served.connect() for _ in range(20)]
        for peer in half:
            peer.socket.shutdown(socket.SHUT_WR)
        wait_for(lambda: served.server.open_connections == 0)
        began = time.process_time()
        time.sleep(0.4)  # nobody is there: nothing may happen
        assert time.process_time() - began < 0.2
        for peer in half:
            peer.socket.close()


@pytest.mark.parametrize(
    "target", [b"/%1b%5b31mred", b"/%0d%0aGET%20/%20200", b"/a%E2%80%A8b", b"/%e2%80%aeabc", b"/%9b31m"]
)
def test_cve_2020_7694_uvicorn_a_path_writes_control_characters_into_the_log(target: bytes, tmp_path: Path) -> None:
    written = tmp_path / "log"
    with serve(hello, access_log=True, access_log_file=str(written)) as served:
        served.ask(get(line=b"GET " + target + b" HTTP/1.1"))
        wait_for(lambda: written.exists() and written.read_text())
    line = written.read_text()
    assert line.isascii()
    assert line.count("\n") == 1
    assert line[:-1].isprintable()
    assert target.decode() in line


def test_what_an_application_s_error_says_adds_no_line_to_the_log() -> None:
    async def fails(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        raise ValueError("bad\n2030-01-01 INFO all is well\x1b[2J")

    written = StringIO()
    with serve(fails) as served:
        served.server.logger.log_message = StreamLog(written).log_message  # type: ignore[method-assign]
        assert served.ask(get())[0] == 500
        wait_for(written.getvalue)
    assert "\x1b" not in written.getvalue()
    assert all(line.startswith("    | ") for line in written.getvalue().splitlines()[1:])
