"""The client's end of a WebSocket.

One job: the ASGI messages of one WebSocket from the other side.
Must not know: cookies, how the handshake was addressed.
"""

import asyncio
from typing import Any

import msgspec

from veche.asgi import ASGIApplication, Message, Scope
from veche.web.errors import WebSocketDisconnect

DEADLINE_SECONDS = 10.0


class HandshakeRefused(Exception):
    """The application did not accept; status_code is 403 where it only closed."""

    def __init__(self, status_code: int, body: bytes = b"") -> None:
        super().__init__(f"the handshake was answered {status_code}")
        self.status_code = status_code
        self.body = body


class ClientWebSocket:
    """Entered with `async with client.websocket(path) as socket`. Waiting longer than 10 seconds is a TimeoutError."""

    def __init__(self, application: ASGIApplication, scope: Scope) -> None:
        self._application = application
        self._scope = scope
        self._to_application: asyncio.Queue[Message] = asyncio.Queue()
        self._from_application: asyncio.Queue[Message] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None
        self._closed = False
        self.subprotocol: str | None = None

    async def __aenter__(self) -> "ClientWebSocket":
        self._to_application.put_nowait({"type": "websocket.connect"})
        self._task = asyncio.ensure_future(self._run())
        message = await self._next()
        if message["type"] == "websocket.accept":
            self.subprotocol = message.get("subprotocol")
            return self
        status_code = message.get("status", 403)
        body = b""
        if message["type"] == "websocket.http.response.start":
            body = (await self._next()).get("body", b"")
        await self._task
        raise HandshakeRefused(status_code, body)

    async def _run(self) -> None:
        try:
            await self._application(self._scope, self._to_application.get, self._from_application.put)
        finally:
            self._from_application.put_nowait({"type": "test.end"})

    async def _next(self) -> Message:
        return await asyncio.wait_for(self._from_application.get(), DEADLINE_SECONDS)

    async def receive(self) -> Message:
        """Return the next websocket.send message. Raises WebSocketDisconnect when the application closed."""
        message = await self._next()
        if message["type"] != "websocket.send":
            self._closed = True
            raise WebSocketDisconnect(message.get("code", 1006), message.get("reason", ""))
        return message

    async def receive_text(self) -> str:
        """Return the next text message."""
        return str((await self.receive())["text"])

    async def receive_bytes(self) -> bytes:
        """Return the next binary message."""
        return bytes((await self.receive())["bytes"])

    async def receive_json(self) -> Any:  # whatever the application sent
        """Return the next message decoded from JSON."""
        message = await self.receive()
        return msgspec.json.decode(message.get("bytes") or message["text"])

    async def send_text(self, text: str) -> None:
        """Send a text message."""
        self._to_application.put_nowait({"type": "websocket.receive", "text": text})

    async def send_bytes(self, octets: bytes) -> None:
        """Send a binary message."""
        self._to_application.put_nowait({"type": "websocket.receive", "bytes": octets})

    async def send_json(self, content: object) -> None:
        """Send anything that msgspec encodes, as text."""
        await self.send_text(msgspec.json.encode(content).decode())

    async def close(self, code: int = 1000) -> None:
        """Close from this side."""
        if not self._closed:
            self._closed = True
            self._to_application.put_nowait({"type": "websocket.disconnect", "code": code, "reason": ""})

    async def __aexit__(self, *_exception: object) -> None:
        await self.close()
        if self._task is not None:
            try:
                await asyncio.wait_for(self._task, DEADLINE_SECONDS)
            except TimeoutError as error:
                raise AssertionError("the application did not end after the WebSocket was closed") from error
