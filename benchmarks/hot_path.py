"""One worker's server without sockets: whole requests and single steps of them, to be timed in this process.

One job: build what a request passes through, with a transport that throws away what is written.
"""

import asyncio
import io
from collections.abc import Callable
from typing import Any

from benchmarks.http1 import BROWSER
from veche.log import Logger, StreamLog
from veche.server.bridges import detect_interface
from veche.server.connections import ConnectionServer
from veche.server.connections.http1 import Http1Connection
from veche.server.settings import ServerSettings

CONNECTIONS = 32  # that have a request in one turn of the loop
NEW_HEAD = b"GET /?number=%d HTTP/1.1\r\n%bCookie: session=%d; theme=dark\r\n\r\n"
SMALL = b"GET / HTTP/1.1\r\nHost: 127.0.0.1:8000\r\n\r\n"
BROWSERS = (
    "GET / HTTP/1.1\r\nHost: 127.0.0.1:8000\r\n" + "".join(f"{name}: {value}\r\n" for name, value in BROWSER) + "\r\n"
).encode()


class FakeTransport:
    """What a connection needs of a transport."""

    def __init__(self) -> None:
        self.written = b""

    def write(self, octets: bytes) -> None:
        self.written = octets

    def writelines(self, parts: list[bytes]) -> None:
        self.written = parts[-1]

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return {"peername": ("127.0.0.1", 50_000), "sockname": ("127.0.0.1", 8000)}.get(name, default)

    def set_write_buffer_limits(self, high: int) -> None:
        pass

    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return False

    def is_reading(self) -> bool:
        return True

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass


class Worker:
    """A server whose connections are fed by hand."""

    def __init__(self, server: ConnectionServer) -> None:
        self.service = server._service
        assert self.service is not None
        self.connections: list[Any] = [Http1Connection(self.service) for _ in range(CONNECTIONS)]
        for connection in self.connections:
            connection.connection_made(FakeTransport())

    def turn(self, octets: bytes) -> Callable[[], None]:
        """A function that is one turn of the loop: the same octets for every connection, and the end of the turn."""
        receivers = [connection.data_received for connection in self.connections]
        end = self.service.turn._end  # type: ignore[union-attr]  # checked in __init__

        def turn() -> None:
            for receive in receivers:
                receive(octets)
            end()

        return turn

    def varied_turn(self, start: int = 0) -> Callable[[], None]:
        """The same with a path and a cookie that no connection has sent before."""
        receivers = [connection.data_received for connection in self.connections]
        end = self.service.turn._end  # type: ignore[union-attr]  # checked in __init__
        count = start
        common = BROWSERS.partition(b"\r\n")[2].rpartition(b"Cookie")[0]

        def turn() -> None:
            nonlocal count
            for receive in receivers:
                count += 1
                receive(
                    b"GET /?number=%d HTTP/1.1\r\n%bCookie: session=%d; theme=dark\r\n\r\n" % (count, common, count)
                )
            end()

        return turn

    def answered(self) -> bytes:
        """What the last connection wrote last."""
        written: bytes = self.connections[-1].transport.written
        return written


async def worker(application: Any, **settings: Any) -> Worker:
    """A worker that serves the application; its log goes to memory."""
    settings = {"access_log": False, **settings}
    logger = Logger(StreamLog(io.StringIO()))
    server = ConnectionServer(application, detect_interface(application), ServerSettings(**settings), logger)
    await server.start([])
    return Worker(server)


async def outside_of_tasks(run: Callable[[], Any]) -> Any:
    """Call a function as the loop calls a protocol: while no Task is running a step."""
    done = asyncio.get_running_loop().create_future()

    def call() -> None:
        try:
            done.set_result(run())
        except BaseException as error:
            done.set_exception(error)

    asyncio.get_running_loop().call_soon(call)
    return await done
