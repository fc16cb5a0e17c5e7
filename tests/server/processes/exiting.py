"""An application for servers as processes: it exits where its path says so."""

import asyncio
import os
import resource
import sys
from contextlib import suppress
from pathlib import Path

from veche.asgi import Receive, Scope, Send

HELD: list[bytearray] = []


def take_all_memory() -> None:
    """As a leak does it, in a process with a limit of its own."""
    now = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now + (64 << 20), resource.RLIM_INFINITY))
    for size in (100_000, 500):
        with suppress(MemoryError):
            while True:
                HELD.append(bytearray(size))


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        await receive()
        if "EXIT_AT_START" in os.environ:
            sys.exit("no licence")
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    if scope["path"] == "/later":
        await asyncio.sleep(0.001)
    if scope["path"] == "/cancels-all":
        for task in asyncio.all_tasks():
            task.cancel()
        await asyncio.sleep(1)
    if scope["path"] == "/takes-all-memory":
        take_all_memory()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"held"})
        return
    if scope["path"] == "/asks-too-much":
        asyncio.get_running_loop().call_soon(bytearray, 1 << 60)
    elif scope["path"] == "/stops-the-loop":
        asyncio.get_running_loop().stop()
    elif scope["path"] == "/breaks-the-handler":
        asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: 1 / 0)
        asyncio.get_running_loop().call_soon(int, "no number")
    elif scope["path"] != "/":
        sys.exit(4)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(os.getpid()).encode()})
