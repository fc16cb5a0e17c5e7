"""An application whose workers tell each other about changes."""

import os
import time
from collections.abc import Mapping
from urllib.parse import parse_qsl

from veche.asgi import Receive, Scope, Send
from veche.publish import VERSION_UNKNOWN, Change, open_bus

HEARD: list[int] = []


async def newest(topics: frozenset[str]) -> Mapping[str, int]:
    return {}


def fail(error: Exception) -> None:
    raise error


BUS = open_bus(os.environ, newest, on_failure=fail)


async def answer(send: Send, text: str) -> None:
    headers = [(b"content-type", b"text/plain"), (b"content-length", str(len(text)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": text.encode()})


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        await receive()
        await BUS.start()
        BUS.subscribe("room", lambda change: HEARD.append(change.version))
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await BUS.close()
        await send({"type": "lifespan.shutdown.complete"})
        return
    parameters = dict(parse_qsl(scope["query_string"].decode()))
    match scope["path"]:
        case "/publish":
            for version in range(1, int(parameters["count"]) + 1):
                BUS.publish([Change("room", version)])
        case "/heard":
            await answer(send, str(sum(version != VERSION_UNKNOWN for version in HEARD)))
            return
        case "/missed":
            await answer(send, str(HEARD.count(VERSION_UNKNOWN)))
            return
        case "/hang":
            while os.path.exists(parameters["while"]):
                time.sleep(0.02)  # the loop itself, as a bad application does
    await answer(send, str(os.getpid()))
