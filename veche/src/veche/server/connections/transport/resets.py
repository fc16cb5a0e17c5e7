"""Ending a connection so that the peer sees an error.

One job: a reset (RST) in place of an orderly end. Must not know: why.
"""

import asyncio
import socket
import struct
from contextlib import suppress
from typing import Final

AT_ONCE: Final = struct.pack("ii", 1, 0)


def reset_at_once(connected: socket.socket) -> None:
    """End a connection that has no transport: the peer is told by RST, and the kernel keeps nothing of it."""
    with suppress(OSError):
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
    connected.close()


def reset_when_closed(transport: asyncio.BaseTransport) -> None:
    """Have TCP answer with RST when the transport is closed or aborted; a Unix socket has no such thing."""
    connected = transport.get_extra_info("socket")
    if connected is not None and connected.family != socket.AF_UNIX:
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
