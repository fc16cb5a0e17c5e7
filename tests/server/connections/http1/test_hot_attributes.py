"""What every request looks at is an attribute of the instance alone (docs/decisions/attributes-of-hot-classes.md)."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from benchmarks.applications import echo_asgi, hello_asgi
from benchmarks.hot_path import SMALL, FakeTransport, Worker, outside_of_tasks, worker

from veche.server.bridges.asgi import AsgiExchange
from veche.server.connections.http1 import Http1Connection
from veche.server.connections.websocket import WebSocketLink

SHARED_NAMES: int = 29  # of the instances of a class; one with more has a dict of its own
WITH_A_BODY = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello"

pytestmark = pytest.mark.skipif(not hasattr(Http1Connection.send, "__code__"), reason="compiled: it has no such dicts")


def served(application: Any, request: bytes, **settings: Any) -> list[Any]:
    """The objects of a connection that has served some requests, and the last of its exchanges."""
    exchanges: list[AsgiExchange] = []

    async def run() -> Worker:
        made = await worker(application, **settings)
        assert made.service is not None
        bridge: Any = made.service.bridge
        open_exchange = bridge.open_exchange

        def opened(outlet: Any, head: Any) -> Any:
            exchanges.append(open_exchange(outlet, head))
            return exchanges[-1]

        bridge.open_exchange = opened
        turn = made.turn(request)
        for _ in range(3):
            await outside_of_tasks(turn)
        assert made.answered().startswith(b"HTTP/1.1 200")
        return made

    connection = asyncio.run(run()).connections[0]
    return [connection, connection.reader, connection.writer, exchanges[-1]]


def shadowing(instance: Any) -> Iterator[str]:
    """The names that an instance has and its class has, too."""
    for name in vars(instance):
        if any(name in vars(kind) for kind in type(instance).__mro__):
            yield f"{type(instance).__name__}.{name}"


@pytest.mark.parametrize(("application", "request_octets"), [(hello_asgi, SMALL), (echo_asgi, WITH_A_BODY)])
@pytest.mark.parametrize("access_log", [False, True])
def test_a_request_sets_nothing_that_has_a_default_in_the_class(
    application: Any, request_octets: bytes, access_log: bool
) -> None:
    objects = served(application, request_octets, access_log=access_log, access_log_file="/dev/null")
    assert [name for instance in objects for name in shadowing(instance)] == []


def test_a_connection_has_no_more_attributes_than_connections_can_share() -> None:
    connection = served(hello_asgi, SMALL)[0]
    assert len(vars(connection)) <= SHARED_NAMES


def test_all_of_them_are_there_from_the_beginning() -> None:
    # A name that is first set when 30 connections have been made is in a dict of each of them.
    async def run() -> tuple[set[str], set[str]]:
        made = await worker(hello_asgi)
        fresh = set(vars(Http1Connection(made.connections[0].service)))
        await outside_of_tasks(made.turn(SMALL))
        return fresh, set(vars(made.connections[0]))

    fresh, used = asyncio.run(run())
    assert fresh == used


def mask_frame(frame: bytes) -> bytes:
    """The frame with a mask of zeros, as a client must send it."""
    return frame[:1] + bytes([frame[1] | 0x80]) + bytes(4) + frame[2:]


class Heard:
    """An exchange that takes messages."""

    def __init__(self) -> None:
        self.messages: list[str | bytes] = []

    def message_received(self, message: str | bytes) -> None:
        self.messages.append(message)


def test_a_message_sets_nothing_that_has_a_default_in_the_class() -> None:
    async def run() -> tuple[list[str], list[str | bytes]]:
        service = (await worker(hello_asgi)).service
        assert service is not None
        exchange: Any = Heard()
        transport: Any = FakeTransport()
        link = WebSocketLink(service, transport, exchange, None)
        first, second = mask_frame(b"\x81\x02hi"), mask_frame(b"\x01\x01a") + mask_frame(b"\x80\x01b")
        for _ in range(3):
            link.data_received(first)
            link.data_received(second)
            link.send_text("answer")
        return [*shadowing(link), *shadowing(link.engine)], exchange.messages

    shadows, messages = asyncio.run(run())
    assert messages == ["hi", "ab"] * 3
    assert shadows == []
