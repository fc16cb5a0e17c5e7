"""The ASGI lifespan protocol (asgi.readthedocs.io, Lifespan Protocol 2.0)."""

import asyncio
import sys
from typing import Any

import pytest

from veche.asgi import Receive, Scope, Send
from veche.server.bridges.lifespan import Lifespan, LifespanState, StartupFailed


async def good(scope: Scope, receive: Receive, send: Send) -> None:
    assert (await receive())["type"] == "lifespan.startup"
    scope["state"]["pool"] = "open"
    await send({"type": "lifespan.startup.complete"})
    assert (await receive())["type"] == "lifespan.shutdown"
    scope["state"]["pool"] = "closed"
    await send({"type": "lifespan.shutdown.complete"})


async def unsupported(scope: Scope, receive: Receive, send: Send) -> None:
    raise ValueError("only http here")


async def silent(scope: Scope, receive: Receive, send: Send) -> None:
    return


async def refuses(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "lifespan.startup.failed", "message": "no database"})


async def raises(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    raise ConnectionRefusedError("port 5432")


async def exits(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    sys.exit("no licence")


async def exits_at_once(scope: Scope, receive: Receive, send: Send) -> None:
    sys.exit("no licence")


async def exits_at_the_end(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    sys.exit("no licence")


async def fails_to_stop(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.failed", "message": "still busy"})


async def stops_badly(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    raise RuntimeError("burst")


async def ends_early(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "lifespan.startup.complete"})


async def exits_in_between(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "lifespan.startup.complete"})
    sys.exit("no licence")


def test_state_is_filled_at_startup_and_the_application_is_told_to_stop() -> None:
    async def main() -> None:
        lifespan = Lifespan(good)
        await lifespan.startup()
        assert lifespan.state == {"pool": "open"}
        assert lifespan.standing is LifespanState.RUNNING
        assert await lifespan.shutdown() is None
        assert lifespan.state == {"pool": "closed"}

    asyncio.run(main())


@pytest.mark.parametrize("application", [unsupported, silent])
def test_an_application_without_lifespan_is_served_all_the_same(application: Any) -> None:
    async def main() -> None:
        lifespan = Lifespan(application)
        await lifespan.startup()
        assert lifespan.standing is LifespanState.UNSUPPORTED
        assert await lifespan.shutdown() is None

    asyncio.run(main())


@pytest.mark.parametrize(
    ("application", "message"),
    [
        (refuses, "no database"),
        (raises, "port 5432"),
        (exits, "SystemExit: no licence"),
        (exits_at_once, "SystemExit: no licence"),
    ],
)
def test_a_failed_startup_is_an_error_with_its_message(application: Any, message: str) -> None:
    with pytest.raises(StartupFailed, match=message):
        asyncio.run(Lifespan(application).startup())


@pytest.mark.parametrize(
    ("application", "message"),
    [
        (fails_to_stop, "still busy"),
        (stops_badly, "burst"),
        (exits_at_the_end, "no licence"),
        (exits_in_between, "it had ended before: SystemExit: no licence"),
        (ends_early, None),
    ],
)
def test_a_failed_shutdown_says_why(application: Any, message: str | None) -> None:
    async def main() -> str | None:
        lifespan = Lifespan(application)
        await lifespan.startup()
        await asyncio.sleep(0)
        return await lifespan.shutdown()

    failure = asyncio.run(main())
    assert (message in failure) if failure and message else failure is message
