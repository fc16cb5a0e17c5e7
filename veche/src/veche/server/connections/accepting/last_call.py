"""The moment before a listening socket is closed by the last one who serves on it.

One job: have the kernel let nobody in any more, and nobody wait, so that nobody is in who is reset by the closing.
Must not know: who accepts, who is the last, why the end has come.

Between the last accept(2) and the close(2) one more connection can be made, on which a request is sent at once; the
close resets it. A filter that drops what asks for a connection ends that: the queue can be emptied, and stays empty.
Whoever asks in those microseconds asks again a second later, as TCP does by itself, and is refused. Both calls are
about the socket, not about our descriptor: they hold for every process that has it. Elsewhere than on Linux, and on
sockets that are not TCP's, they do nothing.
"""

import array
import socket
import struct
import sys
from contextlib import suppress
from typing import Final

SO_ATTACH_FILTER: Final = 26  # asm-generic/socket.h; Python does not name it
FLAGS_OFFSET: Final = 13  # of TCP's header (RFC 9293 §3.1), with which a filter on a TCP socket begins
SYN: Final = 0x02
WHOLE: Final = 0xFFFFFFFF

DROP_SYN: Final = (  # (code, jump if true, jump if false, operand), as bpf(4) has them
    (0x30, 0, 0, FLAGS_OFFSET),  # load an octet
    (0x45, 0, 1, SYN),  # is the bit set?
    (0x06, 0, 0, 0),  # drop it
    (0x06, 0, 0, WHOLE),  # take it
)


def let_nobody_in(listener: socket.socket) -> None:
    """Drop every new connection's first segment; who is in stays in."""
    if not _is_tcp_on_linux(listener):
        return
    program = array.array("B", b"".join(struct.pack("HBBI", *step) for step in DROP_SYN))
    address, _ = program.buffer_info()
    with suppress(OSError):  # a kernel that has no such filters: then one may be reset
        listener.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HP", len(DROP_SYN), address))


def listen_no_more(listener: socket.socket) -> None:
    """Have newcomers refused from now on, though somebody may still hold the socket: a worker that never came to
    serve, a program that the application has started. Whoever waits in the queue is reset."""
    if _is_tcp_on_linux(listener):
        with suppress(OSError):  # another has done it
            listener.shutdown(socket.SHUT_RDWR)


def _is_tcp_on_linux(listener: socket.socket) -> bool:
    return sys.platform == "linux" and listener.family in (socket.AF_INET, socket.AF_INET6)
