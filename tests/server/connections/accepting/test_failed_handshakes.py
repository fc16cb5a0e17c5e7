"""TLS handshakes and PROXY headers that fail: each counted by its reason, one of a kind told in a while."""

import socket
import ssl
import struct
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from fixtures.certificates import Authority
from fixtures.serving import PATIENCE_SECONDS, KeptLog, Served, serve, wait_for
from veche.asgi import Receive, Scope, Send
from veche.log import Level
from veche.server.connections.accepting.failed_handshakes import FailedHandshakes
from veche.server.manner import Manner
from veche.server.scoreboard import Counter
from veche.server.scoreboard.handshakes import WORDS, Failure

LOOPS = pytest.mark.parametrize("plain_asyncio", [False, True], ids=["uvloop", "asyncio"])
TLS = Manner(tls=True)
PROXY = Manner(proxy=True)
LINE = b"PROXY TCP4 192.0.2.1 198.51.100.7 56324 443\r\n"
REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
BEGUN = b"\x16\x03\x01\x02\x00\x01"  # of a ClientHello

Attempt = Callable[[Served, Authority], None]


async def hello(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"hello"})


def send(served: Served, octets: bytes) -> None:
    with served.connect() as peer:
        peer.send(octets)
        peer.read_to_end()


def sending(octets: bytes) -> Attempt:
    return lambda served, _authority: send(served, octets)


def leaving_after(octets: bytes, *, reset: bool = False) -> Attempt:
    def attempt(served: Served, _authority: Authority) -> None:
        with served.connect() as peer:
            peer.send(octets)
            wait_for(lambda: served.server.open_connections, "the connection to be accepted")
            if reset:
                peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    return attempt


def shaking(context: Callable[[Authority], ssl.SSLContext]) -> Attempt:
    def attempt(served: Served, authority: Authority) -> None:
        with (
            socket.create_connection(served.address, PATIENCE_SECONDS) as plain,
            suppress(OSError),
            context(authority).wrap_socket(plain, server_hostname="localhost") as connection,
        ):
            connection.recv(1)  # in TLS 1.3 a client learns of its refusal when it reads

    return attempt


def old(authority: Authority) -> ssl.SSLContext:
    client = authority.client()
    client.maximum_version = ssl.TLSVersion.TLSv1_2
    return client


@LOOPS
@pytest.mark.parametrize(
    ("failure", "settings", "attempt"),
    [
        (Failure.TLS_NOT_SPOKEN, {}, sending(REQUEST)),
        (Failure.TLS_NOT_SPOKEN, {}, sending(b"SSH-2.0-OpenSSH_9.6\r\n")),
        (Failure.TLS_NOTHING_IN_COMMON, {"tls_least_version": "1.3"}, shaking(old)),
        (Failure.TLS_CERTIFICATE_REFUSED, {}, shaking(lambda _: ssl.create_default_context())),
        (Failure.TLS_CLIENT_CERTIFICATE, {"tls_client_certificate": "required"}, shaking(Authority.client)),
        (Failure.TLS_CLIENT_CERTIFICATE, {"tls_client_certificate": "required"}, shaking(old)),
        (Failure.TLS_LEFT, {}, leaving_after(BEGUN)),
        (Failure.TLS_LEFT, {}, leaving_after(BEGUN, reset=True)),
        (Failure.TLS_TIMED_OUT, {"tls_handshake_seconds": 0.2}, sending(BEGUN)),
    ],
)
def test_a_failed_tls_handshake_is_counted_and_told_with_its_reason(
    tmp_path: Path, failure: Failure, settings: dict[str, Any], attempt: Attempt, *, plain_asyncio: bool
) -> None:
    authority = Authority(tmp_path)
    certificate, key = authority.issue("localhost")
    if "tls_client_certificate" in settings:
        settings = {**settings, "tls_client_ca": str(authority.file)}
    tls: dict[str, Any] = {"tls_certificate": (certificate,), "tls_key": (key,)}
    with serve(hello, manner=TLS, plain_asyncio=plain_asyncio, **tls, **settings) as served:
        attempt(served, authority)
        expect_told(served, failure)


@LOOPS
@pytest.mark.parametrize(
    ("failure", "settings", "attempt"),
    [
        (Failure.PROXY_MISSING, {}, sending(REQUEST)),
        (Failure.PROXY_BAD, {}, sending(b"PROXY nonsense\r\n")),
        (Failure.PROXY_LEFT, {}, leaving_after(LINE[:20])),
        (Failure.PROXY_TIMED_OUT, {"tls_handshake_seconds": 0.2}, sending(LINE[:20])),
    ],
)
def test_a_proxy_header_that_is_missing_or_bad_is_counted_and_told_with_its_reason(
    tmp_path: Path, failure: Failure, settings: dict[str, Any], attempt: Attempt, *, plain_asyncio: bool
) -> None:
    with serve(hello, manner=PROXY, plain_asyncio=plain_asyncio, **settings) as served:
        attempt(served, Authority(tmp_path))
        expect_told(served, failure)


def counts(served: Served) -> dict[Failure, int]:
    first = Counter.HANDSHAKES_FAILED
    return {failure: count for failure in Failure if (count := served.server.board.cells[first + failure])}


def told(log: KeptLog) -> list[dict[str, object]]:
    return [fields for message, _, fields in log.entries if "failed: " in message]


def expect_told(served: Served, failure: Failure) -> None:
    wait_for(lambda: told(served.log), "the failure to be told")
    assert counts(served) == {failure: 1}
    (fields,) = told(served.log)
    assert (fields["reason"], fields["times"]) == (WORDS[failure].reason, 1)
    assert str(fields["peer"]).startswith("127.0.0.1:")
    assert not served.log.messages(Level.ERROR)


def test_a_stranger_at_a_proxy_bind_is_counted_beside_being_told() -> None:
    with serve(hello, manner=PROXY, trusted_proxy=("192.0.2.0/24",)) as served:
        for _ in range(3):
            send(served, LINE)
        assert counts(served) == {Failure.PROXY_UNTRUSTED: 3}


def test_a_handshake_that_fails_behind_a_proxy_is_told_of_the_client(tmp_path: Path) -> None:
    certificate, key = Authority(tmp_path).issue("localhost")
    manner = Manner(proxy=True, tls=True)
    with serve(hello, manner=manner, tls_certificate=(certificate,), tls_key=(key,)) as served:
        send(served, LINE + REQUEST)
        wait_for(lambda: told(served.log), "the failure to be told")
        assert told(served.log)[0]["peer"] == "192.0.2.1:56324"


def test_a_scanner_cannot_fill_the_log_and_every_attempt_is_counted(tmp_path: Path) -> None:
    certificate, key = Authority(tmp_path).issue("localhost")
    tls: dict[str, Any] = {"tls_certificate": (certificate,), "tls_key": (key,)}
    with serve(hello, manner=TLS, failed_handshake_log_seconds=3600, **tls) as served:
        for _ in range(50):
            send(served, REQUEST)
        wait_for(lambda: counts(served) == {Failure.TLS_NOT_SPOKEN: 50}, "all of them to be counted")
        assert len(told(served.log)) == 1
    with serve(hello, manner=TLS, failed_handshake_log_seconds=1e-9, **tls) as served:
        for _ in range(3):
            send(served, REQUEST)
        wait_for(lambda: len(told(served.log)) == 3, "each to be told where the setting says so")


def test_the_first_after_a_while_says_how_many_there_were_and_kinds_do_not_hide_each_other() -> None:
    now, log, cells = 1000.0, KeptLog(), memoryview(bytearray(8 * 100)).cast("Q")
    failed = FailedHandshakes(cells, log, told_each_seconds=60.0, clock=lambda: now)
    for _ in range(10):
        failed.note(Failure.TLS_LEFT, "-")
    failed.note(Failure.TLS_OTHER, "-", "x" * 10_000)
    assert [fields["times"] for fields in told(log)] == [1, 1]
    assert len(str(told(log)[1]["detail"])) == 200
    now = 1059.0
    failed.note(Failure.TLS_LEFT, "-")
    assert len(told(log)) == 2
    now = 1060.0
    failed.note(Failure.TLS_LEFT, "-")
    assert told(log)[2]["times"] == 11
    assert cells[Counter.HANDSHAKES_FAILED + Failure.TLS_LEFT] == 12
