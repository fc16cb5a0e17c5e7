"""The two ends of a connection as ASGI wants them.

One job: (host, port) of a TCP end, (path, None) of a Unix socket's, None of one without a name.
Must not know: who asks.
"""

import asyncio

from veche.server.bridges.exchange import Address


def client_address(transport: asyncio.BaseTransport) -> Address | None:
    """Return the peer's end; a Unix peer has no name."""
    return _address(transport.get_extra_info("peername"))


def local_address(transport: asyncio.BaseTransport) -> Address | None:
    """Return our end."""
    return _address(transport.get_extra_info("sockname"))


def _address(name: object) -> Address | None:
    if isinstance(name, (tuple, list)):
        return (str(name[0]), int(name[1]))  # IPv6 has two more, which nobody asks for
    if isinstance(name, bytes):
        name = name.decode("utf-8", "surrogateescape")  # abstract names come as bytes
    return (name, None) if isinstance(name, str) and name else None
