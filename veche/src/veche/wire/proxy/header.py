"""The header that a proxy puts before what its client says (PROXY protocol 1 and 2, HAProxy's specification).

One job: octets in; how many of them are the header, and what it says, out.
Must not know: sockets, whether the sender may be believed.
"""

import re
from ipaddress import IPv4Address, IPv6Address
from typing import Final, NamedTuple

SIGNATURE: Final = b"\r\n\r\n\0\r\nQUIT\n"
FIXED_OCTETS: Final = 16  # of version 2: signature, version and command, family, length
LONGEST_LINE: Final = 107  # of version 1, with its CRLF
LONGEST_REST: Final = 4096 - FIXED_OCTETS  # of version 2: addresses, and extensions that nobody asks for here

PORT: Final = rb"(0|[1-9][0-9]{0,4})"
# No "%": ipaddress takes any characters at all after it for the name of a scope, and addresses go into logs and fields.
ADDRESS: Final = rb"([0-9A-Fa-f:.]+)"
LINE: Final = re.compile(
    rb"PROXY (?:UNKNOWN(?: [^\r\n]*)?|(TCP4|TCP6) " + rb" ".join([ADDRESS, ADDRESS, PORT, PORT]) + rb")\r\n"
)

LOCAL: Final = 0
PROXY: Final = 1
UNSPECIFIED: Final = 0x00
TCP_IPV4: Final = 0x11
TCP_IPV6: Final = 0x21
UNIX_STREAM: Final = 0x31
ADDRESS_OCTETS: Final = {UNSPECIFIED: 0, TCP_IPV4: 12, TCP_IPV6: 36, UNIX_STREAM: 216}

End = tuple[str, int]


class BadProxyHeader(ValueError):
    """What came is no PROXY header: nothing on this connection can be believed, close it."""


class NoProxyHeader(BadProxyHeader):
    """What came does not even begin like one."""


class ProxiedEnds(NamedTuple):
    """The two ends of the connection between the client and the proxy."""

    client: End
    local: End


class ProxyHeaderReader:
    """Reads one header. `complete` says that it was whole; `ends` is None when it names nobody."""

    complete = False
    ends: ProxiedEnds | None = None

    def __init__(self) -> None:
        self._octets = b""

    def receive(self, octets: bytes) -> int:
        """Return how many of these octets belong to the header: the ones after them are the client's own.

        Give none that were given before. Raises BadProxyHeader.
        """
        before = len(self._octets)
        known = self._octets + octets
        start = known[: len(SIGNATURE)]
        if start == SIGNATURE[: len(start)]:
            size = self._read_binary(known)
        elif start.startswith(b"PROXY "[: len(start)]):
            size = self._read_line(known)
        else:
            raise NoProxyHeader("the connection does not begin with a PROXY header")
        self._octets = known[:size]
        return size - before

    def _read_line(self, known: bytes) -> int:
        end = known.find(b"\n", 0, LONGEST_LINE) + 1
        if not end:
            if len(known) >= LONGEST_LINE:
                raise BadProxyHeader(f"a PROXY line of more than {LONGEST_LINE} octets")
            return len(known)
        match = LINE.fullmatch(known[:end])
        if match is None:
            raise BadProxyHeader("a PROXY line that is not PROXY TCP4|TCP6 SOURCE DESTINATION PORT PORT")
        family, source, destination, source_port, destination_port = match.groups()
        if family is not None:
            kind = IPv4Address if family == b"TCP4" else IPv6Address
            try:
                hosts = [str(kind(host.decode("ascii"))) for host in (source, destination)]
            except ValueError as error:
                raise BadProxyHeader("a PROXY line with an address that is none") from error
            ports = [int(source_port), int(destination_port)]
            if max(ports) > 65535:
                raise BadProxyHeader("a PROXY line with a port that is none")
            self.ends = ProxiedEnds((hosts[0], ports[0]), (hosts[1], ports[1]))
        self.complete = True
        return end

    def _read_binary(self, known: bytes) -> int:
        if len(known) < FIXED_OCTETS:
            return len(known)
        version, command = known[12] >> 4, known[12] & 0xF
        family = known[13]
        rest = int.from_bytes(known[14:16])
        if version != 2 or command not in (LOCAL, PROXY):
            raise BadProxyHeader("a PROXY header of an unknown version or command")
        needed = ADDRESS_OCTETS.get(family)
        if rest > LONGEST_REST:
            raise BadProxyHeader(f"a PROXY header of {rest} octets")
        if command == PROXY and (needed is None or rest < needed):
            raise BadProxyHeader("a PROXY header without the addresses of a TCP or Unix stream")
        size = FIXED_OCTETS + rest
        if len(known) < size:
            return len(known)
        if command == PROXY:
            self.ends = _binary_ends(family, known[FIXED_OCTETS:size])
        self.complete = True
        return size


def _binary_ends(family: int, octets: bytes) -> ProxiedEnds | None:
    if family == TCP_IPV4:
        width, hosts = 4, (str(IPv4Address(octets[:4])), str(IPv4Address(octets[4:8])))
    elif family == TCP_IPV6:
        width, hosts = 16, (str(IPv6Address(octets[:16])), str(IPv6Address(octets[16:32])))
    else:
        return None  # a client on the proxy's own machine, or one it knows nothing of
    ports = octets[2 * width : 2 * width + 4]
    return ProxiedEnds((hosts[0], int.from_bytes(ports[:2])), (hosts[1], int.from_bytes(ports[2:])))
