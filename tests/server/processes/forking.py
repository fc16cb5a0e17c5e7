"""Applications for servers as processes: they fork in a request, and the child comes back in several ways."""

import asyncio
import multiprocessing
import multiprocessing.connection
import os
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from urllib.parse import parse_qsl

from veche.asgi import Environ, Receive, Scope, Send, StartResponse

multiprocessing.set_start_method("fork")


def held_sockets() -> str:
    """The kernel's names of the sockets that this process holds, apart from those between processes."""
    names = []
    for name in os.listdir("/proc/self/fd"):
        with suppress(OSError):  # the one that read the folder
            names.append(os.readlink(f"/proc/self/fd/{name}"))
    return " ".join(name for name in names if name.startswith("socket:"))


def compute(pipe: "multiprocessing.connection.Connection", number: int) -> None:
    pipe.send(f"{number * number} {held_sockets()}")
    pipe.close()


def in_process() -> str:
    ours, theirs = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.Process(target=compute, args=(theirs, 12))
    process.start()
    text: str = ours.recv()
    process.join()
    return f"{process.exitcode} {text}"


def terminated() -> str:
    """multiprocessing's way to end a child; as the child sees it, a TERM."""
    process = multiprocessing.Process(target=time.sleep, args=(60,))
    process.start()
    process.terminate()
    process.join(10)
    return str(process.exitcode)


def ended(pid: int) -> str:
    found, status = os.waitpid(pid, os.WNOHANG)
    return str(os.waitstatus_to_exitcode(status)) if found else "runs"


def plain(path: str, query: dict[str, str]) -> str | None:
    match path:
        case "/multiprocessing":
            return in_process()
        case "/terminated":
            return terminated()
        case "/ended":
            return ended(int(query["pid"]))
        case "/executed":
            pid = os.fork()
            if not pid:
                os.execv("/bin/sh", ["sh", "-c", "exit 9"])
            return str(pid)
        case "/":
            return str(os.getpid())
    return None


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        raise NotImplementedError
    path = scope["path"]
    body = plain(path, dict(parse_qsl(scope["query_string"].decode())))
    if body is None:
        if path.startswith("/later"):
            await asyncio.sleep(0.001)
        pid = os.fork()
        if not pid and path.endswith("/exits"):
            sys.exit(5)
        body = f"parent of {pid}" if pid else "the child answers"
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": body.encode()})


def wsgi(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    path = environ["PATH_INFO"]
    body = plain(path, dict(parse_qsl(environ["QUERY_STRING"])))
    parts = []
    if body is None:
        pid = os.fork()
        if not pid and path.endswith("/exits"):
            sys.exit(5)
        body = f"parent of {pid}" if pid else "the child answers"
        if not pid and path.endswith("/streams"):
            parts = [b"x" * 60000] * 5
    start_response("200 OK", [("Content-Type", "text/plain")])
    return iter([body.encode(), *parts])
