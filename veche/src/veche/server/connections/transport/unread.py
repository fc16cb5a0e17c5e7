"""What a peer has sent and we have not read yet.

One job: ask the kernel, and end our side only where nothing has come.
Must not know: what the octets are. These are system calls: for rare moments, such as the end of a connection.
"""

import asyncio
import fcntl
import os
import socket
import sys
import termios
from contextlib import suppress


def has_unread_octets(transport: asyncio.BaseTransport) -> bool:
    """Whether octets of the peer wait in the kernel; False for a connection that is gone."""
    connected = transport.get_extra_info("socket")
    if connected is None:
        return False
    try:
        count = fcntl.ioctl(connected.fileno(), termios.FIONREAD, b"\0\0\0\0")
    except OSError:
        return False
    return int.from_bytes(count, sys.byteorder) > 0


def end_unless_unread(transport: asyncio.BaseTransport) -> bool:
    """Say in this very moment that we send no more (FIN), unless octets of the peer wait; return whether it was said.

    Closing a transport takes effect a turn of the loop later: what comes in that turn would be lost with a reset.
    """
    if has_unread_octets(transport):
        return False
    connected = transport.get_extra_info("socket")
    if connected is not None and transport.get_extra_info("sslcontext") is None:  # TLS has its own way to say so
        # A twin, because uvloop's object refuses shutdown().
        with suppress(OSError), socket.socket(fileno=os.dup(connected.fileno())) as twin:
            twin.shutdown(socket.SHUT_WR)
    return True
