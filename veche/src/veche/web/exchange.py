"""What is known of one answer while it is being sent.

One job: remember whether it has begun, and keep the body of an answer to HEAD back.
Must not know: routes, errors, pages.
"""

from typing import Final

from veche.asgi import Message, Scope, Send
from veche.web.errors import ClientDisconnect

SCOPE_KEY: Final = "veche.exchange"
BEGINNINGS: Final = frozenset({"http.response.start", "websocket.accept", "websocket.http.response.start"})


class Exchange:
    """Stands between the application and the server's send; one per request, kept in the scope."""

    __slots__ = ("_drops_body", "_send", "begun")

    def __init__(self, scope: Scope, send: Send) -> None:
        self.begun = False
        self._send = send
        self._drops_body = scope.get("method") == "HEAD"

    async def send(self, message: Message) -> None:
        """Hand a message on. A HEAD answer has the fields of a GET and no body (RFC 9110 §9.3.2), whoever made it."""
        kind = message["type"]
        if kind in BEGINNINGS:
            self.begun = True
        elif self._drops_body and kind in ("http.response.body", "http.response.pathsend"):
            message = {"type": "http.response.body", "body": b"", "more_body": message.get("more_body", False)}
        try:
            await self._send(message)
        except OSError as error:  # ASGI 2.4: the connection is gone; not an error of the application's own
            raise ClientDisconnect("the client went away before its answer was complete") from error
