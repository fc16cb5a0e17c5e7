"""The moment before listening sockets are closed for good.

One job: have the kernel let nobody in any more, so that nobody is in who is reset when the last door closes.
Must not know: who accepts, why the end has come.

Between a worker's last accept(2) and its close(2) one more connection can be made, on which a request is sent at once;
the close resets it. A filter that drops what asks for a connection ends that: the queue can be emptied, and stays
empty. Whoever asks meanwhile asks again a second later, as TCP does by itself, and is refused.
"""

import array
import socket
import struct
import sys
from collections.abc import Iterable
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


def let_nobody_in(listening: Iterable[socket.socket]) -> None:
    """Drop every new connection's first segment; who is in stays in. Only for TCP sockets that nobody serves on after
    us: the filter belongs to the socket, not to the descriptor. Elsewhere than on Linux nothing is done."""
    if sys.platform != "linux":
        return
    program = array.array("B", b"".join(struct.pack("HBBI", *step) for step in DROP_SYN))
    address, _ = program.buffer_info()
    for each in listening:
        with suppress(OSError):  # a kernel that has no such filters: then as it used to be
            each.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HP", len(DROP_SYN), address))
