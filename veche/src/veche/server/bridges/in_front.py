"""The base of bridges that stand before the application's bridge, and answer some of its requests themselves.

One job: hand on what concerns the application alone.
Must not know: which requests are answered here.
"""

from veche.server.bridges.exchange import Bridge, Exchange, Outlet, WebSocketExchange
from veche.wire.h1 import RequestHead
from veche.wire.websocket import Handshake


class BridgeInFront(Bridge):
    """A Bridge around another one."""

    def __init__(self, inner: Bridge) -> None:
        self._inner = inner

    def open_exchange(self, outlet: Outlet, head: RequestHead) -> Exchange:
        """Return the application's exchange for a request."""
        return self._inner.open_exchange(outlet, head)

    def open_websocket(self, outlet: Outlet, head: RequestHead, handshake: Handshake) -> WebSocketExchange | None:
        """Return the application's exchange for a WebSocket."""
        return self._inner.open_websocket(outlet, head, handshake)

    @property
    def running(self) -> int:
        return self._inner.running

    def tell_board(self) -> None:
        self._inner.tell_board()

    def cancel_all(self) -> None:
        self._inner.cancel_all()

    def close(self) -> None:
        self._inner.close()
