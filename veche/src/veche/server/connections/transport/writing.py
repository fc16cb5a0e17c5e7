"""The writing side of a connection, whatever it speaks.

One job: who writes waits while the peer does not read, and a peer that reads nothing at all is cut.
Must not know: what is written.
"""

import asyncio
from typing import Final, cast

from veche.server.bridges.exchange import Flow
from veche.server.connections.accepting.per_address import NO_PLACE
from veche.server.connections.clock import NEVER
from veche.server.connections.service import Service
from veche.server.connections.transport.resets import reset_when_closed
from veche.server.connections.transport.turn import Writer
from veche.server.waiters import wake_all

UNSENT_PARTS: Final = 64


class WritingSide(Writer, Flow):
    """Flow control and the write deadline; the base of every connection's protocol.

    It has asyncio.Protocol's methods and does not inherit from it: a compiled class (veche/setup.py) has no base that
    is not compiled, and event loops look at methods only. `as_protocol` is for the type checker.

    What is looked at for every request is set in `__init__`: CPython reads and writes what only the instance has ten
    times as fast as what has a default in the class (docs/decisions/attributes-of-hot-classes.md).
    """

    service: Service
    transport: asyncio.Transport
    place: str  # among the connections of its address
    writable: bool
    closing: bool
    write_deadline = NEVER
    _unsent: "list[bytes] | None"  # waits for the end of the loop's turn
    _unsent_octets: int  # of it, when it has more than one part
    file_octets_left = 0  # of a file that is being sent past the transport
    _unsent_mark = 0  # octets that waited for the peer when the write deadline was set
    _write_waiters: "list[asyncio.Future[None]] | None" = None

    def __init__(self, service: Service) -> None:
        self.service = service
        self.transport = cast(asyncio.Transport, None)  # connection_made brings it
        self.writable = True
        self.closing = False
        self.place = NO_PLACE
        self._unsent = None
        self._unsent_octets = 0

    def stays_open(self) -> bool:
        """What `eof_received` returns: keep the transport for what is still to be written.

        TLS cannot. The loop would end it all the same, and complain on standard error itself, past our log.
        """
        return self.transport.get_extra_info("sslcontext") is None

    def send(self, octets: bytes, more: bool = False) -> None:
        """Write octets, at the end of this turn of the loop at the latest; the only way to the transport.

        more: others will follow soon, so that waiting for them is worth while.
        """
        unsent = self._unsent
        if unsent is not None:
            self._send_more(unsent, octets)
            return
        turn = self.service.turn
        waiting = turn.waiting
        if waiting:
            self._unsent = [octets]
            waiting.append(self)
        elif turn.direct and not more:
            turn.direct -= 1
            if not self.transport.is_closing():  # uvloop raises for a transport that has failed a moment ago
                self.transport.write(octets)
        else:
            self._unsent = [octets]
            turn.begin(self)

    def _send_more(self, unsent: list[bytes], octets: bytes) -> None:
        if len(unsent) == 1:
            self._unsent_octets = len(unsent[0])
        unsent.append(octets)
        self._unsent_octets += len(octets)
        if self._unsent_octets >= self.service.limits.write_buffer_octets or len(unsent) >= UNSENT_PARTS:
            self.write_out()

    def write_out(self) -> None:
        """Give the transport what waits for the end of the turn."""
        unsent, self._unsent = self._unsent, None
        if unsent is not None and not self.transport.is_closing():
            if len(unsent) == 1:
                self.transport.write(unsent[0])
            else:
                self.transport.writelines(unsent)

    def octets_unsent(self) -> int:
        """How much of what was sent the kernel has not taken yet; a part of the turn's is enough to say so."""
        unsent = self._unsent
        return self.transport.get_write_buffer_size() if unsent is None else len(unsent)

    def pause_writing(self) -> None:
        self.writable = False
        self.watch_writing()

    def resume_writing(self) -> None:
        self.writable = True
        if not self.closing:
            self.write_deadline = NEVER
        waiters, self._write_waiters = self._write_waiters, None
        if waiters is not None:
            wake_all(waiters)

    def peer_reads(self) -> bool:
        return self.writable

    async def wait_writable(self) -> None:
        """Return when the peer has read enough, or is gone."""
        while not self.writable:
            await self.write_waiter()

    def write_waiter(self) -> "asyncio.Future[None]":
        """Return a future that is done when the transport takes more, or is lost."""
        waiter = asyncio.get_running_loop().create_future()
        if self._write_waiters is None:
            self._write_waiters = []
        self._write_waiters.append(waiter)
        return waiter

    def octets_to_go(self) -> int:
        """Return how many octets wait for the peer."""
        return self.transport.get_write_buffer_size() + self.file_octets_left

    def watch_writing(self) -> None:
        """Give the peer some time to read."""
        self._unsent_mark = self.octets_to_go()
        self.write_deadline = self.service.clock.deadline(self.service.limits.write_stall_seconds)

    def check_writing(self) -> None:
        """Cut a peer that has read nothing since the deadline was set; one that reads slowly gets another."""
        if self.octets_to_go() >= self._unsent_mark:
            self.write_deadline = NEVER
            reset_when_closed(self.transport)  # else the kernel would keep megabytes for whoever does not read them
            self.transport.abort()
        else:
            self.watch_writing()

    def close_transport(self) -> None:
        """Flush and close. The write deadline cuts a peer that does not read."""
        if not self.closing:
            self.closing = True
            self.write_out()
            self.watch_writing()
            self.transport.close()


def as_protocol(side: WritingSide) -> asyncio.BaseProtocol:
    """Return the connection as what a loop wants to be given."""
    return cast(asyncio.BaseProtocol, side)
