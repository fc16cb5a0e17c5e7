"""`environ` (PEP 3333, "environ Variables"; RFC 3875): what is remembered of one request is never told of another."""

from collections.abc import Iterable
from typing import Any

import pytest

from fixtures.requests import get
from fixtures.serving import serve
from veche.asgi import Environ, StartResponse
from veche.server.bridges.exchange import Address, Tls
from veche.server.bridges.wsgi.body import EMPTY
from veche.server.bridges.wsgi.environ import (
    REMEMBERED_FIELDS,
    REMEMBERED_OCTETS,
    REMEMBERED_PEERS,
    Environs,
)
from veche.wire.h1 import HeadParser

PARSER = HeadParser(limit_fields=10_000)


class Ends:
    """A connection, as environ sees it."""

    def __init__(
        self,
        client: Address | None = ("192.0.2.1", 50000),
        local: Address | None = ("192.0.2.9", 8000),
        scheme: str = "http",
        tls: Tls = None,
    ) -> None:
        self.client = client
        self.local = local
        self.scheme = scheme
        self.tls = tls


def environ_of(environs: Environs, octets: bytes, ends: Ends | None = None) -> Environ:
    return environs.environ_of(PARSER.parse(octets), ends or Ends(), EMPTY, -1)


@pytest.fixture
def environs() -> Environs:
    return Environs(multithread=True, multiprocess=False)


def test_the_request_line(environs: Environs) -> None:
    for _ in range(2):  # the second is remembered
        environ = environ_of(environs, get(line=b"PUT /a%20b/%D1%8F?x=%20;y HTTP/1.1"))
        assert environ["REQUEST_METHOD"] == "PUT"
        assert environ["PATH_INFO"].encode("latin-1").decode() == "/a b/я"
        assert environ["QUERY_STRING"] == "x=%20;y"
        assert environ["RAW_URI"] == "/a%20b/%D1%8F?x=%20;y"
        assert environ["SERVER_PROTOCOL"] == "HTTP/1.1"
        assert environ["SCRIPT_NAME"] == ""
    other = environ_of(environs, get(line=b"GET /a%20b/%D1%8F?x=%20;y HTTP/1.0"))
    assert (other["REQUEST_METHOD"], other["SERVER_PROTOCOL"]) == ("GET", "HTTP/1.0")
    assert environ_of(environs, get(line=b"OPTIONS * HTTP/1.1"))["PATH_INFO"] == "/"
    assert environ_of(environs, get(line=b"GET //a/../b HTTP/1.1"))["PATH_INFO"] == "//a/../b"


def test_what_an_application_changes_is_changed_for_itself_alone(environs: Environs) -> None:
    expected = environ_of(environs, get(b"X-A: a"))
    changed = environ_of(environs, get(b"X-A: a"))
    for key in changed:
        changed[key] = "changed"
    changed["more"] = 1
    assert environ_of(environs, get(b"X-A: a")) == expected


def test_fields_of_one_name_become_one_text_and_are_not_mixed_up(environs: Environs) -> None:
    for _ in range(3):
        twice = environ_of(environs, get(b"X-A: 1", b"X-A: 2", b"Cookie: a=b", b"Cookie: c=d"))
        assert (twice["HTTP_X_A"], twice["HTTP_COOKIE"]) == ("1, 2", "a=b; c=d")
        once = environ_of(environs, get(b"X-A: 2", b"Cookie: c=d"))
        assert (once["HTTP_X_A"], once["HTTP_COOKIE"]) == ("2", "c=d")
        none = environ_of(environs, get())
        assert "HTTP_X_A" not in none
        same = environ_of(environs, get(b"X-A: 1", b"X-A: 1"))
        assert same["HTTP_X_A"] == "1, 1"


def test_what_could_speak_for_the_server_or_a_proxy_is_not_handed_on(environs: Environs) -> None:
    environ = environ_of(environs, get(b"Proxy: http://evil", b"X_Forwarded_For: 1", b"Content-Type: text/x"))
    assert "HTTP_PROXY" not in environ  # CVE-2016-5385
    assert "HTTP_X_FORWARDED_FOR" not in environ
    assert environ["CONTENT_TYPE"] == "text/x"
    assert "HTTP_CONTENT_TYPE" not in environ
    assert "CONTENT_LENGTH" not in environ


def test_the_two_ends(environs: Environs) -> None:
    environ = environ_of(environs, get())
    assert (environ["REMOTE_ADDR"], environ["REMOTE_PORT"]) == ("192.0.2.1", "50000")
    assert (environ["SERVER_NAME"], environ["SERVER_PORT"]) == ("192.0.2.9", "8000")
    for scheme, port in (("http", "80"), ("https", "443")):
        unix = environ_of(environs, get(), Ends(None, ("/run/socket", None), scheme))
        assert (unix["REMOTE_ADDR"], unix["REMOTE_PORT"]) == ("", "")
        assert (unix["SERVER_NAME"], unix["SERVER_PORT"]) == ("localhost", port)


def test_the_same_client_on_another_way_to_us_is_told_the_truth(environs: Environs) -> None:
    client = ("192.0.2.1", 50000)
    plain = environ_of(environs, get(), Ends(client))
    secure = environ_of(environs, get(), Ends(client, scheme="https"))
    other = environ_of(environs, get(), Ends(client, ("192.0.2.9", 9000)))
    again = environ_of(environs, get(), Ends(client))
    assert (plain["wsgi.url_scheme"], secure["wsgi.url_scheme"], again["wsgi.url_scheme"]) == ("http", "https", "http")
    assert (plain["SERVER_PORT"], other["SERVER_PORT"], again["SERVER_PORT"]) == ("8000", "9000", "8000")
    assert (secure.get("HTTPS"), again.get("HTTPS")) == ("on", None)


def test_a_certificate_is_never_told_of_the_next_connection_from_the_same_port(environs: Environs) -> None:
    def names(ends: Ends) -> set[str]:
        return {key for key in environ_of(environs, get(), ends) if key.startswith("SSL_CLIENT")}

    def tls(name: str | None) -> dict[str, Any]:
        return {
            "tls_version": 0x0304,
            "cipher_suite": 0x1301,
            "client_cert_name": name,
            "client_cert_chain": [name] if name else [],
            "client_cert_error": None,
            "server_cert": None,
        }

    first, second = Ends(scheme="https", tls=tls("CN=anna")), Ends(scheme="https", tls=tls(None))
    assert environ_of(environs, get(), first)["SSL_CLIENT_S_DN"] == "CN=anna"
    assert names(second) < names(first)
    assert environ_of(environs, get(), first)["SSL_CLIENT_S_DN"] == "CN=anna"


def test_credentials_are_not_remembered(environs: Environs) -> None:
    for _ in range(2):
        assert environ_of(environs, get(b"Authorization: Basic c2VjcmV0"))["HTTP_AUTHORIZATION"] == "Basic c2VjcmV0"
    remembered = [environs._keys, environs._pairs, environs._targets, environs._peers]
    assert "c2VjcmV0" not in repr(remembered)
    assert "example.org" in repr(remembered)


def test_what_is_remembered_is_bounded(environs: Environs) -> None:
    for number in range(3000):
        octets = get(b"X-%d: %d" % (number, number), line=b"GET /%d HTTP/1.1" % number)
        environ_of(environs, octets, Ends(("192.0.2.1", number)))
    environ_of(environs, get(b"X-Long: " + b"x" * 2000, line=b"GET /%b HTTP/1.1" % (b"y" * 2000)))
    assert len(environs._keys) <= REMEMBERED_FIELDS
    assert len(environs._pairs) <= REMEMBERED_FIELDS
    assert len(environs._targets) <= REMEMBERED_FIELDS
    assert len(environs._peers) <= REMEMBERED_PEERS
    assert not [pair for pair in environs._pairs.values() if len(pair[1]) > REMEMBERED_OCTETS]
    assert not [target for target in environs._targets if len(target) > REMEMBERED_OCTETS]


@pytest.mark.parametrize(("workers", "flag"), [(1, b"False"), (2, b"True"), (0, b"True")])
def test_multiprocess_is_true_with_several_workers(workers: int, flag: bytes) -> None:
    def application(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [])
        return [str(environ["wsgi.multiprocess"]).encode()]

    with serve(application, workers=workers) as served:
        assert served.ask(get())[2] == flag
