"""The body of one request, read at most once however many ask for it.

One job: keep what was read, within the limits, so that middleware and handler may both look.
Must not know: what the octets mean (forms.py).
"""

from collections.abc import AsyncIterator
from typing import Final

from veche.asgi import Message, Receive, Scope
from veche.http import Headers
from veche.web.errors import ClientDisconnect, HTTPException
from veche.web.requests.forms import FormData
from veche.web.requests.limits import BodyLimits

SCOPE_KEY: Final = "veche.body"
LIMITS_KEY: Final = "veche.limits"
DEFAULT_LIMITS: Final = BodyLimits()


class RequestBody:
    """One per request, kept in the scope, so that every Request made on this scope shares it."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self.limits: BodyLimits = scope.get(LIMITS_KEY, DEFAULT_LIMITS)
        self._scope = scope
        self._receive = receive
        self._begun = False
        self._whole: bytes | None = None
        self.form: FormData | None = None

    @classmethod
    def of(cls, scope: Scope, receive: Receive) -> "RequestBody":
        """Return the body of this scope, made at the first call."""
        body = scope.get(SCOPE_KEY)
        if not isinstance(body, cls):
            body = scope[SCOPE_KEY] = cls(scope, receive)
        return body

    def refuse_if_announced_over(self, limit_octets: int) -> None:
        """Raise 413 when Content-Length already says too much, before one octet is read."""
        announced = Headers(self._scope["headers"]).get("content-length", "")
        if announced.isascii() and announced.isdigit() and int(announced) > limit_octets:
            raise _too_large(limit_octets)

    async def stream(self, *, limit_octets: int | None = None) -> AsyncIterator[bytes]:
        """Yield the octets as they come, or in one piece when they were read before.

        Raises HTTPException(413) beyond limit_octets (body_octets where None), ClientDisconnect.
        """
        if self._whole is not None:
            yield self._whole
            return
        if self._begun:
            raise RuntimeError("the body was streamed before; read it with body() first where two need it")
        limit = self.limits.body_octets if limit_octets is None else limit_octets
        self.refuse_if_announced_over(limit)
        self._begun = True
        seen = 0
        more_body = True
        while more_body:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect("the client went away while its body was being read")
            octets = message.get("body", b"")
            more_body = message.get("more_body", False)
            seen += len(octets)
            if seen > limit:
                raise _too_large(limit)
            if octets:
                yield octets

    async def read(self) -> bytes:
        """Return the whole body; over memory_octets it is refused with 413."""
        if self._whole is None:
            limit = min(self.limits.memory_octets, self.limits.body_octets)
            self._whole = b"".join([octets async for octets in self.stream(limit_octets=limit)])
        return self._whole

    async def replay(self) -> Message:
        """A `receive` for whoever comes after us: what was read is given again, then the connection goes on."""
        if self._whole is not None:
            whole, self._whole = self._whole, None
            return {"type": "http.request", "body": whole, "more_body": False}
        if self.form is not None:
            raise RuntimeError("a multipart form was read before; a mounted application cannot read it again")
        return await self._receive()

    def close(self) -> None:
        """Remove the temporary files of uploads."""
        if self.form is not None:
            self.form.close()


def _too_large(limit_octets: int) -> HTTPException:
    return HTTPException(
        413, f"The request body is larger than {limit_octets} octets.", headers={"connection": "close"}
    )
