"""A connection that speaks HTTP, as far as it is the same in every version.

One job: between whom it is, and whether a proxy's word counts on it.
Must not know: which version it speaks, what is asked and answered.
"""

import asyncio
from typing import Final, cast

from veche.server.bridges.exchange import Address, Tls
from veche.server.connections.addresses import client_address, local_address
from veche.server.connections.service import Service
from veche.server.connections.transport.writing import WritingSide
from veche.server.scoreboard import NO_PEER, peer_label

LINGER_LIMIT_OCTETS: Final = 65536  # of what a peer still sends after our last answer
CLIENT_CLOSED_REQUEST: Final = 499  # for the access log only; the number is nginx's


class HttpConnection(WritingSide):
    """The base of Http1Connection and Http2Connection."""

    def __init__(self, service: Service) -> None:
        super().__init__(service)
        self.client: Address | None = None
        self.local: Address | None = None
        self.scheme = "http"
        self.tls: Tls = None
        self.peer_label = NO_PEER
        self.peer_is_proxy = False  # whose word about its client counts

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass of it
        self.transport.set_write_buffer_limits(high=self.service.limits.write_buffer_octets)
        self.introduce(client_address(transport), local_address(transport), self.scheme, self.tls)

    def introduce(self, client: Address | None, local: Address | None, scheme: str, tls: Tls) -> None:
        """Say between whom the connection is. A PROXY header knows it better than the transport."""
        self.client, self.local, self.scheme, self.tls = client, local, scheme, tls
        self.peer_label = peer_label(client)
        self.peer_is_proxy = self.service.forwarding.trusts(client)
