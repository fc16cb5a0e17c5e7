"""What a trusted proxy says about its client: X-Forwarded-For, -Proto, -Host, -Port, or Forwarded (RFC 7239).

One job: from those fields of one request to the client, the scheme and the host that the application shall see.
Must not know: connections, who may be believed about anything else.

The right-most hop that is not trusted itself is the client: everything left of it is what the client has written. Only
one family of fields is read, the one that the proxies are said to write: a proxy that writes the one lets the other
through as its client sent it.
"""

import re
from ipaddress import ip_address
from typing import Final

from msgspec import Struct

from veche.server.bridges.exchange import Address
from veche.server.scoreboard import NO_PEER, peer_label
from veche.server.settings.proxies import ProxySettings
from veche.server.trust import Trust
from veche.wire.h1 import RequestHead
from veche.wire.h1.grammar import HOST

REMEMBERED_SAYINGS: Final = 1024
REMEMBERED_OCTETS: Final = 512
SCHEMES: Final = {b"http": "http", b"https": "https", b"ws": "http", b"wss": "https"}
USUAL_PORTS: Final = {"http": b"80", "https": b"443"}

# RFC 7239 §4: forwarded-element = [ forwarded-pair ] *( ";" [ forwarded-pair ] ), value = token / quoted-string
PAIR: Final = rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+)=(?:([!#$%&'*+\-.^_`|~0-9A-Za-z]+)|\"((?:[^\"\\]|\\.)*)\")"
ELEMENT_PAIR: Final = re.compile(PAIR)
SEPARATOR: Final = re.compile(rb"[ \t]*([,;])[ \t]*")
NODE: Final = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+))(?::(\d{1,5}|_[A-Za-z0-9._-]+))?")
HIDDEN: Final = re.compile(r"(?:unknown|_[A-Za-z0-9._-]+)(?::(?:\d{1,5}|_[A-Za-z0-9._-]+))?", re.IGNORECASE)


class BadForwarding(ValueError):
    """A trusted proxy says what cannot be understood: who the client is would be a guess. Answer 400."""


class Saying(Struct, frozen=True):
    """What the fields of one request come to. client None: the proxy hides it, or does not know it."""

    names_client: bool
    client: Address | None
    peer_label: bytes
    scheme: str | None  # None: they do not say
    host: bytes | None


class Hop(Struct, frozen=True):
    """One proxy's word about who came to it. Empty: not said."""

    node: str
    scheme: bytes = b""
    host: bytes = b""


class Forwarding:
    """Reads these fields for all connections of a worker; what it remembers is bounded."""

    def __init__(self, settings: ProxySettings) -> None:
        """Raises AddressError."""
        self.trust = Trust(settings.trusted_proxy)
        self._standard = settings.forwarded_fields == "forwarded"
        self._host_counts = settings.forwarded_host
        self._known: dict[tuple[tuple[bytes, bytes], ...], Saying | None] = {}

    def trusts(self, client: Address | None) -> bool:
        """Return whether whoever connects from there is a proxy to be believed; asked once for a connection."""
        return self.trust.covers(None if client is None or client[1] is None else client[0])

    def read(self, fields: list[tuple[bytes, bytes]]) -> Saying | None:
        """Return what these fields of a request say; None when nothing. Raises BadForwarding."""
        key = tuple(fields)
        try:
            return self._known[key]
        except KeyError:
            pass
        saying = self._understand(fields)
        if sum(len(value) for _, value in fields) <= REMEMBERED_OCTETS:
            if len(self._known) >= REMEMBERED_SAYINGS:
                self._known.clear()
            self._known[key] = saying
        return saying

    def _understand(self, fields: list[tuple[bytes, bytes]]) -> Saying | None:
        values: dict[bytes, bytes] = {}
        for name, value in fields:
            values[name] = values[name] + b"," + value if name in values else value
        hops = _hops_of_forwarded(values) if self._standard else _hops_of_x_forwarded(values)
        if not hops:
            return None
        for hop in reversed(hops):
            client = _client(hop.node) if hop.node else None
            if client is None or not self.trust.covers(client[0]):
                break
        scheme = SCHEMES.get(hop.scheme.lower())
        host = self._host(hop, values, scheme) if self._host_counts else None
        return Saying(bool(hop.node), client, NO_PEER if client is None else peer_label(client), scheme, host)

    def _host(self, hop: Hop, values: dict[bytes, bytes], scheme: str | None) -> bytes | None:
        host = hop.host
        if not host:
            return None
        if HOST.fullmatch(host) is None:
            raise BadForwarding("the forwarded host is not host[:port]")
        port = b"" if self._standard else values.get(b"x-forwarded-port", b"").rpartition(b",")[2].strip()
        has_port = re.search(rb":\d*$", host) is not None
        if port.isdigit() and len(port) <= 5 and not has_port and port != USUAL_PORTS.get(scheme or "http"):
            host += b":" + port
        return host


def replace_host(head: RequestHead, host: bytes) -> None:
    """Have the application see this Host."""
    head.fields[:] = [(b"host", host), *(field for field in head.fields if field[0] != b"host")]


def _hops_of_x_forwarded(values: dict[bytes, bytes]) -> list[Hop]:
    """Return the hops, the one nearest to us last."""
    nodes = _pieces(values.get(b"x-forwarded-for", b""))
    schemes = _pieces(values.get(b"x-forwarded-proto", b""))
    hosts = _pieces(values.get(b"x-forwarded-host", b""))
    if not nodes:
        return [Hop("", schemes[-1] if schemes else b"", hosts[-1] if hosts else b"")] if schemes or hosts else []
    # A proxy that adds to one list may replace the other: only lists of equal length stand side by side.
    return [
        Hop(node.decode("latin-1"), _beside(schemes, index, len(nodes)), _beside(hosts, index, len(nodes)))
        for index, node in enumerate(nodes)
    ]


def _beside(entries: list[bytes], index: int, count: int) -> bytes:
    if not entries:
        return b""
    return entries[index] if len(entries) == count else entries[-1]


def _pieces(value: bytes) -> list[bytes]:
    return [piece for part in value.split(b",") if (piece := part.strip(b" \t"))]


def _hops_of_forwarded(values: dict[bytes, bytes]) -> list[Hop]:
    value = values.get(b"forwarded", b"").strip(b" \t")
    hops: list[Hop] = []
    position = 0
    pairs: dict[bytes, bytes] = {}
    while position < len(value):
        pair = ELEMENT_PAIR.match(value, position)
        if pair is not None:
            name, token, quoted = pair.groups()
            if name.lower() in pairs:
                raise BadForwarding("Forwarded has the same parameter twice in one element (RFC 7239 §4)")
            pairs[name.lower()] = token if token is not None else re.sub(rb"\\(.)", rb"\1", quoted)
            position = pair.end()
        separator = SEPARATOR.match(value, position)
        if separator is None and position < len(value):
            raise BadForwarding("Forwarded is not a list of name=value (RFC 7239 §4)")
        if separator is None or separator[1] == b",":
            hops.extend(_hop(pairs))
            pairs = {}
        if separator is not None:
            position = separator.end()
    return hops + _hop(pairs)


def _hop(pairs: dict[bytes, bytes]) -> list[Hop]:
    if not pairs:
        return []
    return [Hop(pairs.get(b"for", b"unknown").decode("latin-1"), pairs.get(b"proto", b""), pairs.get(b"host", b""))]


def _client(node: str) -> tuple[str, int] | None:
    """Return (host, port or 0) of 192.0.2.1, 192.0.2.1:80, 2001:db8::1, [2001:db8::1]:80; None for a hidden one."""
    match = NODE.fullmatch(node)
    try:
        if match is None:
            if HIDDEN.fullmatch(node):
                return None
            return (str(ip_address(node)), 0)  # X-Forwarded-For has IPv6 without brackets
        port = match[3] or "0"
        return (str(ip_address(match[1] or match[2])), int(port) if port.isdecimal() and int(port) < 65536 else 0)
    except ValueError as error:
        raise BadForwarding(f"the client {node!r} of a trusted proxy is no address") from error
