"""What happens between accept and the first protocol, for listeners that are not plain.

One job: read a PROXY header, shake hands, all within a deadline; then hand over to the protocol agreed on.
Must not know: what certificates are made of, what the protocols say.

A connection to a plain listener never comes here. Here an accepted socket becomes a transport later, so that nothing
has been read from it that belongs to somebody else.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Final, cast

from veche.log import Level
from veche.server.connections.accepting.failed_handshakes import FailedHandshakes, proxy_failure, tls_failure
from veche.server.connections.accepting.per_address import NO_PLACE
from veche.server.connections.addresses import address_text, peer_address
from veche.server.connections.clock import NEVER
from veche.server.connections.http1 import Http1Connection
from veche.server.connections.http2 import Http2Connection
from veche.server.connections.service import Service
from veche.server.connections.transport.resets import reset_at_once
from veche.server.connections.transport.writing import as_protocol
from veche.server.manner import Manner
from veche.server.scoreboard.handshakes import Failure
from veche.server.settings.tls import TlsSettings
from veche.server.tls import TlsStore, describe
from veche.wire.proxy import BadProxyHeader, ProxyHeaderReader

HTTP_1: Final = "http/1.1"
HTTP_2: Final = "h2"  # the names of ALPN
HEADER_OCTETS: Final = 4096
REMEMBERED_STRANGERS: Final = 64


def protocols(*, http2: bool) -> tuple[str, ...]:
    """Return what a handshake offers, the best first."""
    return (HTTP_2, HTTP_1) if http2 else (HTTP_1,)


class Entrance:
    """How one worker welcomes those who come to a listener that is not plain."""

    def __init__(
        self, service: Service, limits: TlsSettings, tls: TlsStore | None, admit: Callable[[], object]
    ) -> None:
        """admit: counts one who was accepted, and shuts the doors behind the last one there is room for."""
        self.service = service
        self.limits = limits
        self.tls = tls
        self.admit = admit
        self.failed = FailedHandshakes(
            service.board.cells, service.reporter, told_each_seconds=limits.failed_handshake_log_seconds
        )
        self._strangers: set[str | None] = set()

    def may_speak(self, host: str | None) -> bool:
        """Return whether the peer is a proxy whose header counts. One that is not is told to the operator once.

        host: None for a Unix peer.
        """
        if self.service.forwarding.trust.covers(host):
            return True
        if host not in self._strangers and len(self._strangers) < REMEMBERED_STRANGERS:
            self._strangers.add(host)
            self.service.reporter.log_message(
                f"{host or 'a Unix peer'} came to a proxy+ bind and is no trusted proxy: cut; see --trusted-proxy",
                level=Level.WARNING,
            )
        self.failed.count(Failure.PROXY_UNTRUSTED)
        return False

    def welcome(self, connected: socket.socket, host: str | None, manner: Manner) -> None:
        """Begin with one connection that was accepted."""
        # Behind a PROXY header another host counts, which is not known yet. Before TLS: its handshake is the price.
        place = NO_PLACE if manner.proxy else self.service.per_address.enter(host)
        if place is None:
            reset_at_once(connected)
            return
        self.admit()
        Guest(self, connected, manner, place).begin()


class Guest(asyncio.Protocol):
    """A connection from accept until its first protocol takes it over. It is swept and counted like any other."""

    write_deadline = NEVER
    _task: "asyncio.Task[None] | None" = None
    _handed_over = False

    def __init__(self, entrance: Entrance, connected: socket.socket, manner: Manner, place: str) -> None:
        service = entrance.service
        self._entrance = entrance
        self._socket = connected
        self._peer = peer_address(connected)
        self._manner = manner
        self.place = place
        self._tls = entrance.tls.current if entrance.tls is not None and manner.tls else None
        self._reader = ProxyHeaderReader() if manner.proxy else None
        self.deadline = service.clock.deadline(entrance.limits.tls_handshake_seconds)
        service.connections.add(self)

    def begin(self) -> None:
        """Read the PROXY header, if one comes first; then shake hands."""
        if self._reader is None:
            self._begin_transport()
        elif self._peer is None:
            self._failed(Failure.PROXY_LEFT)
            self._end()
        elif self._entrance.may_speak(self._peer[0] if self._socket.family != socket.AF_UNIX else None):
            asyncio.get_running_loop().add_reader(self._socket, self._read_header, self._reader)
        else:
            self._end()

    def _read_header(self, reader: ProxyHeaderReader) -> None:
        """Take the header out of the socket, and not one octet more: those belong to TLS, or to the first request."""
        try:
            waiting = self._socket.recv(HEADER_OCTETS, socket.MSG_PEEK)
            if not waiting:
                raise ConnectionResetError
            self._socket.recv(reader.receive(waiting))
        except (BlockingIOError, InterruptedError):
            return
        except (OSError, BadProxyHeader) as error:
            self._failed(*proxy_failure(error))
            self.abort()
            return
        if reader.complete:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._take_place(reader)

    def _take_place(self, reader: ProxyHeaderReader) -> None:
        """Count whoever the header names: nobody, where it is the proxy's own connection."""
        place = self._entrance.service.per_address.enter(reader.ends.client[0] if reader.ends is not None else None)
        if place is None:
            reset_at_once(self._socket)
            self._end()
            return
        self.place = place
        self._begin_transport()

    def _begin_transport(self) -> None:
        self._task = asyncio.get_running_loop().create_task(
            self._become_transport(), context=self._entrance.service.context
        )

    async def _become_transport(self) -> None:
        limits = self._entrance.limits
        tls = self._tls
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: self,
                self._socket,
                ssl=tls.context if tls else None,
                # Our own deadline comes first: it does not count what the loop stood still, and the loop's would.
                ssl_handshake_timeout=limits.tls_handshake_seconds * 20 if tls else None,
                ssl_shutdown_timeout=limits.tls_close_seconds if tls else None,
            )
        except OSError as error:  # a peer that has left, or with which no handshake is possible
            if tls is not None and not self._handed_over:
                self._failed(*tls_failure(error))
        finally:
            self._task = None
            if not self._handed_over:
                self._end()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Hand over to the protocol that was agreed on; nothing was read yet."""
        self._handed_over = True
        service = self._entrance.service
        service.connections.discard(self)
        carrier = cast(asyncio.Transport, transport)  # uvloop's is no subclass of it
        shaken: ssl.SSLObject | None = transport.get_extra_info("ssl_object") if self._tls is not None else None
        connection: Http1Connection | Http2Connection
        if shaken is not None and shaken.selected_alpn_protocol() == HTTP_2:
            connection = Http2Connection(service)
        else:
            connection = Http1Connection(service)
        if shaken is not None and self._tls is not None:
            connection.scheme = "https"
            connection.tls = describe(shaken, self._tls)
        connection.place, self.place = self.place, NO_PLACE
        carrier.set_protocol(as_protocol(connection))
        connection.connection_made(carrier)
        if self._reader is not None and self._reader.ends is not None:
            connection.introduce(*self._reader.ends, connection.scheme, connection.tls)

    # What the server asks of each of its connections.

    def deadline_passed(self, _now: float) -> None:
        waits_for_header = self._reader is not None and not self._reader.complete
        self._failed(Failure.PROXY_TIMED_OUT if waits_for_header else Failure.TLS_TIMED_OUT)
        self._entrance.service.client_was_silent(None, "did not finish its handshake")
        self.abort()

    def begin_drain(self) -> None:
        """Whoever was accepted may finish the handshake and ask once."""

    def end_if_idle(self) -> None:
        """The same."""

    def hurry(self) -> None:
        self.abort()

    def abort(self) -> None:
        self.deadline = NEVER
        if self._task is not None:
            self._task.cancel()
        else:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._end()

    def _failed(self, failure: Failure, detail: str = "") -> None:
        """Say it of the client itself where the proxy has named it."""
        peer = self._reader.ends.client if self._reader is not None and self._reader.ends is not None else self._peer
        self._entrance.failed.note(failure, address_text(peer), detail)

    def _end(self) -> None:
        with suppress(OSError):
            self._socket.close()
        self._entrance.service.forget(self)
