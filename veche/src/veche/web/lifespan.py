"""The application's start and end (ASGI's lifespan protocol).

One job: enter the lifespan at startup, leave it at shutdown, and keep what it yielded.
Must not know: what is opened in between.
"""

import traceback
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import TYPE_CHECKING, TypeAlias

from veche.asgi import Receive, Scope, Send
from veche.log import Level, Sink
from veche.web.errors import StartupRefused

if TYPE_CHECKING:
    from veche.web.application import Application

Lifespan: TypeAlias = Callable[["Application"], AbstractAsyncContextManager[Mapping[str, object] | None]]


def no_lifespan(_application: "Application") -> AbstractAsyncContextManager[Mapping[str, object] | None]:
    """The lifespan of an application that opens nothing."""
    return nullcontext()


async def run_lifespan(
    entered: AbstractAsyncContextManager[Mapping[str, object] | None],
    state: dict[str, object],
    logger: Sink,
    *,
    scope: Scope,
    receive: Receive,
    send: Send,
) -> None:
    """Speak the protocol once: startup, wait, shutdown. What the lifespan yields goes to state and scope["state"]."""
    await receive()
    try:
        opened = await entered.__aenter__()
    except StartupRefused as error:  # not logged here: the server says it
        await send({"type": "lifespan.startup.failed", "message": str(error)})
        return
    except Exception as error:
        _log(logger, "the application cannot start", error)
        await send({"type": "lifespan.startup.failed", "message": f"{type(error).__name__}: {error}"})
        return
    state.update(opened or {})
    if "state" in scope:
        scope["state"].update(state)
    await send({"type": "lifespan.startup.complete"})
    await receive()
    try:
        await entered.__aexit__(None, None, None)
    except Exception as error:
        _log(logger, "the application did not end cleanly", error)
        await send({"type": "lifespan.shutdown.failed", "message": f"{type(error).__name__}: {error}"})
        return
    await send({"type": "lifespan.shutdown.complete"})


def _log(logger: Sink, message: str, error: Exception) -> None:
    logger.log_message(
        message,
        level=Level.CRITICAL,
        error=f"{type(error).__name__}: {error}",
        traceback="".join(traceback.format_exception(error)),
    )
