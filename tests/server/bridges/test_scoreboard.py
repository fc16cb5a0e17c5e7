"""What bridges say in the scoreboard about the requests they carry."""

import asyncio
import threading
from collections.abc import Iterable

from fixtures.serving import wait_for
from fixtures.watching import watched
from veche.asgi import Environ, Receive, Scope, Send, StartResponse
from veche.server.scoreboard import Counter, Doing


def test_an_asgi_request_is_shown_from_its_start_to_the_end_of_its_task() -> None:
    release = threading.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})
        while not release.is_set():  # a background task of the framework, after the response
            await asyncio.sleep(0.01)

    with watched(app) as server:
        assert server.served.ask(b"GET /x?y=1 HTTP/1.1\r\nHost: h\r\n\r\n")[2] == b"ok"
        assert server.wait_for(Doing.RUNNING).request == "GET /x?y=1"
        release.set()
        server.wait_until_empty()


def test_an_asgi_request_that_waits_for_its_client_says_which_way() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        while (await receive()).get("more_body"):
            pass
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(1000):
            await send({"type": "http.response.body", "body": bytes(1 << 16), "more_body": True})
        await send({"type": "http.response.body"})

    with watched(app) as server, server.served.connect() as peer:
        peer.send(b"POST /up HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n12345")
        server.wait_for(Doing.READING, octets_in=5)
        peer.send(b"67890")
        wait_for(lambda: server.place.requests()[0].doing is Doing.WRITING, "the client to be waited for")
        assert server.place.requests()[0].octets_in == 10
        assert server.place.requests()[0].octets_out > 1 << 16


def test_an_application_that_fails_at_once_leaves_nothing_behind() -> None:
    async def fails(scope: Scope, receive: Receive, send: Send) -> None:
        raise RuntimeError("at once")

    with watched(fails) as server:
        assert server.served.ask(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")[0] == 500
        server.wait_until_empty()


def test_wsgi_requests_are_shown_running_and_waiting_for_a_thread() -> None:
    release = threading.Event()

    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        release.wait(10)
        start_response("200 OK", [("Content-Length", "2")])
        return [b"ok"]

    with watched(app, threads=1) as server, server.served.connect() as first, server.served.connect() as second:
        first.send(b"GET /first HTTP/1.1\r\nHost: h\r\n\r\n")
        wait_for(lambda: server.place.requests(), "the first")
        second.send(b"GET /second HTTP/1.1\r\nHost: h\r\n\r\n")

        def shown() -> dict[str, Doing]:
            return {request.request: request.doing for request in server.place.requests()}

        wait_for(lambda: shown() == {"GET /first": Doing.RUNNING, "GET /second": Doing.QUEUED}, "one of each")
        release.set()
        assert first.read_response()[2] == second.read_response()[2] == b"ok"
        server.wait_until_empty()


def test_a_websocket_is_shown_as_one_and_counted() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "websocket"
        await receive()
        await send({"type": "websocket.accept"})
        await receive()

    with watched(app) as server:
        with server.served.connect() as peer:
            peer.send(
                b"GET /chat HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: upgrade\r\n"
                b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
            )
            assert peer.read_until(b"\r\n\r\n").startswith(b"HTTP/1.1 101")
            assert server.wait_for(Doing.WEBSOCKET).request == "GET /chat"
            wait_for(lambda: server.place.counters()[Counter.WEBSOCKETS] == 1, "it to be counted")
        server.wait_until_empty()
        wait_for(lambda: server.place.counters()[Counter.WEBSOCKETS] == 0, "it to be counted no more")
