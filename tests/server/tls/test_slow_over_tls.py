"""The deadlines of a connection hold inside TLS, too: slow heads, slow bodies, slow readers, and the idle."""

import contextlib
import os
import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fixtures.certificates import TLS_NAME, Authority
from fixtures.serving import PATIENCE_SECONDS, Served, serve, wait_for
from veche.asgi import Receive, Scope, Send
from veche.server.manner import Manner

LOOPS = pytest.mark.parametrize("plain_asyncio", [False, True], ids=["uvloop", "asyncio"])
SHORT = 0.3
REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


class Application:
    """Reads the body and answers; at /floods it sends for as long as somebody reads."""

    outcome = ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        while (await receive()).get("more_body"):
            pass
        await send({"type": "http.response.start", "status": 200, "headers": []})
        try:
            while scope["path"] == "/floods":
                await send({"type": "http.response.body", "body": b"a" * 65536, "more_body": True})
        except OSError as error:
            self.outcome = type(error).__name__
            raise
        await send({"type": "http.response.body", "body": b"hello"})


@contextlib.contextmanager
def connected(folder: Path, application: Application, **settings: Any) -> Iterator[tuple[Served, ssl.SSLSocket]]:
    authority = Authority(folder)
    certificate, key = authority.issue(TLS_NAME)
    settings |= {"tls_certificate": (certificate,), "tls_key": (key,)}
    with (
        serve(application, manner=Manner(tls=True), **settings) as served,
        socket.create_connection(served.address, PATIENCE_SECONDS) as plain,
        authority.client().wrap_socket(plain, server_hostname=TLS_NAME) as client,
    ):
        yield served, client


def read_to_end(client: ssl.SSLSocket) -> bytes:
    return b"".join(iter(lambda: client.recv(65536), b""))


@LOOPS
def test_octets_that_drip_do_not_move_the_deadline_of_the_head(tmp_path: Path, *, plain_asyncio: bool) -> None:
    with connected(tmp_path, Application(), plain_asyncio=plain_asyncio, head_timeout_seconds=SHORT) as (_, client):
        client.settimeout(SHORT / 10)
        answer, end = b"", time.monotonic() + PATIENCE_SECONDS
        for octet in REQUEST * 100:  # it would take ten times the deadline to come to an end
            assert time.monotonic() < end
            client.sendall(bytes([octet]).replace(b"\n", b"a"))
            with contextlib.suppress(TimeoutError):
                answer = client.recv(65536)
                break
        assert answer.startswith(b"HTTP/1.1 408 ")


@LOOPS
def test_a_body_that_stalls_is_answered_408(tmp_path: Path, *, plain_asyncio: bool) -> None:
    with connected(tmp_path, Application(), plain_asyncio=plain_asyncio, body_stall_seconds=SHORT) as (_, client):
        client.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc")
        assert read_to_end(client).startswith(b"HTTP/1.1 408 ")


@LOOPS
def test_an_idle_connection_is_closed_in_good_order(tmp_path: Path, *, plain_asyncio: bool) -> None:
    with connected(tmp_path, Application(), plain_asyncio=plain_asyncio, keep_alive_seconds=SHORT) as (_, client):
        client.sendall(REQUEST)
        assert read_to_end(client).startswith(b"HTTP/1.1 200 ")  # and no error: TLS's own end came before TCP's


@LOOPS
def test_a_peer_that_does_not_read_is_reset_and_its_application_told(tmp_path: Path, *, plain_asyncio: bool) -> None:
    application = Application()
    settings: dict[str, Any] = {"plain_asyncio": plain_asyncio, "write_stall_seconds": SHORT}
    with connected(tmp_path, application, **settings) as (served, client):
        client.sendall(REQUEST.replace(b"GET /", b"GET /floods"))
        wait_for(lambda: application.outcome, "the cut")
        assert application.outcome == "ClientDisconnected"
        wait_for(lambda: served.server.open_connections == 0, "nobody to be there")
        below = socket.socket(fileno=os.dup(client.fileno()))  # OpenSSL does not tell a reset from an end
        below.settimeout(PATIENCE_SECONDS)
        with below, pytest.raises(ConnectionResetError):  # an end in good order would wait in the kernel for its reader
            while below.recv(65536):
                pass
