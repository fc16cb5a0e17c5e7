"""What the servers serve in the contests of WebSockets.

One job: an echo and a broadcast, as short as ASGI allows.
"""

from typing import Any

from benchmarks.applications import hello_asgi

SENDERS: set[Any] = set()


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Each message back."""
    if scope["type"] != "websocket":
        await hello_asgi(scope, receive, send)
        return
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": message["text"]})


async def broadcast(scope: Any, receive: Any, send: Any) -> None:
    """Each message to everybody."""
    if scope["type"] != "websocket":
        await hello_asgi(scope, receive, send)
        return
    await receive()
    await send({"type": "websocket.accept"})
    SENDERS.add(send)
    try:
        while (message := await receive())["type"] == "websocket.receive":
            news = {"type": "websocket.send", "text": message["text"]}
            for other in list(SENDERS):
                try:
                    await other(news)
                except Exception:  # whoever has just gone; each server says it in its own way
                    SENDERS.discard(other)
    finally:
        SENDERS.discard(send)
