"""All connections of one worker: accept, serve, drain.

One job: open and close the doors, and keep the list of who is inside.
Must not know: what the octets mean, or who made the listening sockets.
"""

import asyncio
import socket
from collections.abc import Sequence
from typing import Any, Protocol

from veche.asgi import ASGIApplication, WSGIApplication
from veche.server.bridges import Interface, Lifespan
from veche.server.settings import ServerSettings


class MessageLog(Protocol):
    """What the server needs of a logger; veche.log.Logger is one."""

    def log_message(self, message: str, *, level: Any = ..., **fields: object) -> None: ...


class ConnectionServer:
    """Serve one application on listening sockets that somebody else opened.

    `await start(sockets)` runs the application's lifespan and accepts; `await drain(deadline_seconds)` stops.
    """

    def __init__(
        self,
        application: ASGIApplication | WSGIApplication,
        interface: Interface,
        settings: ServerSettings,
        logger: MessageLog,
    ) -> None:
        self.application = application
        self.interface = interface
        self.settings = settings
        self.logger = logger
        self.requests_served = 0
        self.connections: set[asyncio.BaseProtocol] = set()
        self._doors: list[asyncio.AbstractServer] = []
        self._lifespan: Lifespan | None = None

    @property
    def open_connections(self) -> int:
        """How many connections are open now, idle ones and WebSockets included."""
        return len(self.connections)

    async def start(self, sockets: Sequence[socket.socket]) -> None:
        """Run the application's start-up, then accept connections; returns when the doors are open.

        Raises veche.server.bridges.StartupFailed when the application refuses to start.
        """
        raise NotImplementedError

    async def drain(self, deadline_seconds: float) -> None:
        """Stop accepting, finish what runs, close everything, run the application's shut-down.

        Responses from now on say `Connection: close`; idle connections are closed, WebSockets get 1012. What still
        runs after deadline_seconds is cancelled and cut.
        """
        raise NotImplementedError
