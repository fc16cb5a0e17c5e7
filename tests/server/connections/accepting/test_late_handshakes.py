"""A TLS handshake whose last octets came in time, and that the loop was too busy to read in time."""

import socket
import ssl
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from fixtures.certificates import TLS_NAME, Authority
from fixtures.serving import PATIENCE_SECONDS, serve
from veche.asgi import Receive, Scope, Send
from veche.server.manner import Manner

HANDSHAKE_SECONDS = 0.5


class Blocks:
    """Blocks the loop for a request of /block: this fault of an application is the matter of this test."""

    def __init__(self) -> None:
        self.standing = threading.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        if scope["path"] == "/block":
            self.standing.set()
            time.sleep(5 * HANDSHAKE_SECONDS)
        await hello(scope, receive, send)


async def hello(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"hello"})


@pytest.mark.parametrize("plain_asyncio", [False, True], ids=["uvloop", "asyncio"])
def test_it_is_finished_though_the_loop_stood_still_for_longer_than_it_may_take(
    tmp_path: Path, *, plain_asyncio: bool
) -> None:
    authority = Authority(tmp_path)
    certificate, key = authority.issue(TLS_NAME)
    application = Blocks()
    with (
        serve(
            application,
            manner=Manner(tls=True),
            plain_asyncio=plain_asyncio,
            tls_certificate=(certificate,),
            tls_key=(key,),
            tls_handshake_seconds=HANDSHAKE_SECONDS,
        ) as served,
        socket.create_connection(served.address, PATIENCE_SECONDS) as connection,
        ThreadPoolExecutor(1) as pool,
    ):
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        client = authority.client().wrap_bio(incoming, outgoing, server_hostname=TLS_NAME)
        with suppress(ssl.SSLWantReadError):
            client.do_handshake()
        connection.sendall(outgoing.read())
        while client.version() is None or not outgoing.pending:  # until our last octets of the handshake are ready
            incoming.write(connection.recv(65536))
            with suppress(ssl.SSLWantReadError):
                client.do_handshake()
        url = f"https://{TLS_NAME}:{served.address[1]}/block"
        blocking = pool.submit(httpx.get, url, verify=authority.client(), timeout=PATIENCE_SECONDS)
        assert application.standing.wait(PATIENCE_SECONDS)
        client.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        connection.sendall(outgoing.read())
        assert blocking.result(PATIENCE_SECONDS).status_code == 200
        while True:
            octets = connection.recv(65536)
            assert octets, "it was cut"
            incoming.write(octets)
            with suppress(ssl.SSLWantReadError):
                assert client.read().startswith(b"HTTP/1.1 200 ")
                break
