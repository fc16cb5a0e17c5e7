"""An application that calls sys.exit() ends its own request: no other one, no worker, no place in the scoreboard."""

import asyncio
import logging
import sys
from typing import Any

import pytest

from fixtures.requests import get
from fixtures.serving import Peer, Served, wait_for
from fixtures.watching import watched
from veche.asgi import ASGIApplication, Receive, Scope, Send
from veche.log import Level

ENDINGS = [SystemExit(3), KeyboardInterrupt(), GeneratorExit()]
UPGRADE = (
    b"Connection: Upgrade",
    b"Upgrade: websocket",
    b"Sec-WebSocket-Version: 13",
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)


def name_of(error: BaseException) -> str:
    return type(error).__name__


def raising(error: BaseException, *, after: int) -> ASGIApplication:
    """An application that raises in its first step, or in a later one; other paths are answered."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        if scope["path"] == "/":
            for _ in range(after):
                await asyncio.sleep(0)
            raise error
        if scope["path"] == "/group":
            async with asyncio.TaskGroup() as group:
                group.create_task(raise_soon(error))
        await answer(send)

    return application


def raising_without_a_coroutine(error: BaseException) -> Any:
    def application(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        raise error

    return application


async def raise_soon(error: BaseException) -> None:
    await asyncio.sleep(0)
    raise error


async def answer(send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


def faults(served: Served) -> list[tuple[str, str]]:
    """What was said of applications, each with the last line of its traceback."""
    return [
        (message, str(fields["traceback"]).strip().splitlines()[-1])
        for message, level, fields in served.log.entries
        if level is Level.ERROR
    ]


def ask(peer: Peer, path: bytes = b"/") -> int:
    peer.send(get(line=b"GET %b HTTP/1.1" % path))
    return peer.read_response()[0]


@pytest.mark.parametrize("plain_asyncio", [False, True])
@pytest.mark.parametrize("after", [0, 1, 3])
@pytest.mark.parametrize("error", ENDINGS, ids=name_of)
def test_whoever_exits_is_answered_500_and_others_are_served(
    error: BaseException, after: int, plain_asyncio: bool, caplog: pytest.LogCaptureFixture
) -> None:
    name = name_of(error)
    with watched(raising(error, after=after), plain_asyncio=plain_asyncio) as server, server.served.connect() as peer:
        for _ in range(3):
            assert ask(peer) == 500
            assert ask(peer, b"/other") == 200
        server.wait_until_empty()
        entries = faults(server.served)
        assert len(entries) == 3
        said = "the application failed" if name == "GeneratorExit" else f"the application raised {name}: it ends this"
        assert all(message.startswith(said) and last.startswith(name) for message, last in entries)
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []  # it was said once


@pytest.mark.parametrize("error", ENDINGS, ids=name_of)
def test_an_application_that_is_no_coroutine_function_may_exit_too(error: BaseException) -> None:
    with watched(raising_without_a_coroutine(error)) as server, server.served.connect() as peer:
        for _ in range(3):
            assert ask(peer) == 500
        server.wait_until_empty()


@pytest.mark.parametrize("error", ENDINGS[:2], ids=name_of)
def test_a_task_of_the_application_that_exits_ends_its_group_s_request(error: BaseException) -> None:
    with watched(raising(error, after=0)) as server, server.served.connect() as peer:
        for _ in range(3):
            assert ask(peer, b"/group") == 500
            assert ask(peer, b"/other") == 200
        server.wait_until_empty()


def test_what_exits_without_a_request_is_told_with_its_place_and_the_loop_goes_on() -> None:
    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        asyncio.get_running_loop().call_soon(sys.exit, "enough")
        await answer(send)

    with watched(application) as server, server.served.connect() as peer:
        for _ in range(3):
            assert ask(peer) == 200
        wait_for(lambda: len(server.served.log.entries) >= 2)
        told = server.served.log.messages(Level.WARNING)
        assert len(told) >= 2
        assert all("SystemExit (enough) was raised" in message for message in told), told


@pytest.mark.parametrize("when", ["before accept", "after accept", "later"])
@pytest.mark.parametrize("error", ENDINGS, ids=name_of)
def test_a_websocket_s_application_that_exits_ends_its_websocket(error: BaseException, when: str) -> None:
    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] != "lifespan"
        if scope["type"] == "http":
            await answer(send)
            return
        await receive()
        if when != "before accept":
            await send({"type": "websocket.accept"})
        if when == "later":
            await asyncio.sleep(0.001)
        raise error

    with watched(application) as server:
        for _ in range(3):
            with server.served.connect() as peer:
                peer.send(get(*UPGRADE))
                head = peer.read_until(b"\r\n\r\n")
                if when == "before accept":
                    assert head.startswith(b"HTTP/1.1 500 ")
                else:
                    assert peer.read_exactly(4) == b"\x88\x02\x03\xf3"  # 1011
        with server.served.connect() as peer:
            assert ask(peer) == 200
        server.wait_until_empty()
        assert [last.startswith(name_of(error)) for _, last in faults(server.served)] == [True] * 3
