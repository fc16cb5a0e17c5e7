"""How many connections one client address has to this worker.

One job: give each a place among those of its address, or none when they are all taken.
Must not know: sockets, what a connection speaks, what becomes of one that got no place.

An IPv6 client is given a /64, not an address, and may come from each of its 2**64 as it likes: they count together.
Trusted proxies are never counted, nor are Unix sockets: their clients are somebody else.
"""

import socket
from ipaddress import IPv6Address
from typing import Final

from veche.log import Level
from veche.server.bridges.exchange import Reporter
from veche.server.connections.clock import Clock
from veche.server.trust import Trust

NO_PLACE: Final = ""
MAPPED: Final = bytes(10) + b"\xff\xff"  # ::ffff:192.0.2.1, an IPv4 client on a socket of both families
NETWORK_OCTETS: Final = 8
NETWORK_DIGITS: Final = 2 * NETWORK_OCTETS
TOLD_EACH_SECONDS: Final = 10.0


class ConnectionsPerAddress:
    """The open connections of one worker, counted by whose they are. `refused` grows only."""

    def __init__(self, limit: int, trust: Trust, clock: Clock, reporter: Reporter) -> None:
        """limit: 0 is none, and then nothing is counted."""
        self._limit = limit
        self._trust = trust
        self._clock = clock
        self._reporter = reporter
        self._counts: dict[str, int] = {}  # as large as there are connections, at the most
        self._untold = 0
        self._tell_again_at = 0.0
        self.refused = 0

    def enter(self, host: str | None) -> str | None:
        """Return the place that the connection has until leave(place), NO_PLACE where none is counted, None for no.

        host: an IP address as text; None for a peer without one.
        """
        if not self._limit or host is None or self._trust.covers(host):
            return NO_PLACE
        place = place_of(host)
        count = self._counts.get(place, 0)
        if count >= self._limit:
            self._refuse(place)
            return None
        self._counts[place] = count + 1
        return place

    def leave(self, place: str) -> None:
        """Give a place back."""
        count = self._counts[place] - 1
        if count:
            self._counts[place] = count
        else:
            del self._counts[place]

    def _refuse(self, place: str) -> None:
        self.refused += 1
        self._untold += 1
        if self._clock.now < self._tell_again_at:
            return  # who is refused comes again and again: that must not fill the disk
        self._reporter.log_message(
            f"{place_name(place)} has {self._limit} connections to this worker, the most that one address may have: "
            "its next ones are closed at once; see --connections-per-address, and --trusted-proxy if it is a proxy",
            level=Level.WARNING,
            refused=self._untold,
        )
        self._untold = 0
        self._tell_again_at = self._clock.now + TOLD_EACH_SECONDS


def place_of(host: str) -> str:
    """Return what all connections have in common that count as one client's: an IPv4 address, or 16 digits of IPv6."""
    if ":" not in host:
        return host  # the kernel, and whoever has read a PROXY header, write an address in one way only
    octets = socket.inet_pton(socket.AF_INET6, host.partition("%")[0])  # without the zone of fe80::1%eth0
    if octets.startswith(MAPPED):
        return socket.inet_ntop(socket.AF_INET, octets[len(MAPPED) :])
    return octets[:NETWORK_OCTETS].hex()


def place_name(place: str) -> str:
    """Return it as an operator writes it: 192.0.2.1, or 2001:db8::/64."""
    if len(place) < NETWORK_DIGITS:
        return place
    return f"{IPv6Address(bytes.fromhex(place).ljust(16, bytes(1)))}/64"
