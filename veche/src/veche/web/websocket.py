"""One WebSocket connection as a handler sees it (names as in Starlette).

One job: the ASGI messages of a WebSocket as methods, each allowed only in its state.
Must not know: frames, what the messages mean.
"""

from collections.abc import AsyncIterator, Sequence
from enum import Enum
from typing import Any

import msgspec

from veche.asgi import Message, Receive, Scope, Send
from veche.web.errors import WebSocketDisconnect
from veche.web.requests import HTTPConnection


class WebSocketState(Enum):
    """How far the connection has come."""

    CONNECTING = "connecting"
    OPEN = "open"
    CLOSED = "closed"


class WebSocket(HTTPConnection):
    """accept() first; then receive and send until either side closes, which receive tells by WebSocketDisconnect."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        super().__init__(scope)
        self.application_state = WebSocketState.CONNECTING
        self._receive = receive
        self._send = send
        self._connect_seen = False

    @property
    def subprotocols(self) -> Sequence[str]:
        """What the client offers in Sec-WebSocket-Protocol."""
        offered: Sequence[str] = self.scope.get("subprotocols", ())
        return offered

    async def accept(self, subprotocol: str | None = None) -> None:
        """Open the connection. Raises WebSocketDisconnect when the client has gone already."""
        self._expect(WebSocketState.CONNECTING, "accept")
        await self._see_connect()
        self.application_state = WebSocketState.OPEN
        await self._send({"type": "websocket.accept", "subprotocol": subprotocol, "headers": []})

    async def _see_connect(self) -> None:
        if not self._connect_seen:
            self._connect_seen = True
            message = await self._receive()
            if message["type"] != "websocket.connect":
                self._closed(message)

    async def receive(self) -> Message:
        """Return the next websocket.receive message. Raises WebSocketDisconnect at the end."""
        self._expect(WebSocketState.OPEN, "receive")
        message = await self._receive()
        if message["type"] == "websocket.disconnect":
            self._closed(message)
        return message

    def _closed(self, message: Message) -> None:
        self.application_state = WebSocketState.CLOSED
        raise WebSocketDisconnect(message.get("code") or 1005, message.get("reason") or "")

    async def receive_text(self) -> str:
        """Return the next message as text. A binary one closes with 1003 (RFC 6455 §7.4.1)."""
        text = (await self.receive()).get("text")
        if text is None:
            await self.close(1003, "text was expected")
            raise WebSocketDisconnect(1003, "text was expected")
        return str(text)

    async def receive_bytes(self) -> bytes:
        """Return the next message as octets; text comes in UTF-8."""
        message = await self.receive()
        octets = message.get("bytes")
        return str(message["text"]).encode() if octets is None else bytes(octets)

    async def receive_json(self) -> Any:  # JSON is whatever the client sent
        """Return the next message decoded from JSON. One that is no JSON closes with 1007."""
        try:
            return msgspec.json.decode(await self.receive_bytes())
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            await self.close(1007, "JSON was expected")
            raise WebSocketDisconnect(1007, "JSON was expected") from error

    async def iter_text(self) -> AsyncIterator[str]:
        """Yield text messages until the other side closes."""
        try:
            while True:
                yield await self.receive_text()
        except WebSocketDisconnect:
            return

    async def send_text(self, text: str) -> None:
        """Send a text message. Raises WebSocketDisconnect when the connection has gone."""
        await self._send_open({"type": "websocket.send", "text": text})

    async def send_bytes(self, octets: bytes) -> None:
        """Send a binary message. Raises WebSocketDisconnect when the connection has gone."""
        await self._send_open({"type": "websocket.send", "bytes": octets})

    async def send_json(self, content: object) -> None:
        """Send anything that msgspec encodes, as text."""
        await self.send_text(msgspec.json.encode(content).decode())

    async def _send_open(self, message: Message) -> None:
        self._expect(WebSocketState.OPEN, "send")
        try:
            await self._send(message)
        except OSError as error:  # ASGI 2.4: send raises it on a connection that is gone
            self.application_state = WebSocketState.CLOSED
            raise WebSocketDisconnect(1006) from error

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close; before accept() it refuses the handshake (403). A second close does nothing."""
        if self.application_state is WebSocketState.CLOSED:
            return
        self.application_state = WebSocketState.CLOSED
        await self._send({"type": "websocket.close", "code": code, "reason": reason})

    def _expect(self, state: WebSocketState, action: str) -> None:
        if self.application_state is state:
            return
        if self.application_state is WebSocketState.CLOSED:
            raise WebSocketDisconnect(1006, f"{action} on a closed connection")
        raise RuntimeError(f"{action} on a WebSocket that is {self.application_state.value}; expected {state.value}")
