"""Answers that are made whole before they are sent.

One job: status, fields and octets as the two ASGI messages.
Must not know: requests, templates, files, streams.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import ClassVar
from urllib.parse import quote

import msgspec

from veche.asgi import Receive, Scope, Send
from veche.http import MutableHeaders, SameSite, field_line, forbids_body, set_cookie_line

# What may stand in a URL as it is; everything else is percent-encoded, CR and LF among it (RFC 3986 §2).
URL_SAFE = "/:?#[]@!$&'()*+,;=%~-._"


class Response:
    """An ASGI application that sends one answer; also the base of all the others."""

    media_type: ClassVar[str | None] = None

    def __init__(
        self,
        content: str | bytes = b"",
        status_code: int = 200,
        headers: Mapping[str, str] | None = None,
        media_type: str | None = None,
    ) -> None:
        self.status_code = status_code
        self.body = content.encode() if isinstance(content, str) else content
        self.headers = MutableHeaders(headers or {})
        lines = self.headers.raw
        media_type = media_type or self.media_type
        if media_type is not None and "content-type" not in self.headers:
            lines.append(_content_type(media_type))
        if not forbids_body(status_code) and "content-length" not in self.headers:
            lines.append((b"content-length", b"%d" % len(self.body)))

    def set_cookie(
        self,
        name: str,
        value: str,
        *,
        max_age_seconds: int | None = None,
        path: str = "/",
        domain: str | None = None,
        secure: bool = True,
        http_only: bool = True,
        same_site: SameSite = "Lax",
    ) -> None:
        """Add a Set-Cookie field; the defaults are the careful ones. Raises BadFieldLine (set_cookie_line)."""
        line = set_cookie_line(
            name,
            value,
            max_age_seconds=max_age_seconds,
            path=path,
            domain=domain,
            secure=secure,
            http_only=http_only,
            same_site=same_site,
        )
        self.headers.append("set-cookie", line)

    def delete_cookie(self, name: str, *, path: str = "/", domain: str | None = None, secure: bool = True) -> None:
        """Tell the browser to forget a cookie; path, domain and secure must be those it was set with."""
        self.set_cookie(name, "", max_age_seconds=0, path=path, domain=domain, secure=secure)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.headers.raw})
        await send({"type": "http.response.body", "body": self.body})


@lru_cache(maxsize=256)
def _content_type(media_type: str) -> tuple[bytes, bytes]:
    if media_type.startswith("text/") and "charset=" not in media_type:
        media_type += "; charset=utf-8"
    return field_line("content-type", media_type)


class HTMLResponse(Response):
    """A page."""

    media_type = "text/html"


class PlainTextResponse(Response):
    """Text."""

    media_type = "text/plain"


class JSONResponse(Response):
    """Anything that msgspec encodes: structs, mappings, lists, dates."""

    media_type = "application/json"

    def __init__(
        self,
        content: object,
        status_code: int = 200,
        headers: Mapping[str, str] | None = None,
        media_type: str | None = None,
    ) -> None:
        super().__init__(msgspec.json.encode(content), status_code, headers, media_type)


class RedirectResponse(Response):
    """Another address. 303 makes the browser GET it, which is what a form needs after POST (RFC 9110 §15.4.4).

    Give 307 or 308 to keep the method.
    """

    def __init__(self, url: str, status_code: int = 303, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(b"", status_code, headers)
        self.headers["location"] = quote(url, safe=URL_SAFE)
