"""Server-Sent Events (HTML Standard §9.2).

One job: events to the lines of text/event-stream, and a sign of life while there are none.
Must not know: topics, fragments.
"""

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator
from contextlib import aclosing
from typing import Final

from msgspec import Struct

from veche.asgi import Receive, Scope, Send
from veche.web.errors import HTTPException
from veche.web.responses.streaming import StreamingResponse

WSGI_EXTENSION: Final = "veche.wsgi"
LINE_END: Final = re.compile(r"\r\n|\r|\n")  # §9.2.6: a bare CR ends a line too, and would let data begin a field
FORBIDDEN_IN_FIELD: Final = re.compile(r"[\r\n\x00]")
HEARTBEAT_SECONDS: Final = 15.0
HEARTBEAT: Final = b":\n\n"


class ServerSentEvent(Struct, frozen=True):
    """One event. data may hold any text; event and id are single lines."""

    data: str
    event: str = ""
    id: str = ""
    retry_milliseconds: int | None = None

    def encode(self) -> bytes:
        """Return the event's lines. Raises ValueError when event or id would break out of its line."""
        lines = []
        for name, value in (("event", self.event), ("id", self.id)):
            if FORBIDDEN_IN_FIELD.search(value):
                raise ValueError(f"{name} {value!r} of an event holds CR, LF or NUL; it must be one line")
            if value:
                lines.append(f"{name}: {value}")
        if self.retry_milliseconds is not None:
            lines.append(f"retry: {self.retry_milliseconds}")
        lines += [f"data: {line}" for line in LINE_END.split(self.data)]
        return ("\n".join(lines) + "\n\n").encode()


class EventStreamResponse(StreamingResponse):
    """The events as they come; a comment after each 15 idle seconds keeps proxies from closing the connection.

    Behind WSGI it is refused with 501: each stream would hold one of few workers.
    """

    media_type = "text/event-stream"

    def __init__(self, events: AsyncIterable[ServerSentEvent], *, heartbeat_seconds: float = HEARTBEAT_SECONDS) -> None:
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}  # the latter: nginx must not collect events
        super().__init__(_with_heartbeat(events, heartbeat_seconds), headers=headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if WSGI_EXTENSION in scope.get("extensions", {}):
            raise HTTPException(501, "Events need a server with ASGI; poll instead.")
        await super().__call__(scope, receive, send)


async def _with_heartbeat(
    events: AsyncIterable[ServerSentEvent], heartbeat_seconds: float
) -> AsyncGenerator[bytes, None]:
    async with aclosing(_encoded(events)) as encoded:
        upcoming: asyncio.Future[bytes | None] | None = None
        try:
            while True:
                # Not wait_for: it would cancel the source, whose next event would be lost.
                upcoming = upcoming or asyncio.ensure_future(anext(encoded, None))
                await asyncio.wait((upcoming,), timeout=heartbeat_seconds)
                if not upcoming.done():
                    yield HEARTBEAT
                    continue
                octets = upcoming.result()
                upcoming = None
                if octets is None:
                    return
                yield octets
        finally:
            if upcoming is not None:
                upcoming.cancel()
                await asyncio.gather(upcoming, return_exceptions=True)


async def _encoded(events: AsyncIterable[ServerSentEvent]) -> AsyncGenerator[bytes, None]:
    iterator: AsyncIterator[ServerSentEvent] = aiter(events)
    try:
        async for event in iterator:
            yield event.encode()
    finally:
        close = getattr(iterator, "aclose", None)
        if close is not None:
            await close()
