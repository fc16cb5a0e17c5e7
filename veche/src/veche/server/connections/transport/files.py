"""A part of a file as a part of a response.

One job: octets from a descriptor to a peer, by sendfile(2) where the transport is a plain socket, in pieces elsewhere.
Must not know: HTTP, paths, who opened the file.

uvloop has no `loop.sendfile`, and asyncio's stops reading the connection for as long as it lasts, so that a peer that
leaves is not noticed. So the call is made here, on a duplicate of the transport's descriptor: a loop does not watch a
descriptor that a transport owns, and one of our own cannot become another connection's when this one is lost meanwhile.
Like nginx without threads, a read from a cold disk holds the loop for as long as it takes; the pieces bound that.
"""

import asyncio
import errno
import os
from typing import Final

from veche.server.bridges.exchange import ClientDisconnected, FileTooShort
from veche.server.connections.clock import NEVER
from veche.server.connections.transport.writing import WritingSide
from veche.server.waiters import wake

SENDFILE_OCTETS: Final = 512 * 1024  # by one system call; then others have their turn
PIECE_OCTETS: Final = 64 * 1024

NO_SENDFILE: Final = frozenset({errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP})  # some file systems have none
# Of the socket; what else is wrong is wrong with the file.
CLIENT_GONE: Final = frozenset(
    {
        errno.EPIPE,
        errno.ECONNRESET,
        errno.ECONNABORTED,
        errno.ENOTCONN,
        errno.ETIMEDOUT,
        errno.EHOSTUNREACH,
        errno.ENETUNREACH,
        errno.ENETDOWN,
    }
)


async def send_file(side: WritingSide, head: bytes, descriptor: int, offset: int, count: int) -> None:
    """Send `head` and then `count` octets of the file; what was written before goes first.

    Raises ClientDisconnected, and FileTooShort when the file ends early: the response must be cut then.
    """
    transport = side.transport
    side.file_octets_left = count
    try:
        if transport.get_extra_info("sslcontext") is not None or not hasattr(os, "sendfile"):
            side.send(head, more=True)
            await _copy(side, descriptor, offset)
            return
        await _flush(side)
        own = os.dup(transport.get_extra_info("socket").fileno())
        try:
            rest = head[_write(own, head) :]
            if rest:
                side.send(rest)
                await _flush(side)
            await _sendfile(side, own, descriptor, offset)
        finally:
            os.close(own)
    finally:
        side.file_octets_left = 0
        if side.writable and not side.closing:
            side.write_deadline = NEVER


async def _sendfile(side: WritingSide, own: int, descriptor: int, offset: int) -> None:
    while side.file_octets_left:
        try:
            sent = os.sendfile(own, descriptor, offset, min(side.file_octets_left, SENDFILE_OCTETS))
        except BlockingIOError:
            await _wait_for_room(side, own)
            continue
        except OSError as error:
            if error.errno in NO_SENDFILE:
                await _copy(side, descriptor, offset)
                return
            if error.errno in CLIENT_GONE:
                side.transport.abort()
                raise ClientDisconnected("the client is gone") from error
            raise
        if not sent:
            raise FileTooShort(f"the file ended {side.file_octets_left} octets before the length it had")
        offset += sent
        side.file_octets_left -= sent
        if side.file_octets_left:
            await asyncio.sleep(0)
            _refuse_if_gone(side)


async def _copy(side: WritingSide, descriptor: int, offset: int) -> None:
    while side.file_octets_left:
        piece = os.pread(descriptor, min(side.file_octets_left, PIECE_OCTETS), offset)
        if not piece:
            raise FileTooShort(f"the file ended {side.file_octets_left} octets before the length it had")
        offset += len(piece)
        side.file_octets_left -= len(piece)
        side.send(piece)
        side.write_out()  # to know whether the peer takes it
        if side.writable:
            await asyncio.sleep(0)
        else:
            await side.wait_writable()
        _refuse_if_gone(side)


async def _flush(side: WritingSide) -> None:
    """Return when nothing waits in the transport."""
    transport = side.transport
    side.write_out()
    if transport.get_write_buffer_size():
        transport.set_write_buffer_limits(high=0)
        await side.wait_writable()
        transport.set_write_buffer_limits(high=side.service.limits.write_buffer_octets)
    _refuse_if_gone(side)


def _write(own: int, head: bytes) -> int:
    try:
        return os.write(own, head)
    except BlockingIOError:
        return 0
    except OSError as error:
        raise ClientDisconnected("the client is gone") from error


async def _wait_for_room(side: WritingSide, own: int) -> None:
    """Return when the socket takes more, or when the connection is lost."""
    loop = asyncio.get_running_loop()
    if side.write_deadline == NEVER:
        side.watch_writing()
    waiter = side.write_waiter()
    loop.add_writer(own, wake, waiter)
    try:
        await waiter
    finally:
        loop.remove_writer(own)
    _refuse_if_gone(side)


def _refuse_if_gone(side: WritingSide) -> None:
    if side.closing or side.transport.is_closing():
        raise ClientDisconnected("the client is gone")
