"""One HTTP request (names as in Starlette).

One job: method, and the body in the shape that was asked for.
Must not know: routes, answers.
"""

from collections.abc import AsyncIterator
from typing import Any

import msgspec

from veche.asgi import Receive, Scope
from veche.http import HttpError, parse_urlencoded
from veche.web.errors import HTTPException
from veche.web.requests.body import RequestBody
from veche.web.requests.connection import HTTPConnection
from veche.web.requests.forms import FormData, parse_multipart


class Request(HTTPConnection):
    """Any number of Requests may be made on one scope; they share the body, so middleware may read it too."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        super().__init__(scope)
        self._receive = receive

    @property
    def method(self) -> str:
        """The method in capitals."""
        method: str = self.scope["method"]
        return method

    @property
    def media_type(self) -> str:
        """The Content-Type without parameters, in lower case; "" where there is none."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def _body(self) -> RequestBody:
        return RequestBody.of(self.scope, self._receive)

    async def body(self) -> bytes:
        """Return the whole body. Raises HTTPException(413) beyond the limits."""
        return await self._body().read()

    def stream(self) -> AsyncIterator[bytes]:
        """Yield the body as it comes, for bodies that must not be in memory whole."""
        return self._body().stream()

    async def json(self) -> Any:  # JSON is whatever the client sent; Body[T] gives it a type
        """Return the body decoded from JSON. Raises HTTPException(400) when it is none."""
        try:
            return msgspec.json.decode(await self.body())
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise HTTPException(400, f"The body is not JSON: {error}.") from error

    async def form(self) -> FormData:
        """Return the fields and files of the form; a body of any other type is an empty form.

        Raises HTTPException: 400 for a form that cannot be read, 413 beyond the limits.
        """
        body = self._body()
        if body.form is None:
            body.form = await self._parse_form(body)
        return body.form

    async def _parse_form(self, body: RequestBody) -> FormData:
        if self.media_type == "application/x-www-form-urlencoded":
            try:
                return FormData(parse_urlencoded(await body.read(), limit_fields=body.limits.fields))
            except HttpError as error:
                raise HTTPException(error.status_code, f"The form cannot be read: {error}.") from error
        if self.media_type == "multipart/form-data":
            return await parse_multipart(body.stream(), self._boundary(), body.limits)
        return FormData()

    def _boundary(self) -> str:
        import multipart  # here, because most processes serve many requests before the first upload

        _media_type, options = multipart.parse_options_header(self.headers["content-type"])
        boundary: str = options.get("boundary", "")
        if not boundary:
            raise HTTPException(400, "The Content-Type of a multipart form must name its boundary (RFC 2046 §5.1.1).")
        return boundary
