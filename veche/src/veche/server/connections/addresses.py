"""The two ends of a connection as ASGI wants them.

One job: (host, port) of a TCP end, (path, None) of a Unix socket's, None of one without a name.
Must not know: who asks.
"""

import asyncio
import socket

from veche.server.bridges.exchange import Address


def client_address(transport: asyncio.BaseTransport) -> Address | None:
    """Return the peer's end; a Unix peer has no name."""
    return _address(transport.get_extra_info("peername"))


def local_address(transport: asyncio.BaseTransport) -> Address | None:
    """Return our end."""
    return _address(transport.get_extra_info("sockname"))


def peer_address(connected: socket.socket) -> Address | None:
    """Return the peer's end of a socket without a transport; "unix" for one without a name, None for one that left."""
    try:
        name = connected.getpeername()
    except OSError:
        return None
    return _address(name) or ("unix", None)


def address_text(address: Address | None) -> str:
    """Return HOST:PORT, [IPv6]:PORT, a path, or "-"."""
    if address is None:
        return "-"
    host, port = address
    return host if port is None else f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _address(name: object) -> Address | None:
    if isinstance(name, (tuple, list)):
        return (str(name[0]), int(name[1]))  # IPv6 has two more, which nobody asks for
    if isinstance(name, bytes):
        name = name.decode("utf-8", "surrogateescape")  # abstract names come as bytes
    return (name, None) if isinstance(name, str) and name else None
