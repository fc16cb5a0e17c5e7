"""The applications that the process tests serve; workers import this file by name."""

import asyncio
import atexit
import gc
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from veche.asgi import ASGIApplication, Environ, Receive, Scope, Send, StartResponse

HERE = Path(__file__).parent


def say(text: str) -> None:
    """Print a line in one write: print() makes two of it, and the lines of two processes would mix."""
    os.write(1, f"{text}\n".encode())


def wait_while(file: str) -> None:
    while os.path.exists(file):
        time.sleep(0.02)


def linger(file: str) -> None:
    say("the end of the process began")
    wait_while(file)


async def answer(send: Send, body: str, status: int = 200) -> None:
    headers = [(b"content-type", b"text/plain"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body.encode()})


async def lifespan(receive: Receive, send: Send) -> None:
    assert (await receive())["type"] == "lifespan.startup"
    await send({"type": "lifespan.startup.complete"})
    assert (await receive())["type"] == "lifespan.shutdown"
    say(f"lifespan of {os.getpid()} ended")
    await send({"type": "lifespan.shutdown.complete"})


async def count(number: str, receive: Receive) -> None:
    """Read the request to its end and write its number down: the server's side of fixtures.counted_load."""
    while (await receive()).get("more_body"):
        pass
    write_down(number)


def write_down(number: str) -> None:
    descriptor = os.open(os.environ["COUNT_FILE"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, f"{number}\n".encode())
    os.close(descriptor)


def forget_a_task() -> None:
    """Have the loop complain: nobody takes the exception of this Task."""

    async def fail() -> None:
        raise LookupError("nobody asks for this")

    asyncio.get_running_loop().create_task(fail(), name="forgotten")


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with the worker's pid; /slow?seconds= and /held?while= wait, /spin and /blocked?while= block the loop,
    /exit and /abort end it. while: a file."""
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
        return
    parameters = dict(parse_qsl(scope["query_string"].decode()))
    match scope["path"]:
        case "/slow":
            say("a slow request began")
            await asyncio.sleep(float(parameters["seconds"]))
        case "/held":
            say("a held request began")
            while os.path.exists(parameters["while"]):
                await asyncio.sleep(0.02)
        case "/spin":
            say("the loop is blocked")
            time.sleep(float(parameters["seconds"]))
        case "/blocked":
            say("the loop is blocked")
            wait_while(parameters["while"])
        case "/forgotten":
            forget_a_task()
        case "/exit":
            os._exit(7)
        case "/abort":
            signal.raise_signal(signal.SIGABRT)
        case "/orphan":
            subprocess.Popen(["/bin/sh", "-c", "(sleep 0.3; echo the orphan ends) &"]).wait()
        case "/counted":
            await count(parameters["n"], receive)
            await answer(send, f"{parameters['n']} {os.getpid()}")
            return
        case "/loop":
            await answer(send, type(asyncio.get_running_loop()).__module__)
            return
        case "/collector":
            await answer(send, f"{gc.get_threshold()} {gc.get_freeze_count()}")
            return
        case "/environ":
            await answer(send, os.environ.get(parameters["name"], ""))
            return
    await answer(send, str(os.getpid()))


def wsgi(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    if environ["PATH_INFO"] == "/held":
        say("a held request began")
        wait_while(dict(parse_qsl(environ["QUERY_STRING"]))["while"])
    body = str(os.getpid()).encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]


def wsgi_counted(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """The same count, in a thread that is blocked for a while: with few threads, others wait for one."""
    assert threading.current_thread().name.startswith("wsgi-")
    environ["wsgi.input"].read()
    time.sleep(0.01)
    number = dict(parse_qsl(environ["QUERY_STRING"]))["n"]
    write_down(number)
    body = f"{number} {os.getpid()}".encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]


def either(first: Any, second: Any, third: Any = None) -> Any:
    """Looks like WSGI, and is ASGI all the same."""
    return app(first, second, third)


def create() -> ASGIApplication:
    """A factory."""
    return app


def broken_factory() -> ASGIApplication:
    raise LookupError("no settings file")


async def refuses(scope: Scope, receive: Receive, send: Send) -> None:
    """Takes the startup message and says no."""
    assert scope["type"] == "lifespan"
    await receive()
    await send({"type": "lifespan.startup.failed", "message": "the database is away"})


async def raises(scope: Scope, receive: Receive, send: Send) -> None:
    """Takes the startup message and fails."""
    await receive()
    raise RuntimeError("startup broke")


async def starts_for_ever(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    await asyncio.sleep(3600)


async def keeps_the_sockets(scope: Scope, receive: Receive, send: Send) -> None:
    """Starts a program that holds every socket of the worker that listens, as a careless daemon would."""
    if scope["type"] == "lifespan":
        doors = []
        for number in map(int, os.listdir("/proc/self/fd")):
            with suppress(OSError), socket.socket(fileno=os.dup(number)) as seen:
                if seen.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                    doors.append(number)
        keeper = subprocess.Popen(["/bin/sleep", "600"], pass_fds=doors)
        say(f"kept by {keeper.pid}" if doors else "there is no door")
    await app(scope, receive, send)


async def fails_when_told(scope: Scope, receive: Receive, send: Send) -> None:
    """Starts only while the file named in the environment does not exist."""
    if scope["type"] == "lifespan" and os.path.exists(os.environ["FAIL_FILE"]):
        await receive()
        raise RuntimeError("the new code is broken")
    await app(scope, receive, send)


async def raises_surrogates(scope: Scope, receive: Receive, send: Send) -> None:
    """Fails with the name of a file that is no UTF-8, as os.fsdecode gives it."""
    await receive()
    raise RuntimeError("no file caf\udce9.toml")


async def raises_a_megabyte(scope: Scope, receive: Receive, send: Send) -> None:
    """Fails with a text that nobody reads to its end."""
    await receive()
    raise RuntimeError("it begins here" + "\0" * 3_000_000 + "it ends here")


def broken_factory_at_length() -> ASGIApplication:
    raise LookupError("it begins here" + "\N{GRINNING FACE}" * 3_000_000 + "it ends here")


async def starts_when_told(scope: Scope, receive: Receive, send: Send) -> None:
    """Becomes ready only while the file named in the environment does not exist."""
    while scope["type"] == "lifespan" and os.path.exists(os.environ["WAIT_FILE"]):
        await asyncio.sleep(0.02)
    await app(scope, receive, send)


if "TELL_IMPORTS" in os.environ:
    say(f"the application is loaded in {os.getpid()}")

if "LOGGING" in os.environ:
    logging.basicConfig(format="%(name)s by logging: %(message)s")

if "LINGER_WHILE" in os.environ:
    atexit.register(linger, os.environ["LINGER_WHILE"])

if "EXIT_AT_IMPORT" in os.environ:
    sys.exit("not today")
