"""An application that blocks the loop in each way there is."""

import asyncio
import faulthandler
import threading
import time
from collections.abc import Iterable
from urllib.parse import parse_qsl

from veche.asgi import Environ, Receive, Scope, Send, StartResponse


def python(seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass


def c_without_the_gil(seconds: float) -> None:
    time.sleep(seconds)


def c_with_the_gil(seconds: float) -> None:
    sum(range(int(seconds) * 10**12))  # one call into C that never looks up


async def waits() -> None:
    print("it waits now", flush=True)
    await asyncio.sleep(3600)


async def eats() -> None:
    eaten = []
    while True:
        eaten.append(bytearray(b"x" * (2 << 20)))
        await asyncio.sleep(0.02)


def fault() -> None:
    faulthandler._sigsegv()  # type: ignore[attr-defined]  # what it exists for


BLOCKING = {"/python": python, "/c_without_the_gil": c_without_the_gil, "/c_with_the_gil": c_with_the_gil}


def hangs() -> None:
    threading.Event().wait()


def wsgi(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """/hangs never ends; all else is answered."""
    if environ["PATH_INFO"] == "/hangs":
        hangs()
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]


async def chat(receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    await receive()
    python(60)


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """/python, /c_without_the_gil, /c_with_the_gil, /later?seconds=; /waits; /fault; /eats; all else is answered.

    A WebSocket blocks at its first message.
    """
    if scope["type"] == "websocket":
        await chat(receive, send)
        return
    assert scope["type"] == "http"
    parameters = dict(parse_qsl(scope["query_string"].decode()))
    if scope["path"] in BLOCKING:
        BLOCKING[scope["path"]](float(parameters["seconds"]))
    elif scope["path"] == "/later":
        await asyncio.sleep(0.1)
        python(float(parameters["seconds"]))
    elif scope["path"] == "/waits":
        await waits()
    elif scope["path"] == "/fault":
        fault()
    elif scope["path"] == "/eats":
        await eats()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})
