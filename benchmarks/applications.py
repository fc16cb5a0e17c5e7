"""The applications that every server serves in the benchmarks.

One job: do as little as an application can.
"""

from typing import Any

BODY = b"Hello, world!"


async def hello_asgi(scope: Any, receive: Any, send: Any) -> None:
    """13 octets of text."""
    if scope["type"] != "http":
        raise NotImplementedError(scope["type"])
    await send(
        {
            "type": "http.response.start",
            "status": 200,
            "headers": [(b"content-type", b"text/plain"), (b"content-length", b"13")],
        }
    )
    await send({"type": "http.response.body", "body": BODY})


def hello_wsgi(environ: Any, start_response: Any) -> list[bytes]:
    """The same by PEP 3333."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "13")])
    return [BODY]
