"""Answers whose end is not known when they begin.

One job: send what an iterator gives, and stop when nobody listens any more.
Must not know: what is streamed.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Mapping
from contextlib import aclosing

from veche.asgi import Receive, Scope, Send
from veche.web.responses.response import Response


class StreamingResponse(Response):
    """The pieces of an iterator, each sent as it comes. A plain iterable is walked in a thread."""

    def __init__(
        self,
        content: AsyncIterable[bytes | str] | Iterable[bytes | str],
        status_code: int = 200,
        headers: Mapping[str, str] | None = None,
        media_type: str | None = None,
    ) -> None:
        super().__init__(b"", status_code, headers, media_type)
        del self.headers["content-length"]
        if headers is not None and (length := {k.lower(): v for k, v in headers.items()}.get("content-length")):
            self.headers["content-length"] = length
        self._content = content

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.headers.raw})
        if scope["method"] == "HEAD":
            await send({"type": "http.response.body", "body": b""})
            return
        sending = asyncio.ensure_future(self._send_pieces(send))
        leaving = asyncio.ensure_future(_wait_for_disconnect(receive))
        try:
            # An idle stream would never learn from send() that its reader has gone.
            await asyncio.wait((sending, leaving), return_when=asyncio.FIRST_COMPLETED)
            if sending.done():
                sending.result()
        finally:
            for task in (sending, leaving):
                task.cancel()
            await asyncio.gather(sending, leaving, return_exceptions=True)

    async def _send_pieces(self, send: Send) -> None:
        async with aclosing(_pieces(self._content)) as pieces:
            async for piece in pieces:
                octets = piece.encode() if isinstance(piece, str) else piece
                await send({"type": "http.response.body", "body": octets, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


async def _wait_for_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _pieces(content: AsyncIterable[bytes | str] | Iterable[bytes | str]) -> AsyncGenerator[bytes | str, None]:
    if isinstance(content, AsyncIterable):
        iterator = aiter(content)
        try:
            async for piece in iterator:
                yield piece
        finally:
            # The source learns at once that its reader has gone, not when the garbage is collected.
            close = getattr(iterator, "aclose", None)
            if close is not None:
                await close()
        return
    walker = iter(content)
    while (piece_or_end := await asyncio.to_thread(next, walker, None)) is not None:
        yield piece_or_end
