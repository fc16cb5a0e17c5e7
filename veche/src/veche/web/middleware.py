"""The middleware that every site wants: security headers, and a line in the log for each request.

One job: wrap an ASGI application in another one (pure ASGI: no copied bodies, no lost context variables).
Must not know: routes, pages, sessions.
"""

import secrets
import time
from collections.abc import Callable, Mapping
from typing import Final

from veche.asgi import ASGIApplication, Message, Receive, Scope, Send
from veche.http import field_line
from veche.log import Sink

NONCE: Final = "{nonce}"
POLICY_FIELD: Final = b"content-security-policy"

DEFAULT_POLICY: Final[Mapping[str, str]] = {
    "default-src": "'self'",
    "script-src": "'self' 'nonce-{nonce}'",
    "style-src": "'self' 'nonce-{nonce}'",
    "img-src": "'self' data:",
    "object-src": "'none'",
    "base-uri": "'none'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
}

FIXED_HEADERS: Final[Mapping[str, str]] = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",  # an address may hold a one-time link
    "cross-origin-opener-policy": "same-origin",
}


def security_headers(policy: Mapping[str, str] = DEFAULT_POLICY) -> Callable[[ASGIApplication], ASGIApplication]:
    """Return middleware that adds the headers which an answer has not set itself.

    policy: directive → sources (CSP 3), where "{nonce}" becomes the request's own, `request.state.csp_nonce`.
    """
    lines = [field_line(name, value) for name, value in FIXED_HEADERS.items()]
    template = "; ".join(f"{directive} {sources}" for directive, sources in policy.items())
    field_line("content-security-policy", template)  # a policy that cannot be sent is a mistake to be told at start

    def wrap(application: ASGIApplication) -> ASGIApplication:
        async def secured(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await application(scope, receive, send)
                return
            nonce = secrets.token_urlsafe(16)
            scope.setdefault("state", {})["csp_nonce"] = nonce

            async def send_secured(message: Message) -> None:
                if message["type"] == "http.response.start":
                    headers = list(message.get("headers", ()))
                    present = {name for name, _value in headers}
                    headers += [line for line in lines if line[0] not in present]
                    if POLICY_FIELD not in present:
                        headers.append((POLICY_FIELD, template.replace(NONCE, nonce).encode("latin-1")))
                    message["headers"] = headers
                await send(message)

            await application(scope, receive, send_secured)

        return secured

    return wrap


def request_log(
    logger: Sink, *, clock: Callable[[], float] = time.perf_counter
) -> Callable[[ASGIApplication], ASGIApplication]:
    """Return middleware that logs method, path, status and duration of each request when its answer is complete.

    A WebSocket is logged when it ends, with status 101; status 0 means that nothing was answered.
    """

    def wrap(application: ASGIApplication) -> ASGIApplication:
        async def logged(scope: Scope, receive: Receive, send: Send) -> None:
            begun = clock()
            status = 0

            async def send_watched(message: Message) -> None:
                nonlocal status
                if message["type"] in ("http.response.start", "websocket.http.response.start"):
                    status = message["status"]
                elif message["type"] == "websocket.accept":
                    status = 101
                await send(message)

            try:
                await application(scope, receive, send_watched)
            finally:
                logger.log_message(
                    "request",
                    method=scope.get("method", "WEBSOCKET"),
                    path=scope["path"],
                    status=status,
                    duration_milliseconds=round((clock() - begun) * 1000, 1),
                )

        return logged

    return wrap
