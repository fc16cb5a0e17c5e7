"""A WSGI application mounted among ours: `Mount("/old", from_wsgi(flask_application))`.

One job: scope → environ, and the iterable's octets to send.
Must not know: routes.
"""

import asyncio
import io
import sys
from collections.abc import Callable, Iterable

from veche.asgi import ASGIApplication, Environ, ExceptionTriple, Receive, Scope, Send, WSGIApplication
from veche.web.errors import HTTPException
from veche.web.requests import Request


def from_wsgi(application: WSGIApplication) -> ASGIApplication:
    """Return the WSGI application as an ASGI application; each request has a thread of the loop's pool while it lasts.

    The request body is taken in whole, within the limits of BodyLimits.memory_octets.
    """

    async def mounted(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise HTTPException(404, "There is nothing at this address.")
        environ = _environ_of(scope, await Request(scope, receive).body())
        loop = asyncio.get_running_loop()
        begun = _Beginning()

        def deliver(message: dict[str, object]) -> None:
            # Waiting for each piece here is the back-pressure: the iterable is not walked ahead of the client.
            asyncio.run_coroutine_threadsafe(_as_coroutine(send, message), loop).result()

        await asyncio.to_thread(_run, application, environ, begun, deliver)

    return mounted


async def _as_coroutine(send: Send, message: dict[str, object]) -> None:
    await send(message)


class _Beginning:
    """What start_response was told, until the first octet makes it final (PEP 3333)."""

    def __init__(self) -> None:
        self.message: dict[str, object] | None = None
        self.written: list[bytes] = []

    def start_response(
        self, status: str, headers: list[tuple[str, str]], exc_info: ExceptionTriple | None = None, /
    ) -> Callable[[bytes], object]:
        if self.message is not None and exc_info is None:
            raise RuntimeError("start_response was called twice without exc_info (PEP 3333)")
        self.message = {
            "type": "http.response.start",
            "status": int(status.split(" ", 1)[0]),
            "headers": [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers],
        }
        return self.written.append


def _run(
    application: WSGIApplication, environ: Environ, begun: _Beginning, deliver: Callable[[dict[str, object]], None]
) -> None:
    pieces: Iterable[bytes] = application(environ, begun.start_response)
    sent = False
    try:
        for piece in pieces:
            octets = b"".join([*begun.written, piece])
            begun.written.clear()
            if not octets:
                continue
            if not sent:
                sent = _begin(begun, deliver)
            deliver({"type": "http.response.body", "body": octets, "more_body": True})
        if not sent:
            _begin(begun, deliver)
        deliver({"type": "http.response.body", "body": b"".join(begun.written)})
    finally:
        close = getattr(pieces, "close", None)
        if close is not None:
            close()


def _begin(begun: _Beginning, deliver: Callable[[dict[str, object]], None]) -> bool:
    if begun.message is None:
        raise RuntimeError("the WSGI application did not call start_response before its first octet (PEP 3333)")
    deliver(begun.message)
    return True


def _environ_of(scope: Scope, body: bytes) -> Environ:
    root_path = scope.get("root_path", "")
    host, port = scope.get("server") or ("localhost", 80)
    environ: Environ = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": _native(root_path),
        "PATH_INFO": _native(scope["path"].removeprefix(root_path)),
        "QUERY_STRING": scope.get("query_string", b"").decode("latin-1"),
        "SERVER_NAME": str(host),
        "SERVER_PORT": str(port or 80),
        "SERVER_PROTOCOL": f"HTTP/{scope.get('http_version', '1.1')}",
        "REMOTE_ADDR": str((scope.get("client") or ("",))[0]),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.get("scheme", "http"),
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for raw_name, raw_value in scope["headers"]:
        if b"_" in raw_name:  # x_forwarded_for would become the same key as x-forwarded-for, past every proxy's care
            continue
        name, value = raw_name.decode("latin-1").upper().replace("-", "_"), raw_value.decode("latin-1")
        key = name if name in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{name}"
        joined = "; " if key == "HTTP_COOKIE" else ","
        environ[key] = environ[key] + joined + value if key in environ else value
    environ["CONTENT_LENGTH"] = str(len(body))
    return environ


def _native(path: str) -> str:
    return path.encode().decode("latin-1")
