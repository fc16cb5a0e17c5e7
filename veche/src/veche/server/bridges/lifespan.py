"""The ASGI lifespan protocol: start-up before the first request, shut-down after the last.

One job: hold the one lifespan call of an application open, and say how it went.
Must not know: sockets, requests, processes.
"""

import asyncio
from enum import IntEnum
from typing import Any

from veche.asgi import ASGIApplication, Message


class StartupFailed(Exception):
    """The application refused to start; the message is its own."""


class LifespanState(IntEnum):
    """Where the application's lifespan call stands."""

    STARTING = 0
    RUNNING = 1
    UNSUPPORTED = 2
    STOPPING = 3
    ENDED = 4


class Lifespan:
    """One application's lifespan: `await startup()`, serve, `await shutdown()`.

    `state` is the dict the application filled at start-up; every request's scope gets a shallow copy of it.
    """

    def __init__(self, application: ASGIApplication) -> None:
        self.application = application
        self.state: dict[str, Any] = {}
        self.standing = LifespanState.STARTING
        self._inbox: asyncio.Queue[Message] = asyncio.Queue()
        self._outcome: asyncio.Future[str | None] | None = None
        self._task: asyncio.Task[None] | None = None
        self._received = False
        self._error: BaseException | None = None

    async def startup(self) -> None:
        """Run the application's start-up; returns once it has said "complete", or does not support lifespan.

        Raises StartupFailed with the application's message or exception.
        """
        self._outcome = asyncio.get_running_loop().create_future()
        self._inbox.put_nowait({"type": "lifespan.startup"})
        self._task = asyncio.create_task(self._run(), name="lifespan")
        failure = await self._outcome
        if failure is not None:
            self.standing = LifespanState.ENDED
            raise StartupFailed(f"the application failed to start: {failure}") from self._error
        if self.standing is LifespanState.STARTING:
            self.standing = LifespanState.RUNNING

    async def shutdown(self) -> str | None:
        """Run the application's shut-down; return its failure message, None when all went well."""
        if self.standing is not LifespanState.RUNNING or self._task is None:
            return None
        self.standing = LifespanState.STOPPING
        self._outcome = asyncio.get_running_loop().create_future()
        if self._task.done():
            # It left early by itself: nothing is left to stop.
            self._settle(f"it had ended before: {self._named(self._error)}" if self._error else None)
        self._inbox.put_nowait({"type": "lifespan.shutdown"})
        failure = await self._outcome
        if not self._task.done():
            await asyncio.wait([self._task])
        self.standing = LifespanState.ENDED
        return failure

    async def _run(self) -> None:
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": self.state}
        try:
            await self.application(scope, self._receive, self._send)
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # an application may even raise SystemExit: that is no "I know no lifespan"
            if self._received or not isinstance(error, Exception):
                self._error = error
                self._settle(self._named(error))
                return
            # It refused the scope itself: "the server must continue but not send any lifespan events" (ASGI,
            # Lifespan Protocol). One that took the startup message and then failed has really failed.
            self.standing = LifespanState.UNSUPPORTED
        else:
            if self.standing is LifespanState.STARTING:
                self.standing = LifespanState.UNSUPPORTED
        self._settle(None)

    async def _receive(self) -> Message:
        self._received = True
        return await self._inbox.get()

    async def _send(self, message: Message) -> None:
        match message["type"]:
            case "lifespan.startup.complete" | "lifespan.shutdown.complete":
                self._settle(None)
            case "lifespan.startup.failed" | "lifespan.shutdown.failed":
                self._settle(message.get("message") or "it gave no reason")
            case other:
                raise ValueError(
                    f"a lifespan application sent {other!r}; expected lifespan.(startup|shutdown).(complete|failed)"
                )

    @staticmethod
    def _named(error: BaseException) -> str:
        return f"{type(error).__name__}: {error}"

    def _settle(self, failure: str | None) -> None:
        if self._outcome is not None and not self._outcome.done():
            self._outcome.set_result(failure)
