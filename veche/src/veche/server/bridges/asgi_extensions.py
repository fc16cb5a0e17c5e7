"""What ASGI calls extensions of an HTTP response: early hints, files by path; and octets that are not bytes.

One job: which extensions a scope names, and what of messages is not a part of every response.
Must not know: sockets, the order of messages (asgi.py).
"""

import os
import stat
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from veche.asgi import Message
from veche.server.bridges.exchange import Outlet
from veche.wire.h1 import BodyMismatch

# The inner mappings say nothing and cannot be written to, so that requests may share them.
NOTHING_MORE: Final[Mapping[str, Any]] = MappingProxyType({})
HTTP_EXTENSIONS: Final = {
    "http.response.pathsend": NOTHING_MORE,
    "http.response.early_hint": NOTHING_MORE,
    "http.response.trailers": NOTHING_MORE,
}
EARLY_HINTS: Final = 103


def octets_of(body: Any) -> bytes:
    """Return what a message says as a part of a body: ASGI says bytes, applications also send bytearray and memoryview.

    Raises TypeError for what is no octets; bytes() alone would make zeros of a number. len() of a memoryview counts its
    items, whatever size they have: it must not come to where a body is framed.
    """
    return body if type(body) is bytes else bytes(memoryview(body))


def send_early_hint(outlet: Outlet, message: Message) -> None:
    """Send the links of a http.response.early_hint (RFC 8297). Raises ResponseRefused."""
    outlet.send_informational(EARLY_HINTS, [(b"link", link) for link in message.get("links", ())])


async def send_path(outlet: Outlet, start: Message, path: str) -> None:
    """Send a file as the whole body of the response that `start` began.

    Raises OSError when it cannot be read, BodyMismatch when it is not as long as Content-Length says; nothing of the
    response was sent then. Raises FileTooShort when it shrinks on the way, ClientDisconnected when nobody is there.
    """
    # Not blocking: opening a pipe would wait for somebody who writes.
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(f"{path!r} is not a regular file")
        _say_length(outlet, start, status.st_size)
        if status.st_size:
            await outlet.write_file(descriptor, 0, status.st_size)
    finally:
        os.close(descriptor)
    outlet.write_body(b"", more=False)


def _say_length(outlet: Outlet, start: Message, octets: int) -> None:
    """Say the file's length where the application does not. Raises BodyMismatch where it says another."""
    fields = start.get("headers", ())
    if not isinstance(fields, (list, tuple)):
        return  # it was read once, and cannot be read again
    said = [bytes(value) for name, value in fields if bytes(name).lower() == b"content-length"]
    if not said:
        outlet.start_response(start["status"], [*fields, (b"content-length", b"%d" % octets)])
    elif said[0] != b"%d" % octets:
        raise BodyMismatch(octets, said[0].decode("latin-1"), what="the file")
