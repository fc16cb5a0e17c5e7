"""The load of WebSockets (`python -m benchmarks.websocket_client PORT SECONDS`): a client without a library, on a core.

One job: open sockets, send masked text, count what comes back, and note how long it took.
"""

import asyncio
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import msgspec

from benchmarks.load import Outcome, run_pinned

PAYLOAD = b"0123456789abcdef0123456789abcdef"
MASK = b"\x37\xfa\x21\x3d"
FRAME = bytes((0x81, 0x80 | len(PAYLOAD))) + MASK + bytes(one ^ MASK[at % 4] for at, one in enumerate(PAYLOAD))
ANSWER = bytes((0x81, len(PAYLOAD))) + PAYLOAD
REQUEST = (
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
OPEN_AT_ONCE = 50
OPEN_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Messages:
    """32 octets of text. A message that comes back counts as one; a broadcast as often as it is delivered.

    in_flight: None for an echo (each socket sends again when it is answered), else how many broadcasts are on their way
    at a time; every socket must get each of them. least_seconds: of a burst, for servers that need one to get going.
    """

    sockets: int = 64
    in_flight: int | None = None
    least_seconds: float = 0.0

    def described(self) -> str:
        """For the line above the table."""
        work = "each answered before the next" if self.in_flight is None else f"{self.in_flight} broadcasts in flight"
        least = f", bursts of at least {self.least_seconds:g} s" if self.least_seconds else ""
        return (
            f"our own client (benchmarks/websocket_client.py), {self.sockets} sockets, 32 octets of text, {work}{least}"
        )

    def burst(self, port: int, *, seconds: float, core: int) -> Outcome:
        """Open, work for some seconds, close."""
        command = [
            sys.executable,
            "-m",
            "benchmarks.websocket_client",
            str(port),
            str(max(seconds, self.least_seconds)),
        ]
        return msgspec.json.decode(run_pinned(command, core, msgspec.json.encode(asdict(self))), type=Outcome)


class Socket(asyncio.Protocol):
    """One client; on_answers is told how many whole answers came."""

    transport: Any
    opened = False

    def __init__(self, on_answers: Callable[["Socket", int], None], errors: list[str]) -> None:
        self._on_answers, self._errors = on_answers, errors
        self._octets = b""
        self.since = 0.0
        self.ready = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        transport.write(REQUEST)

    def data_received(self, data: bytes) -> None:
        if data == ANSWER and not self._octets:
            self._on_answers(self, 1)
            return
        self._octets += data
        if not self.opened:
            head, end, rest = self._octets.partition(b"\r\n\r\n")
            if not end:
                return
            if not head.startswith(b"HTTP/1.1 101"):
                self._errors.append("not accepted")
            self.opened, self._octets = True, rest
            self.ready.set_result(None)
        whole = len(self._octets) // len(ANSWER)
        if whole:
            taken = whole * len(ANSWER)
            if self._octets[:taken] != ANSWER * whole:
                self._errors.append("a wrong answer")
            self._octets = self._octets[taken:]
            self._on_answers(self, whole)

    def connection_lost(self, exc: Exception | None) -> None:
        self._errors.append("closed")
        if not self.ready.done():
            self.ready.set_result(None)


async def talk(port: int, seconds: float, work: Messages) -> Outcome:
    """One burst."""
    errors: list[str] = []
    latencies: list[float] = []
    delivered = 0
    now = time.perf_counter
    ended = False
    due = 0  # deliveries until the oldest broadcast has reached everybody
    started_at: list[float] = []
    sockets: list[Socket] = []

    def echo(socket: Socket, count: int) -> None:
        nonlocal delivered
        delivered += count
        latencies.append(now() - socket.since)
        if not ended:
            socket.since = now()
            socket.transport.write(FRAME)

    def broadcast(_: Socket, count: int) -> None:
        # Broadcasts are counted in bulk: deliveries of the next ones may come before the last one of this.
        nonlocal delivered, due
        delivered += count
        due -= count
        while due <= 0 and started_at:
            latencies.append(now() - started_at.pop(0))
            due += work.sockets
            if not ended:
                started_at.append(now())
                sockets[len(latencies) % len(sockets)].transport.write(FRAME)

    loop = asyncio.get_running_loop()
    react = echo if work.in_flight is None else broadcast
    while len(sockets) < work.sockets:
        some = [
            (await loop.create_connection(lambda: Socket(react, errors), "127.0.0.1", port))[1]
            for _ in range(min(OPEN_AT_ONCE, work.sockets - len(sockets)))
        ]
        await asyncio.wait_for(asyncio.gather(*(one.ready for one in some)), OPEN_SECONDS)
        sockets += some
    began = now()
    if work.in_flight is None:
        for socket in sockets:
            socket.since = now()
            socket.transport.write(FRAME)
    else:
        due = work.sockets
        for socket in sockets[: work.in_flight]:
            started_at.append(now())
            socket.transport.write(FRAME)
    await asyncio.sleep(seconds)
    took, counted, failed = now() - began, delivered, len(errors)
    ended = True
    ordered = sorted(latencies) or [0.0]
    p50, p99 = (ordered[int(len(ordered) * share)] * 1000 for share in (0.5, 0.99))
    for socket in sockets:
        socket.transport.abort()
    return Outcome(counted, took, p50, p99, failed)


if __name__ == "__main__":
    import uvloop

    given = msgspec.json.decode(sys.stdin.buffer.read(), type=Messages)
    sys.stdout.buffer.write(msgspec.json.encode(asdict(uvloop.run(talk(int(sys.argv[1]), float(sys.argv[2]), given)))))
