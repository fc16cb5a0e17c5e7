"""PROXY headers, versions 1 and 2: read alike however they arrive, and nothing is raised but the reader's own error.

One job: what must hold for any octets, and seeds. Must not know: who makes the octets.
"""

from collections.abc import Iterable
from ipaddress import ip_address
from typing import Final

from veche.wire.proxy import BadProxyHeader, ProxiedEnds, ProxyHeaderReader

SIGNATURE: Final = b"\r\n\r\n\0\r\nQUIT\n"
LONGEST_OCTETS: Final = 4096

SEEDS: Final = [
    b"PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\nGET / HTTP/1.1\r\n",
    b"PROXY TCP6 2001:db8::1 ::ffff:192.0.2.1 65535 0\r\n\x16\x03\x01",
    b"PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n",
    b"PROXY UNKNOWN\r\nPROXY UNKNOWN whatever it says\r\n",
    b"PROXY TCP6 " + b"ffff:" * 7 + b"ffff " + b"ffff:" * 7 + b"ffff 65535 65535\r\n",
    SIGNATURE + b"\x21\x11\0\x0c\xc0\0\2\1\xc6\x33\x64\2\xdc\4\1\xbbGET / HTTP/1.1\r\n",
    SIGNATURE + b"\x21\x21\0\x24" + bytes(range(36)) + b"\x16\x03\x01",
    SIGNATURE + b"\x21\x11\0\x13" + bytes(12) + b"\x04\0\x04abcd",  # with an extension
    SIGNATURE + b"\x21\x31\0\xd8" + b"/".ljust(108, b"\0") * 2,  # Unix sockets
    SIGNATURE + b"\x20\0\0\0after",
    SIGNATURE + b"\x20\xff\1\0" + bytes(256),
]

Reading = tuple[bool, ProxiedEnds | None, int, type[Exception] | None]


def _read(pieces: Iterable[bytes]) -> Reading:
    """Return whether the header was whole, what it named, how many octets it has, and the error that ended it."""
    reader = ProxyHeaderReader()
    taken = 0
    for piece in pieces:
        try:
            size = reader.receive(piece)
        except BadProxyHeader as error:
            assert not reader.complete
            return False, reader.ends, 0, type(error)
        assert 0 <= size <= len(piece)
        taken += size
        assert taken <= LONGEST_OCTETS  # what is kept of who never ends
        if reader.complete:
            return True, reader.ends, taken, None
        assert size == len(piece)  # what follows a header is the client's own only once there was a header
    return False, reader.ends, taken, None


def check(octets: bytes) -> None:
    """Whole, octet by octet and in pieces: the same ends, the same size or the same error; the ends are addresses."""
    whole = _read([octets])
    assert _read(octets[at : at + 1] for at in range(len(octets))) == whole
    size = 2 + len(octets) % 13
    assert _read(octets[at : at + size] for at in range(0, len(octets), size)) == whole
    complete, ends, taken, _ = whole
    assert complete or ends is None
    if complete:
        assert _read([octets[:taken]]) == whole  # nothing after the header was looked at
    for host, port in ends or ():
        assert ip_address(host).compressed == host
        assert {*host} <= {*"0123456789abcdef.:"}, host  # it goes into logs, fields and rules
        assert 0 <= port <= 65535
