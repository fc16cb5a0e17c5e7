"""What every WSGI request looks at is in the instance alone (docs/decisions/attributes-of-hot-classes.md)."""

import asyncio
import threading
from collections.abc import Iterator
from typing import Any, Protocol

import pytest
from benchmarks.applications import BODY, hello_wsgi
from benchmarks.hot_path import SMALL, FakeTransport, worker

from veche.server.bridges.wsgi.body import CollectedBody
from veche.server.bridges.wsgi.exchange import WsgiExchange
from veche.server.connections.http1 import Http1Connection

SHARED_NAMES = 29  # of the instances of a class; one with more has a dict of its own
WITH_A_BODY = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello"

pytestmark = pytest.mark.skipif(not hasattr(WsgiExchange.fill, "__code__"), reason="compiled: it has no such dicts")


def echo_wsgi(environ: Any, start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Length", environ["CONTENT_LENGTH"])])
    return [environ["wsgi.input"].read()]


def parts_wsgi(environ: Any, start_response: Any) -> Iterator[bytes]:
    start_response("200 OK", [("Content-Length", "4")])
    yield b"he"
    yield b"re"


class HeardTransport(FakeTransport):
    """A transport that says when something was written."""

    def __init__(self) -> None:
        super().__init__()
        self.heard = asyncio.Event()

    def write(self, octets: bytes) -> None:
        self.written += octets
        self.heard.set()

    def writelines(self, parts: list[bytes]) -> None:
        self.write(b"".join(parts))


def served(application: Any, request: bytes, answer: bytes, threads: int) -> tuple[WsgiExchange, set[str]]:
    """An exchange that is over, and the names that it had at the beginning."""

    async def run() -> tuple[WsgiExchange, set[str]]:
        service = (await worker(application, threads=threads)).service
        assert service is not None
        bridge: Any = service.bridge
        open_exchange = bridge.open_exchange
        opened: list[tuple[WsgiExchange, set[str]]] = []

        def note(outlet: Any, head: Any) -> WsgiExchange:
            exchange: WsgiExchange = open_exchange(outlet, head)
            opened.append((exchange, set(vars(exchange))))
            return exchange

        bridge.open_exchange = note
        transport: Any = HeardTransport()
        connection = Http1Connection(service)
        connection.connection_made(transport)
        async with asyncio.timeout(20):
            asyncio.get_running_loop().call_soon(connection.data_received, request)
            while not transport.written.endswith(answer):
                transport.heard.clear()
                await transport.heard.wait()
        bridge.close()
        return opened[0]

    before = threading.enumerate()
    result = asyncio.run(run())
    for thread in set(threading.enumerate()).difference(before):
        thread.join(20)  # the pool's: other tests count threads
    return result


def shadowing(instance: object) -> list[str]:
    """The names that an instance has and its class has, too."""
    return [name for name in vars(instance) if any(name in vars(kind) for kind in type(instance).__mro__)]


@pytest.mark.parametrize("threads", [0, 4])
@pytest.mark.parametrize(
    ("application", "request_octets", "answer"),
    [(hello_wsgi, SMALL, BODY), (echo_wsgi, WITH_A_BODY, b"hello"), (parts_wsgi, SMALL, b"here")],
)
def test_a_request_sets_nothing_that_has_a_default_in_the_class(
    application: Any, request_octets: bytes, answer: bytes, threads: int
) -> None:
    exchange, first = served(application, request_octets, answer, threads)
    assert shadowing(exchange) == []
    # One name that comes later always finds room; a second would give each exchange a dict of its own.
    assert set(vars(exchange)) - first == {"slot"}
    assert len(vars(exchange)) <= SHARED_NAMES


class Nothing(Protocol):
    """What every Protocol has in its class."""


def test_an_exchange_looks_at_nothing_that_its_class_has_as_a_value() -> None:
    for kind in (*WsgiExchange.__subclasses__(), CollectedBody):
        names = [name for base in kind.__mro__[:-1] for name in vars(base) if not name.startswith("__")]
        values = [name for name in names if not hasattr(Nothing, name)]
        assert [name for name in values if not is_of_the_class(kind, name)] == []


def is_of_the_class(kind: type, name: str) -> bool:
    """Whether it is a method or a property."""
    value = next(vars(base)[name] for base in kind.__mro__ if name in vars(base))
    return callable(value) or isinstance(value, property)
