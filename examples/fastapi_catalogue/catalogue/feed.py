"""The live feed: every reader gets the courses as they are, and each change soon after its commit.

One job: when to look again, and what to send.
Must not know: which store it reads. The store's revision is the truth; the bell is only a hint that spares the wait.
"""

import asyncio
from contextlib import suppress
from typing import Final

from fastapi import WebSocket, WebSocketDisconnect

from catalogue.repository import Unavailable, Units

LOOK_AGAIN_SECONDS: Final = 0.5  # what other workers, or another site, have committed is seen after this time at most

TRY_AGAIN_LATER: Final = 1013  # close code, by the registry of RFC 6455 §11.7


class Bell:
    """Wakes everybody in this process who listens when it rings."""

    def __init__(self) -> None:
        self._next = asyncio.Event()

    def ring(self) -> None:
        self._next.set()
        self._next = asyncio.Event()

    def next(self) -> asyncio.Event:
        """Set at the next ring. Take it before you look: a ring between the look and the wait is then not missed."""
        return self._next


async def send_changes(socket: WebSocket, units: Units, bell: Bell, revision: int) -> None:
    """Send each course changed after `revision` as one JSON text, and go on until the reader leaves."""
    leaving = asyncio.create_task(_until_it_leaves(socket))
    try:
        while not leaving.done():
            ringing = bell.next()
            async with units() as unit:  # nothing is held while we wait
                changed = await unit.courses.changed_since(revision)
            for course in changed:
                await socket.send_text(course.model_dump_json())
                revision = course.revision
            if not changed:
                await _first_of(leaving, ringing)
    except WebSocketDisconnect:
        pass  # it left while we were sending
    except Unavailable:
        await socket.close(TRY_AGAIN_LATER)
    finally:
        leaving.cancel()


async def _until_it_leaves(socket: WebSocket) -> None:
    with suppress(WebSocketDisconnect):
        while True:
            await socket.receive_text()  # readers have nothing to say; reading is how their leaving is noticed


async def _first_of(leaving: "asyncio.Task[None]", ringing: asyncio.Event) -> None:
    waiting = asyncio.create_task(ringing.wait())
    try:
        await asyncio.wait({leaving, waiting}, timeout=LOOK_AGAIN_SECONDS, return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
