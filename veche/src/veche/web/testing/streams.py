"""One request and its answer as it comes.

One job: the messages of one ASGI http scope from the client's side.
Must not know: cookies, forms, redirects.
"""

import asyncio
from collections.abc import AsyncIterator

from veche.asgi import ASGIApplication, Message, Scope
from veche.http import Headers

DEADLINE_SECONDS = 30.0


class ClientStream:
    """The beginning of an answer, and its pieces."""

    def __init__(self, start: Message, messages: "asyncio.Queue[Message | BaseException | None]") -> None:
        self.status_code: int = start["status"]
        self.headers = Headers([(name.lower(), value) for name, value in start.get("headers", ())])
        self._messages = messages
        self._ended = False

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        """Return the next piece that is not empty."""
        while not self._ended:
            message = _checked(await asyncio.wait_for(self._messages.get(), DEADLINE_SECONDS))
            self._ended = not message.get("more_body", False)
            body: bytes = message.get("body", b"")
            if body:
                return body
        raise StopAsyncIteration


class Conversation:
    """Runs the application for one request."""

    def __init__(self, application: ASGIApplication, scope: Scope, content: bytes) -> None:
        self._application = application
        self._scope = scope
        self._content: bytes | None = content
        self._gone = asyncio.Event()
        self._messages: asyncio.Queue[Message | BaseException | None] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    async def begin(self) -> ClientStream:
        """Return the answer's beginning. What the application lets out (ResponseInterrupted) is raised."""
        self._task = asyncio.ensure_future(self._run())
        start = _checked(await asyncio.wait_for(self._messages.get(), DEADLINE_SECONDS))
        return ClientStream(start, self._messages)

    async def _run(self) -> None:
        try:
            await self._application(self._scope, self._receive, self._send)
        except Exception as error:
            self._messages.put_nowait(error)
        else:
            self._messages.put_nowait(None)

    async def _receive(self) -> Message:
        if self._content is not None:
            content, self._content = self._content, None
            return {"type": "http.request", "body": content, "more_body": False}
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        if self._gone.is_set():
            raise ConnectionResetError("the client has gone")  # as servers of ASGI 2.4 do
        self._messages.put_nowait(message)

    async def end(self) -> None:
        """Go away; the application has to notice."""
        self._gone.set()
        if self._task is not None:
            await asyncio.wait_for(self._task, DEADLINE_SECONDS)


def _checked(message: Message | BaseException | None) -> Message:
    if message is None:
        raise AssertionError("the application ended without a whole answer")
    if isinstance(message, BaseException):
        raise message
    return message
