"""Who may speak for somebody else.

One job: whether a peer is one of the trusted proxies.
Must not know: what proxies say.
"""

import re
from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

from veche.server.errors import AddressError

REMEMBERED_HOSTS: Final = 1024
EVERYBODY: Final = "*"
UNIX: Final = "unix"
NOBODY: Final = "none"


class Trust:
    """A set of addresses and networks."""

    def __init__(self, trusted: Iterable[str]) -> None:
        """Raises AddressError for what is neither."""
        entries = set(trusted) - {NOBODY}
        self._everybody = EVERYBODY in entries
        self.unix = self._everybody or UNIX in entries
        self._networks = [_network(entry) for entry in entries - {EVERYBODY, UNIX}]
        self._known: dict[str, bool] = {}

    def __bool__(self) -> bool:
        return self._everybody or self.unix or bool(self._networks)

    def covers(self, host: str | None) -> bool:
        """Return whether this host is trusted; None is the peer on a Unix socket."""
        if host is None:
            return self.unix
        known = self._known.get(host)
        if known is None:
            if len(self._known) >= REMEMBERED_HOSTS:
                self._known.clear()
            known = self._known[host] = self._everybody or self._is_inside(host)
        return known

    def _is_inside(self, host: str) -> bool:
        try:
            address = ip_address(host.partition("%")[0])  # without the zone of fe80::1%eth0
        except ValueError:
            return False
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped  # how a socket of both families shows ::ffff:10.0.0.1
        return any(address in network for network in self._networks)


def _network(entry: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(re.sub(r"^\[(.*)\]$", r"\1", entry))
    except ValueError as error:
        raise AddressError(
            f"--trusted-proxy {entry!r} is no address or network ({error}); "
            "write 10.0.0.7, 10.0.0.0/8, 2001:db8::/32, unix, * or none"
        ) from error
