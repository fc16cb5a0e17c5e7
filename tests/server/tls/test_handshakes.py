"""TLS as clients see it: versions, names, client certificates, deadlines, new certificates under old connections."""

import contextlib
import http.client
import os
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from fixtures.certificates import Authority
from fixtures.http2 import OPENING, headers
from fixtures.serving import PATIENCE_SECONDS, Served, serve, wait_for
from veche.asgi import Environ, Receive, Scope, Send, StartResponse
from veche.log import Level
from veche.server.manner import Manner

TLS = Manner(tls=True)
LOOPS = pytest.mark.parametrize("plain_asyncio", [False, True], ids=["uvloop", "asyncio"])


class Told:
    """An ASGI application that keeps its last scope and sends back what it is sent."""

    scope: Scope

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        self.scope = scope
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body or b"hello"})


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def pairs(*issued: tuple[str, str]) -> dict[str, Any]:
    return {"tls_certificate": tuple(pair[0] for pair in issued), "tls_key": tuple(pair[1] for pair in issued)}


def shake(served: Served, context: ssl.SSLContext, name: str = "localhost") -> ssl.SSLSocket:
    plain = socket.create_connection(served.address, timeout=PATIENCE_SECONDS)
    try:
        return context.wrap_socket(plain, server_hostname=name or None)
    except BaseException:
        plain.close()
        raise


def ask(connection: ssl.SSLSocket, body: bytes = b"", *, host: str = "localhost", path: str = "/") -> tuple[int, bytes]:
    client = http.client.HTTPConnection(host)
    client.sock = connection
    client.request("POST" if body else "GET", path, body or None)
    response = client.getresponse()
    body = response.read()
    client.sock = None  # the caller closes it
    return response.status, body


def replace(fresh: str, file: str) -> None:
    """As a whole: the server looks at its files whenever it likes."""
    os.replace(shutil.copy(fresh, f"{file}.fresh"), file)


def names_shown(connection: ssl.SSLSocket) -> list[str]:
    certificate: Any = connection.getpeercert()
    return [name for _, name in certificate["subjectAltName"]]


@LOOPS
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_requests_and_large_bodies_pass_through_tls(
    authority: Authority, version: ssl.TLSVersion, *, plain_asyncio: bool
) -> None:
    application, body = Told(), os.urandom(3_000_000)
    with serve(application, manner=TLS, plain_asyncio=plain_asyncio, **pairs(authority.issue("localhost"))) as served:
        client = authority.client()
        client.minimum_version = client.maximum_version = version
        with shake(served, client) as connection:
            assert ask(connection) == (200, b"hello")
            assert ask(connection, body) == (200, body)
            assert application.scope["scheme"] == "https"
            assert application.scope["client"] == connection.getsockname()
            assert application.scope["server"] == served.address


@LOOPS
def test_versions_before_the_least_one_are_refused(authority: Authority, *, plain_asyncio: bool) -> None:
    settings = pairs(authority.issue("localhost"))
    client = authority.client()
    client.maximum_version = ssl.TLSVersion.TLSv1_2
    with serve(Told(), manner=TLS, plain_asyncio=plain_asyncio, **settings) as served:
        shake(served, client).close()
    with serve(Told(), manner=TLS, plain_asyncio=plain_asyncio, tls_least_version="1.3", **settings) as served:
        with pytest.raises(ssl.SSLError):
            shake(served, client)
        shake(served, authority.client()).close()


@pytest.mark.parametrize("http2", [True, False])
def test_http2_is_agreed_on_where_it_is_spoken(authority: Authority, *, http2: bool) -> None:
    client = authority.client()
    client.set_alpn_protocols(["h2", "http/1.1"])
    with serve(Told(), manner=TLS, http2=http2, **pairs(authority.issue("localhost"))) as served:
        with shake(served, client) as connection:
            assert connection.selected_alpn_protocol() == ("h2" if http2 else "http/1.1")
        with shake(served, authority.client()) as connection:
            assert connection.selected_alpn_protocol() is None
            assert ask(connection)[0] == 200
    with serve(Told(), http2=http2) as served, served.connect() as peer:
        peer.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0")
        answer = peer.read_exactly(9)
        assert (answer[3:4] == b"\4") is http2  # a SETTINGS frame, or an error of HTTP/1.1
        assert answer.startswith(b"HTTP/1.1 ") is not http2


def test_the_ciphers_of_tls_1_2_are_the_operators(authority: Authority) -> None:
    client = authority.client()
    client.maximum_version = ssl.TLSVersion.TLSv1_2
    chosen = "ECDHE-ECDSA-AES128-GCM-SHA256"
    settings = pairs(authority.issue("localhost"))
    with serve(Told(), manner=TLS, **settings) as served, shake(served, client) as connection:
        assert (connection.cipher() or ("",))[0] != chosen
    with serve(Told(), manner=TLS, tls_ciphers=chosen, **settings) as served, shake(served, client) as connection:
        assert (connection.cipher() or ("",))[0] == chosen


def test_the_name_that_the_client_asks_for_chooses_the_certificate(authority: Authority) -> None:
    issued = [authority.issue("first.example"), authority.issue("*.wild.example"), authority.issue("www.wild.example")]
    client = authority.client()
    client.check_hostname = False
    with serve(Told(), manner=TLS, **pairs(*issued)) as served:
        for name, shown in {
            "first.example": "first.example",
            "a.wild.example": "*.wild.example",
            "www.wild.example": "www.wild.example",  # an exact name before a wildcard
            "WWW.Wild.Example": "www.wild.example",
            "a.b.wild.example": "first.example",  # a wildcard stands for one label
            "nobody.example": "first.example",
        }.items():
            with shake(served, client, name) as connection:
                assert names_shown(connection) == [shown], name
        with shake(served, client, "") as connection:
            assert names_shown(connection) == ["first.example"]


@LOOPS
def test_the_application_is_told_of_the_connection_by_the_tls_extension(
    authority: Authority, *, plain_asyncio: bool
) -> None:
    application = Told()
    ours = authority.issue("localhost")
    theirs = authority.issue("visitor", file="client")
    with serve(
        application,
        manner=TLS,
        plain_asyncio=plain_asyncio,
        tls_client_certificate="optional",
        tls_client_ca=str(authority.file),
        **pairs(ours),
    ) as served:
        with shake(served, authority.client()) as connection:
            ask(connection)
            cipher = connection.cipher()
            assert cipher is not None
            numbers = {one["name"]: one["id"] & 0xFFFF for one in authority.client().get_ciphers()}
            assert application.scope["extensions"]["tls"] == {
                "server_cert": ssl.DER_cert_to_PEM_cert(connection.getpeercert(binary_form=True) or b""),
                "client_cert_chain": [],
                "client_cert_name": None,
                "client_cert_error": None,
                "tls_version": 0x0304,
                "cipher_suite": numbers[cipher[0]],
            }
        with shake(served, authority.client(certificate=theirs)) as connection:
            ask(connection)
            told = application.scope["extensions"]["tls"]
            assert told["client_cert_chain"][0] in Path(theirs[0]).read_text()
            assert told["client_cert_name"].startswith("CN=visitor,")


def test_a_wsgi_application_is_told_under_the_names_of_mod_ssl(authority: Authority) -> None:
    seen: list[Environ] = []

    def application(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        seen.append(environ)
        start_response("200 OK", [])
        return [b""]

    theirs = authority.issue("visitor", file="client")
    with serve(
        application,
        manner=TLS,
        tls_client_certificate="required",
        tls_client_ca=str(authority.file),
        **pairs(authority.issue("localhost")),
    ) as served:
        with shake(served, authority.client(certificate=theirs)) as connection:
            ask(connection)
        (environ,) = seen
        assert environ["wsgi.url_scheme"] == "https"
        assert (environ["HTTPS"], environ["SSL_PROTOCOL"], environ["SSL_CLIENT_VERIFY"]) == ("on", "TLSv1.3", "SUCCESS")
        assert environ["SSL_CLIENT_S_DN"].startswith("CN=visitor,")
        assert environ["SSL_CLIENT_CERT"] in Path(theirs[0]).read_text()


@LOOPS
def test_a_client_without_a_certificate_or_with_a_strangers_is_refused_where_one_is_required(
    authority: Authority, tmp_path: Path, *, plain_asyncio: bool
) -> None:
    (tmp_path / "strange").mkdir()
    stranger = Authority(tmp_path / "strange").issue("visitor")
    application = Told()
    with serve(
        application,
        manner=TLS,
        plain_asyncio=plain_asyncio,
        tls_client_certificate="required",
        tls_client_ca=str(authority.file),
        **pairs(authority.issue("localhost")),
    ) as served:
        for certificate in (None, stranger):
            # In TLS 1.3 a client learns of its refusal when it reads.
            with pytest.raises(OSError), shake(served, authority.client(certificate=certificate)) as connection:
                ask(connection)
        assert not hasattr(application, "scope")
        with shake(served, authority.client(certificate=authority.issue("visitor", file="client"))) as connection:
            assert ask(connection)[0] == 200


@LOOPS
@pytest.mark.parametrize("first_octets", [b"", b"\x16\x03\x01\x02\x00"], ids=["silent", "begun"])
def test_a_handshake_that_is_not_done_in_time_is_cut(
    authority: Authority, first_octets: bytes, *, plain_asyncio: bool
) -> None:
    settings = pairs(authority.issue("localhost"))
    with serve(
        Told(), manner=TLS, plain_asyncio=plain_asyncio, tls_handshake_seconds=0.2, head_timeout_seconds=30, **settings
    ) as served:
        for _ in range(2):
            with served.connect() as peer:
                peer.send(first_octets)
                assert peer.read_to_end() == b""
            wait_for(lambda: served.server.open_connections == 0, "the connection to be forgotten")
    patient = {**settings, "tls_handshake_seconds": 30}
    with serve(Told(), manner=TLS, plain_asyncio=plain_asyncio, **patient) as served, served.connect() as peer:
        peer.send(first_octets)
        assert peer.is_open(0.7)
        with shake(served, authority.client()) as connection:
            assert ask(connection)[0] == 200


@LOOPS
def test_a_peer_that_does_not_answer_the_end_of_tls_is_cut(authority: Authority, *, plain_asyncio: bool) -> None:
    settings = pairs(authority.issue("localhost"))
    with (
        serve(
            Told(), manner=TLS, plain_asyncio=plain_asyncio, tls_close_seconds=0.2, keep_alive_seconds=0.2, **settings
        ) as served,
        shake(served, authority.client()) as connection,
    ):
        assert ask(connection)[0] == 200
        # It never reads again: close_notify goes unanswered.
        wait_for(lambda: served.server.open_connections == 0, "the connection to be cut")


@LOOPS
def test_what_is_no_tls_harms_nobody(authority: Authority, *, plain_asyncio: bool) -> None:
    with serve(Told(), manner=TLS, plain_asyncio=plain_asyncio, **pairs(authority.issue("localhost"))) as served:
        for octets in (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"\x16\x03\x01\xff\xff" + bytes(70000), b"\x80\x2e\x01"):
            with served.connect() as peer:
                with contextlib.suppress(OSError):  # it may have been reset already
                    peer.send(octets)
                    peer.socket.shutdown(socket.SHUT_WR)
                peer.read_to_end()
        wait_for(lambda: served.server.open_connections == 0, "all of them to be forgotten")
        with shake(served, authority.client()) as connection:
            assert ask(connection)[0] == 200
        assert not served.log.messages(Level.ERROR)


def test_handshakes_count_as_connections(authority: Authority) -> None:
    settings = pairs(authority.issue("localhost"))
    with (
        serve(Told(), manner=TLS, connection_limit=2, tls_handshake_seconds=3, **settings) as served,
        served.connect(),
        served.connect(),
    ):
        wait_for(lambda: served.server.open_connections == 2, "two silent connections")
        with shake(served, authority.client()) as connection:  # waits in the kernel until one of them is cut
            assert ask(connection)[0] == 200


@LOOPS
def test_changed_certificates_are_taken_up_and_old_connections_stay(
    authority: Authority, *, plain_asyncio: bool
) -> None:
    certificate, key = authority.issue("localhost", "first.example")
    fresh, fresh_key = authority.issue("localhost", "second.example", file="fresh")
    settings = pairs((certificate, key))
    with (  # the tick, and with it the look at the files, is half of the shortest deadline
        serve(Told(), manner=TLS, plain_asyncio=plain_asyncio, linger_seconds=0.1, **settings) as served,
        shake(served, authority.client()) as old,
    ):
        assert ask(old)[0] == 200
        replace(fresh, certificate)  # the certificate first: for a moment the pair does not match
        wait_for(lambda: served.log.messages(Level.ERROR), "the half-written pair to be seen")
        assert "does not belong to certificate" in served.log.messages(Level.ERROR)[0]
        with shake(served, authority.client()) as connection:
            assert "first.example" in names_shown(connection)  # a broken new one keeps the old one
        replace(fresh_key, key)
        wait_for(lambda: served.log.messages(Level.INFO), "the new pair to be taken up")
        with shake(served, authority.client()) as connection:
            assert "second.example" in names_shown(connection)
            assert ask(connection)[0] == 200
        assert ask(old)[0] == 200


@LOOPS
def test_openssl_and_curl_are_served(authority: Authority, *, plain_asyncio: bool) -> None:
    with serve(Told(), manner=TLS, plain_asyncio=plain_asyncio, **pairs(authority.issue("localhost"))) as served:
        port = served.address[1]
        said = subprocess.run(
            f"openssl s_client -connect 127.0.0.1:{port} -servername localhost -alpn http/1.1".split()
            + f"-CAfile {authority.file} -verify_return_error".split(),
            input="Q\n",
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
        )
        assert "Verify return code: 0 (ok)" in said.stdout
        assert "ALPN protocol: http/1.1" in said.stdout
        answer = subprocess.run(
            ["curl", "-sS", "--cacert", str(authority.file), f"https://localhost:{port}/", "-d", "@-"],
            input=b"a" * 200_000,
            capture_output=True,
            timeout=PATIENCE_SECONDS,
        )
        assert answer.stdout == b"a" * 200_000, answer.stderr


@LOOPS
@pytest.mark.parametrize("protocol", ["http/1.1", "h2"])
def test_a_client_that_ends_tls_first_makes_the_loop_complain_of_nothing(
    authority: Authority, caplog: pytest.LogCaptureFixture, protocol: str, *, plain_asyncio: bool
) -> None:  # it would write to standard error itself, past the log and its bounds, whenever a client likes
    with serve(Told(), manner=TLS, plain_asyncio=plain_asyncio, **pairs(authority.issue("localhost"))) as served:
        client = authority.client()
        client.set_alpn_protocols([protocol])
        for asks in (False, True):
            with shake(served, client) as connection:
                assert connection.selected_alpn_protocol() == protocol
                if protocol == "h2":
                    connection.sendall(OPENING + (headers(1) if asks else b""))
                    connection.recv(9)
                elif asks:
                    assert ask(connection)[0] == 200
                with contextlib.suppress(OSError):  # what the server had sent meanwhile
                    connection.unwrap()
        wait_for(lambda: not served.server.open_connections, what="the end of all connections")
    assert [record.getMessage() for record in caplog.records] == []
