"""The three ways in which a browser joins: WebSocket, a stream of events, one answer at a time.

One job: from a connection to a seat, and from the seat's messages to the connection.
Must not know: fragments, feeds, rights.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, Generic
from urllib.parse import urlsplit

import msgspec

from veche.live.feeds import FeedBook, Report
from veche.live.fragments import V
from veche.live.limits import LiveLimits
from veche.live.rendering import Renderer
from veche.live.seats import Doorkeeper, JoinRequest, Seat, gone_message, joined_message
from veche.publish import Bus
from veche.web import (
    AnyRoute,
    Body,
    EventStreamResponse,
    HTTPConnection,
    HTTPException,
    Request,
    Response,
    Route,
    ServerSentEvent,
    WebSocket,
    WebSocketDisconnect,
    WebSocketRoute,
)

WSGI_EXTENSION: Final = "veche.wsgi"
NO_STORE: Final = {"cache-control": "no-store"}

# RFC 6455 §7.4.1
GOING_AWAY: Final = 1001
NOT_UNDERSTOOD: Final = 1007
POLICY: Final = 1008
TOO_BIG: Final = 1009
INTERNAL_ERROR: Final = 1011
TRY_AGAIN_LATER: Final = 1013

_decode_join = msgspec.json.Decoder(JoinRequest).decode


def is_pushless(connection: HTTPConnection) -> bool:
    """Is there a server that can hold no connection open (WSGI)?"""
    return WSGI_EXTENSION in connection.scope.get("extensions", {})


class Connections(Generic[V]):
    """Every live connection of this process."""

    def __init__(
        self,
        *,
        doorkeeper: Doorkeeper[V],
        feeds: FeedBook,
        renderer: Renderer,
        bus: Bus,
        viewer: Callable[[HTTPConnection], Awaitable[V]],
        report: Report,
        limits: LiveLimits,
        allowed_origins: Sequence[str],
    ) -> None:
        self._doorkeeper = doorkeeper
        self._feeds = feeds
        self._renderer = renderer
        self._bus = bus
        self._viewer = viewer
        self._report = report
        self._limits = limits
        self._allowed_origins = frozenset(allowed_origins)
        self._seats: set[Seat[V]] = set()

    def __len__(self) -> int:
        return len(self._seats)

    @property
    def routes(self) -> Sequence[AnyRoute]:
        return (
            WebSocketRoute("/live/socket", self.socket, name="live-socket"),
            Route("/live/events", self.events, methods=("POST",), name="live-events"),
            Route("/live/join", self.join, methods=("POST",), name="live-join"),
        )

    def close(self) -> None:
        """End every connection; the browsers come back to whoever serves then."""
        for seat in list(self._seats):
            seat.close()

    @contextmanager
    def seat(self, connection: HTTPConnection) -> Iterator[Seat[V]]:
        """A place for whoever is behind the connection, for as long as the block lasts."""
        seat = Seat(
            self._doorkeeper,
            self._feeds,
            self._bus,
            lambda: self._viewer(connection),
            self._report,
            limits=self._limits,
        )
        self._seats.add(seat)
        try:
            yield seat
        finally:
            self._seats.discard(seat)
            seat.close()

    def _is_full(self) -> bool:
        return len(self._seats) >= self._limits.live_connections

    async def socket(self, websocket: WebSocket) -> None:
        """One WebSocket, for as long as the page is open."""
        # A WebSocket is not bound by the same-origin policy: any site could open one with our visitor's cookies
        # (RFC 6455 §10.2). Who sends no Origin is no browser, and brings only its own cookies.
        origin = websocket.headers.get("origin")
        if origin is not None and not self._is_own(origin, websocket.headers.get("host", "")):
            await websocket.close(POLICY, "foreign origin")
            return
        if self._is_full():
            await websocket.close(TRY_AGAIN_LATER, "too many live connections")
            return
        await websocket.accept()
        with self.seat(websocket) as seat:
            receiving = asyncio.ensure_future(self._receive(websocket, seat))
            sending = asyncio.ensure_future(_send(websocket, seat))
            try:
                await asyncio.wait((receiving, sending), return_when=asyncio.FIRST_COMPLETED)
                await _finish(websocket, receiving, sending)
            finally:
                for task in (receiving, sending):
                    task.cancel()
                await asyncio.gather(receiving, sending, return_exceptions=True)

    def _is_own(self, origin: str, host: str) -> bool:
        return urlsplit(origin).netloc.lower() == host.lower() or origin in self._allowed_origins

    async def _receive(self, websocket: WebSocket, seat: Seat[V]) -> None:
        while True:
            text = await websocket.receive_text()
            if len(text.encode()) > self._limits.live_message_octets:
                await websocket.close(TOO_BIG, f"expected at most {self._limits.live_message_octets} octets")
                return
            try:
                request = _decode_join(text)
            except msgspec.DecodeError:
                await websocket.close(NOT_UNDERSTOOD, 'expected {"join": [[address, version], …]}')
                return
            await seat.join(request.join)

    async def events(self, request: Request, body: Body[JoinRequest]) -> Response:
        """The same as a stream (text/event-stream): the list came with the request, so any worker can answer it."""
        await self._refuse_too_much(request)
        if self._is_full():
            raise HTTPException(503, "There are too many live connections.", headers={"retry-after": "5"})
        return EventStreamResponse(self._stream(request, body.value))

    async def _stream(self, request: Request, joining: JoinRequest) -> AsyncIterator[ServerSentEvent]:
        with self.seat(request) as seat:
            await seat.join(joining.join)
            beating = asyncio.ensure_future(self._beat(seat))
            try:
                while (message := await seat.next_message()) is not None:
                    yield ServerSentEvent(message)
            finally:
                beating.cancel()
                await asyncio.gather(beating, return_exceptions=True)

    async def _beat(self, seat: Seat[V]) -> None:
        try:
            while True:
                await asyncio.sleep(self._limits.live_beat_seconds)
                await seat.repeat()
        except Exception as failure:
            self._report("beat of a live stream", failure)
            seat.close()

    async def join(self, request: Request, body: Body[JoinRequest]) -> Response:
        """One answer: all of the list that is not as the page shows it. Asked each second where nothing is pushed."""
        await self._refuse_too_much(request)
        shown = dict(body.value.join)
        over = list(shown)[self._limits.live_parts :]
        viewer = await self._viewer(request)
        same, messages = [], []
        for address, version in list(shown.items())[: self._limits.live_parts]:
            admitted = await self._doorkeeper.admit(address, viewer)
            rendered = await self._renderer.renew(admitted[0]) if admitted else None
            if rendered is None:
                messages.append(gone_message(address))
            elif rendered.version == version:
                same.append(address)
            else:
                messages.append(rendered.message)
        content = "[" + ",".join([joined_message(same=same, over=over), *messages]) + "]"
        return Response(content.encode(), headers=NO_STORE, media_type="application/json")

    async def _refuse_too_much(self, request: Request) -> None:
        if len(await request.body()) > self._limits.live_message_octets:
            raise HTTPException(413, f"A join has at most {self._limits.live_message_octets} octets.")


async def _send(websocket: WebSocket, seat: Seat[Any]) -> None:
    while (message := await seat.next_message()) is not None:
        await websocket.send_text(message)


async def _finish(websocket: WebSocket, receiving: asyncio.Future[None], sending: asyncio.Future[None]) -> None:
    """Say why it ends, to whoever still listens, and raise what was nobody's wish."""
    for task in (receiving, sending):
        if not task.done() or isinstance(task.exception(), WebSocketDisconnect):
            continue
        if task.exception() is not None:
            await websocket.close(INTERNAL_ERROR)
            task.result()
        elif task is sending:
            await websocket.close(GOING_AWAY, "the server ends")
