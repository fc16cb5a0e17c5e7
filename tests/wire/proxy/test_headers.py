"""The PROXY header, in the order of its specification: version 1, version 2, and what was got wrong elsewhere."""

import ipaddress
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from veche.wire.proxy import BadProxyHeader, ProxiedEnds, ProxyHeaderReader

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
LINE = b"PROXY TCP4 192.0.2.1 198.51.100.7 56324 443\r\n"


def binary(family: int, addresses: bytes, *, command: int = 1, version: int = 2, more: bytes = b"") -> bytes:
    rest = addresses + more
    return SIGNATURE + bytes([version << 4 | command, family]) + struct.pack("!H", len(rest)) + rest


def ipv4(client: str, local: str, client_port: int, local_port: int) -> bytes:
    hosts = ipaddress.ip_address(client).packed + ipaddress.ip_address(local).packed
    return hosts + struct.pack("!HH", client_port, local_port)


def read(octets: bytes) -> tuple[ProxiedEnds | None, bytes]:
    """Return what a whole header says, and what is left after it."""
    reader = ProxyHeaderReader()
    count = reader.receive(octets)
    assert reader.complete
    return reader.ends, octets[count:]


@pytest.mark.parametrize(
    ("header", "ends"),
    [
        (LINE, (("192.0.2.1", 56324), ("198.51.100.7", 443))),
        (b"PROXY TCP6 2001:db8::1 ::1 1 65535\r\n", (("2001:db8::1", 1), ("::1", 65535))),
        (b"PROXY UNKNOWN\r\n", None),
        (b"PROXY UNKNOWN ffff::1 whatever 1 2\r\n", None),
        (binary(0x11, ipv4("192.0.2.1", "198.51.100.7", 7, 8)), (("192.0.2.1", 7), ("198.51.100.7", 8))),
        (binary(0x21, ipv4("2001:db8::1", "::1", 7, 8)), (("2001:db8::1", 7), ("::1", 8))),
        (binary(0x31, bytes(216)), None),
        (binary(0x00, b""), None),
        (binary(0x11, ipv4("192.0.2.1", "198.51.100.7", 7, 8), command=0), None),  # LOCAL: the proxy speaks for itself
        (binary(0x11, ipv4("192.0.2.1", "1.2.3.4", 7, 8), more=b"\x04\0\1a" * 99), (("192.0.2.1", 7), ("1.2.3.4", 8))),
    ],
)
def test_a_header_says_who_talks_to_whom_and_leaves_what_follows(header: bytes, ends: ProxiedEnds | None) -> None:
    assert read(header + b"GET / HTTP/1.1\r\n") == (ends, b"GET / HTTP/1.1\r\n")
    reader = ProxyHeaderReader()
    for octet in header:
        assert not reader.complete
        assert reader.receive(bytes([octet])) == 1
    assert reader.complete
    assert reader.ends == ends


@pytest.mark.parametrize(
    "header",
    [
        b"GET / HTTP/1.1\r\n",
        b" " + LINE,
        b"\r\n" + LINE,
        b"proxy TCP4 192.0.2.1 198.51.100.7 56324 443\r\n",
        b"PROXY TCP4 192.0.2.1 198.51.100.7 56324 443\n",
        b"PROXY  TCP4 192.0.2.1 198.51.100.7 56324 443\r\n",
        b"PROXY TCP4 192.0.2.1 198.51.100.7 56324 443 \r\n",
        b"PROXY TCP4 192.0.2.1 198.51.100.7 56324\r\n",
        b"PROXY TCP4 2001:db8::1 ::1 1 2\r\n",
        b"PROXY TCP6 192.0.2.1 198.51.100.7 1 2\r\n",
        b"PROXY TCP4 192.0.2.256 198.51.100.7 1 2\r\n",
        b"PROXY TCP4 192.0.2.1 198.51.100.7 65536 2\r\n",
        b"PROXY TCP4 192.0.2.1 198.51.100.7 +1 2\r\n",
        b"PROXY TCP4 192.0.2.1 198.51.100.7 01 2\r\n",
        b"PROXY UDP4 192.0.2.1 198.51.100.7 1 2\r\n",
        b"PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n",
        b"PROXY TCP6 ::1 fe80::1%\x1b[2J\r 1 2\r\n",  # a "scope" that would write into a log
        b"PROXY TCP4 \xd9\xa1.0.0.1 198.51.100.7 1 2\r\n",
        binary(0x11, ipv4("192.0.2.1", "198.51.100.7", 7, 8), version=1),
        binary(0x11, ipv4("192.0.2.1", "198.51.100.7", 7, 8), command=2),
        binary(0x12, ipv4("192.0.2.1", "198.51.100.7", 7, 8)),  # UDP
        binary(0x11, b"short"),
        binary(0x21, bytes(35)),
        SIGNATURE + b"\x21\x11\xff\xff",  # refused before its 65,535 octets are waited for
    ],
)
def test_what_is_no_header_is_refused(header: bytes) -> None:
    with pytest.raises(BadProxyHeader):
        ProxyHeaderReader().receive(header)


def test_cve_2026_47736_a_line_without_an_end_is_refused_at_107_octets_and_never_collected() -> None:
    endless = b"PROXY UNKNOWN " + b"a" * (106 - 14)
    reader = ProxyHeaderReader()
    assert reader.receive(endless) == 106
    with pytest.raises(BadProxyHeader, match="more than 107"):
        reader.receive(b"a")
    longest = b"PROXY UNKNOWN " + b"a" * (105 - 14) + b"\r\n"
    assert len(longest) == 107
    assert read(longest) == (None, b"")
    with pytest.raises(BadProxyHeader, match="more than 107"):
        ProxyHeaderReader().receive(b"PROXY UNKNOWN " + b"a" * 100_000)


@given(st.binary(max_size=300), st.sampled_from([b"", b"PROXY ", LINE[:20], SIGNATURE, SIGNATURE + b"\x21\x11\0\x0c"]))
def test_octets_one_by_one_and_at_once_come_to_the_same(octets: bytes, start: bytes) -> None:
    octets = start + octets

    def whole() -> object:
        reader = ProxyHeaderReader()
        try:
            return reader.receive(octets), reader.complete, reader.ends
        except BadProxyHeader:
            return "refused"

    def one_by_one() -> object:
        reader, count = ProxyHeaderReader(), 0
        try:
            for octet in octets:
                if reader.complete:
                    break
                count += reader.receive(bytes([octet]))
            return count, reader.complete, reader.ends
        except BadProxyHeader:
            return "refused"

    assert whole() == one_by_one()
