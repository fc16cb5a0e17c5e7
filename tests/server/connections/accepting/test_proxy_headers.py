"""PROXY headers on real connections: only from trusted peers, only first, within the deadline, TLS after them."""

import socket
import ssl
import struct
from pathlib import Path
from typing import Any

import pytest

from fixtures.certificates import Authority
from fixtures.serving import PATIENCE_SECONDS, serve, wait_for
from veche.asgi import Receive, Scope, Send
from veche.log import Level
from veche.server.manner import Manner

LOOPS = pytest.mark.parametrize("plain_asyncio", [False, True], ids=["uvloop", "asyncio"])
PROXY = Manner(proxy=True)
LINE = b"PROXY TCP4 192.0.2.1 198.51.100.7 56324 443\r\n"
BINARY = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + bytes([192, 0, 2, 1, 198, 51, 100, 7]) + struct.pack("!HH", 56324, 443)


def ask(path: str, *fields: str) -> bytes:
    """Return the octets of a request."""
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: a", *fields, "", ""]).encode()


async def tells_ends(scope: Scope, receive: Receive, send: Send) -> None:
    assert scope["type"] == "http"
    body = f"{scope['client']} {scope['server']} {scope['scheme']} {scope['path']}".encode()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


TOLD = "('192.0.2.1', 56324) ('198.51.100.7', 443)"


@LOOPS
@pytest.mark.parametrize("header", [LINE, BINARY], ids=["v1", "v2"])
@pytest.mark.parametrize("step", [1, 7, 10_000])
def test_the_application_sees_the_client_of_the_proxy(header: bytes, step: int, *, plain_asyncio: bool) -> None:
    with serve(tells_ends, manner=PROXY, plain_asyncio=plain_asyncio) as served, served.connect() as peer:
        octets = header + ask("/a")
        for position in range(0, len(octets), step):
            peer.send(octets[position : position + step])
        assert peer.read_response()[2].decode() == f"{TOLD} http /a"


@LOOPS
@pytest.mark.parametrize("header", [LINE, BINARY], ids=["v1", "v2"])
def test_tls_follows_the_header_in_the_same_octets(header: bytes, tmp_path: Path, *, plain_asyncio: bool) -> None:
    authority = Authority(tmp_path)
    certificate, key = authority.issue("localhost")
    settings: dict[str, Any] = {"tls_certificate": (certificate,), "tls_key": (key,)}
    manner = Manner(proxy=True, tls=True)
    with serve(tells_ends, manner=manner, plain_asyncio=plain_asyncio, **settings) as served:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        connection = authority.client().wrap_bio(incoming, outgoing, server_hostname="localhost")
        with served.connect() as peer:
            first = header  # leaves in one segment with the ClientHello
            while True:
                try:
                    connection.do_handshake()
                    break
                except ssl.SSLWantReadError:
                    peer.send(first + outgoing.read())
                    first = b""
                    incoming.write(peer.socket.recv(65536))
            connection.write(ask("/b"))
            peer.send(outgoing.read())
            answer = b""
            while not answer.endswith(b" /b"):
                incoming.write(peer.socket.recv(65536))
                try:
                    answer += connection.read(65536)
                except ssl.SSLWantReadError:  # a session ticket
                    pass
            assert answer.endswith(f"{TOLD} https /b".encode())


def test_a_header_that_names_nobody_leaves_the_real_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    with serve(tells_ends, manner=PROXY) as served, served.connect() as peer:
        peer.send(b"PROXY UNKNOWN\r\n" + ask("/a"))
        expected = f"{peer.socket.getsockname()} {served.address} http /a"
        assert peer.read_response()[2].decode() == expected


@pytest.mark.parametrize("octets", [ask("/"), b"x" + LINE + ask("/"), b"PROXY nonsense\r\n" + ask("/")])
def test_rule_21_a_connection_without_a_header_is_cut(octets: bytes) -> None:
    with serve(tells_ends, manner=PROXY) as served:
        with served.connect() as peer:
            peer.send(octets)
            assert peer.read_to_end() == b""
        assert served.server.requests_served == 0
        with served.connect() as peer:
            peer.send(LINE + ask("/a"))
            assert peer.read_response()[0] == 200


def test_rule_21_a_peer_that_is_no_trusted_proxy_is_cut_and_told_to_the_operator_once() -> None:
    with serve(tells_ends, manner=PROXY, trusted_proxy=("192.0.2.0/24",)) as served:
        for _ in range(3):
            with served.connect() as peer:
                peer.send(LINE + ask("/"))
                assert peer.read_to_end() == b""
        assert served.server.requests_served == 0
        (warning,) = served.log.messages(Level.WARNING)
        assert warning.startswith("127.0.0.1 came to a proxy+ bind and is no trusted proxy")


def test_cve_2026_47737_a_second_header_on_the_same_connection_is_a_bad_request() -> None:
    with serve(tells_ends, manner=PROXY) as served, served.connect() as peer:
        peer.send(LINE + ask("/a"))
        assert peer.read_response()[2].decode() == f"{TOLD} http /a"
        peer.send(b"PROXY TCP4 203.0.113.66 198.51.100.7 1 443\r\n" + ask("/b"))
        assert peer.read_response()[0] == 400
        assert served.server.requests_served == 1


def test_rule_21_a_plain_bind_knows_no_header() -> None:
    with serve(tells_ends) as served, served.connect() as peer:
        peer.send(LINE + ask("/"))
        assert peer.read_response()[0] == 400


@LOOPS
def test_a_header_must_have_come_within_the_deadline(*, plain_asyncio: bool) -> None:
    with serve(tells_ends, manner=PROXY, plain_asyncio=plain_asyncio, tls_handshake_seconds=0.2) as served:
        with served.connect() as peer:
            peer.send(LINE[:10])
            assert peer.read_to_end() == b""  # it was accepted, then: nobody else ends it
        wait_for(lambda: served.server.open_connections == 0, "the connection to be forgotten")


def test_the_fields_of_the_client_behind_the_header_are_not_believed() -> None:
    # The proxy is trusted, its client is not: X-Forwarded-For is what the client has written.
    with serve(tells_ends, manner=PROXY) as served, served.connect() as peer:
        peer.send(LINE + ask("/a", "X-Forwarded-For: 10.0.0.1"))
        assert peer.read_response()[2].decode() == f"{TOLD} http /a"


def test_a_client_that_leaves_before_its_header_costs_nothing() -> None:
    with serve(tells_ends, manner=PROXY) as served:
        for octets in (b"", LINE[:20], LINE):
            with socket.create_connection(served.address, PATIENCE_SECONDS) as connection:
                connection.sendall(octets)
        wait_for(lambda: served.server.open_connections == 0, "all of them to be forgotten")
        assert not served.log.messages(Level.ERROR)
