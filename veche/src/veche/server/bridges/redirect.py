"""To HTTPS: a bridge around the application's bridge for those who come without TLS.

One job: answer 308 to the same address under https.
Must not know: sockets, certificates.

308 and not 301: the method and the body go along (RFC 9110 §15.4.9). Host was checked when the head was read.
"""

import re
from typing import Final

from veche.server.bridges.exchange import Bridge, Exchange, Outlet, WebSocketExchange
from veche.server.bridges.in_front import BridgeInFront
from veche.server.bridges.own_answer import OwnAnswer
from veche.wire.h1 import RequestHead
from veche.wire.websocket import Handshake

# Authorities that issue certificates ask for this without TLS (RFC 8555 §8.3).
CHALLENGES: Final = b"/.well-known/acme-challenge/"
PORT: Final = re.compile(rb":[0-9]*$")
PLAIN_TEXT: Final = (b"content-type", b"text/plain; charset=utf-8")


class RedirectBridge(BridgeInFront):
    """See the module. What came with TLS goes to the inner bridge."""

    def __init__(self, inner: Bridge, https_port: int) -> None:
        super().__init__(inner)
        self._port = b"" if https_port == 443 else b":%d" % https_port

    def open_exchange(self, outlet: Outlet, head: RequestHead) -> Exchange:
        """Return the exchange for a request."""
        if outlet.scheme == "https" or head.line.path.startswith(CHALLENGES):
            return super().open_exchange(outlet, head)
        return RedirectExchange(outlet, self._location(head))

    def open_websocket(self, outlet: Outlet, head: RequestHead, handshake: Handshake) -> WebSocketExchange | None:
        """Return the application's exchange for what came with TLS; others get a redirect like any request."""
        return super().open_websocket(outlet, head, handshake) if outlet.scheme == "https" else None

    def _location(self, head: RequestHead) -> bytes | None:
        host = next((value for name, value in head.fields if name == b"host"), b"")
        host = PORT.sub(b"", host)
        if not host:
            return None  # HTTP/1.0 without Host, or an empty one
        line = head.line
        path = line.raw_path if line.raw_path.startswith(b"/") else b"/"
        query = b"?" + line.query if line.query else b""
        return b"https://" + host + self._port + path + query


class RedirectExchange(OwnAnswer):
    """One request that is only told where to go."""

    def __init__(self, outlet: Outlet, location: bytes | None) -> None:
        self._outlet = outlet
        self._location = location

    def start(self) -> None:
        """Answer at once."""
        if self._location is None:
            self._outlet.start_response(400, [PLAIN_TEXT])
            self._outlet.write_body(b"Bad Request: no Host, so there is no address to redirect to\n", more=False)
            return
        self._outlet.start_response(308, [PLAIN_TEXT, (b"location", self._location)])
        self._outlet.write_body(b"This site is served by HTTPS only.\n", more=False)
