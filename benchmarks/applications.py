"""The applications that every server serves in the benchmarks.

One job: do as little as an application can for each kind of work.
"""

import asyncio
from typing import Any

BODY = b"Hello, world!"
PART = b"x" * 4096
PARTS = 16
TIMER_SECONDS = 0.01


def _refuse_all_but_http(scope: Any) -> None:
    if scope["type"] != "http":
        raise NotImplementedError(scope["type"])  # the lifespan is not ours: every server takes this for a no


async def hello_asgi(scope: Any, receive: Any, send: Any) -> None:
    """13 octets of text."""
    _refuse_all_but_http(scope)
    await send(
        {
            "type": "http.response.start",
            "status": 200,
            "headers": [(b"content-type", b"text/plain"), (b"content-length", b"13")],
        }
    )
    await send({"type": "http.response.body", "body": BODY})


async def echo_asgi(scope: Any, receive: Any, send: Any) -> None:
    """The request's body."""
    _refuse_all_but_http(scope)
    parts, more = [], True
    while more:
        message = await receive()
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    body = b"".join(parts)
    headers = [(b"content-type", b"application/octet-stream"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def stream_asgi(scope: Any, receive: Any, send: Any) -> None:
    """64 KB in 16 parts, without a length."""
    _refuse_all_but_http(scope)
    headers = [(b"content-type", b"application/octet-stream")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    for _ in range(PARTS):
        await send({"type": "http.response.body", "body": PART, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def timer_asgi(scope: Any, receive: Any, send: Any) -> None:
    """13 octets of text, 10 ms later."""
    _refuse_all_but_http(scope)
    await asyncio.sleep(TIMER_SECONDS)
    await hello_asgi(scope, receive, send)


def hello_wsgi(environ: Any, start_response: Any) -> list[bytes]:
    """13 octets of text by PEP 3333."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "13")])
    return [BODY]
