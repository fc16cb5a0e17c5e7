"""X-Forwarded-* and Forwarded (RFC 7239): who is believed, what is believed, what is refused."""

from collections.abc import Iterable
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.serving import Served, serve, wait_for
from veche.asgi import Environ, Receive, Scope, Send, StartResponse
from veche.log import Level
from veche.server.connections.forwarded import BadForwarding, Forwarding
from veche.server.errors import AddressError
from veche.server.settings import ServerSettings
from veche.server.trust import Trust
from veche.wire.h1.head import FORWARDED as FORWARDED_NAMES


def ask(path: str, *fields: str) -> bytes:
    """Return the octets of a request."""
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: a", *fields, "", ""]).encode()


async def tells(scope: Scope, receive: Receive, send: Send) -> None:
    assert scope["type"] == "http"
    client = scope["client"]
    host = next(value.decode() for name, value in scope["headers"] if name == b"host")
    body = f"{client[0] if client else None} {client[1] if client else None} {scope['scheme']} {host}".encode()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


def told(served: Served, *fields: str) -> str:
    status, _, body = served.ask(ask("/", *fields))
    return body.decode() if status == 200 else str(status)


X_FORWARDED = [
    (["X-Forwarded-For: 192.0.2.1"], "192.0.2.1 0 http a"),
    (["X-Forwarded-For: 192.0.2.1", "X-Forwarded-Proto: https"], "192.0.2.1 0 https a"),
    (["X-Forwarded-For: 192.0.2.1:5678"], "192.0.2.1 5678 http a"),
    (["X-Forwarded-For: 2001:db8::1"], "2001:db8::1 0 http a"),
    (["X-Forwarded-For: [2001:DB8::1]:80"], "2001:db8::1 80 http a"),
    # Right-most untrusted: what stands left of it is what the client has written.
    (["X-Forwarded-For: 203.0.113.66, 192.0.2.1"], "192.0.2.1 0 http a"),
    (["X-Forwarded-For: 192.0.2.1, 10.1.2.3"], "192.0.2.1 0 http a"),
    (["X-Forwarded-For: 203.0.113.66", "X-Forwarded-For: 192.0.2.1, 10.1.2.3"], "192.0.2.1 0 http a"),
    (["X-Forwarded-For: nonsense, 192.0.2.1"], "192.0.2.1 0 http a"),
    (["X-Forwarded-For: 10.9.9.9, 10.1.2.3"], "10.9.9.9 0 http a"),  # all trusted: the farthest of them
    (["X-Forwarded-For: unknown"], "None None http a"),
    (["X-Forwarded-For: _hidden"], "None None http a"),
    (["X-Forwarded-For: nonsense"], "400"),
    (["X-Forwarded-For: 192.0.2.1, nonsense"], "400"),
    (["X-Forwarded-For: 192.0.2.256"], "400"),
    (["X-Forwarded-Proto: https"], "127.0.0.1 https a"),
    (["X-Forwarded-Proto: HTTPS"], "127.0.0.1 https a"),
    (["X-Forwarded-Proto: gopher"], "127.0.0.1 http a"),
    (["X-Forwarded-For: 192.0.2.1, 10.1.2.3", "X-Forwarded-Proto: https, http"], "192.0.2.1 0 https a"),
    (["X-Forwarded-For: 192.0.2.1, 10.1.2.3", "X-Forwarded-Proto: https"], "192.0.2.1 0 https a"),
    (["X-Forwarded-For: "], "127.0.0.1 http a"),
    (["X-Forwarded-For: ,"], "127.0.0.1 http a"),
    (["Forwarded: for=192.0.2.1"], "127.0.0.1 http a"),  # the other family is the client's own
    (["X-Forwarded-Host: evil.example"], "127.0.0.1 http a"),
    (["X_Forwarded_For: 192.0.2.1"], "127.0.0.1 http a"),
]

FORWARDED = [
    (["Forwarded: for=192.0.2.60;proto=https;by=203.0.113.43"], "192.0.2.60 0 https a"),
    (["Forwarded: For=192.0.2.60; Proto=HTTPS"], "192.0.2.60 0 https a"),
    (['Forwarded: for="192.0.2.60:47011"'], "192.0.2.60 47011 http a"),
    (['Forwarded: for="[2001:db8:cafe::17]:4711"'], "2001:db8:cafe::17 4711 http a"),
    (['Forwarded: for="[2001:db8:cafe::17]:_obfuscated"'], "2001:db8:cafe::17 0 http a"),
    (["Forwarded: for=203.0.113.66, for=192.0.2.43, for=10.0.0.7"], "192.0.2.43 0 http a"),
    (["Forwarded: for=192.0.2.43;proto=https", "Forwarded: for=10.0.0.7;proto=http"], "192.0.2.43 0 https a"),
    (["Forwarded: for=unknown"], "None None http a"),
    (['Forwarded: for="_gazonk"'], "None None http a"),
    (["Forwarded: proto=https"], "None None https a"),
    ([r'Forwarded: for="192.0.2\.60"'], "192.0.2.60 0 http a"),
    (['Forwarded: for=192.0.2.1;by="a,b;c"'], "192.0.2.1 0 http a"),
    (["Forwarded: for=192.0.2.1,,"], "192.0.2.1 0 http a"),
    (["Forwarded: "], "127.0.0.1 http a"),
    (['Forwarded: for="', "Forwarded: for=192.0.2.1"], "400"),  # a client's quote must not swallow the proxy's word
    (["Forwarded: for=192.0.2.1;for=192.0.2.2"], "400"),
    (["Forwarded: for=2001:db8::1"], "400"),  # §6: IPv6 stands in brackets and quotes
    (["Forwarded: for = 192.0.2.1"], "400"),
    (["Forwarded: 192.0.2.1"], "400"),
    (["X-Forwarded-For: 192.0.2.1", "X-Forwarded-Proto: https"], "127.0.0.1 http a"),
]


def without_port(answer: str, fields: list[str]) -> str:
    host, _, rest = answer.partition(" ")
    return f"{host} {rest.partition(' ')[2]}" if host == "127.0.0.1" else answer


@pytest.mark.parametrize(
    ("family", "cases"), [("x-forwarded", X_FORWARDED), ("forwarded", FORWARDED)], ids=["x-forwarded", "forwarded"]
)
def test_a_trusted_proxy_says_who_its_client_is(family: str, cases: list[tuple[list[str], str]]) -> None:
    with serve(tells, trusted_proxy=("127.0.0.1", "10.0.0.0/8"), forwarded_fields=family) as served:
        for fields, expected in cases:
            for _ in range(2):  # understood, and then remembered
                assert without_port(told(served, *fields), fields) == expected, fields


@pytest.mark.parametrize("trusted", [("none",), ("192.0.2.0/24", "unix", "::1")])
@pytest.mark.parametrize("family", ["x-forwarded", "forwarded"])
def test_nobody_else_is_believed(family: str, trusted: tuple[str, ...]) -> None:
    with serve(tells, trusted_proxy=trusted, forwarded_fields=family, forwarded_host=True) as served:
        fields = ["X-Forwarded-For: 192.0.2.1", "X-Forwarded-Proto: https", "X-Forwarded-Host: evil.example"]
        answer = told(served, *fields, "Forwarded: for=192.0.2.1;proto=https;host=evil.example")
        assert without_port(answer, []) == "127.0.0.1 http a"
        assert without_port(told(served, "X-Forwarded-For: nonsense", 'Forwarded: "'), []) == "127.0.0.1 http a"


HOSTS = [
    (["X-Forwarded-For: 192.0.2.1", "X-Forwarded-Host: www.example"], "192.0.2.1 0 http www.example"),
    (["X-Forwarded-Host: www.example"], "127.0.0.1 http www.example"),
    (["X-Forwarded-Host: www.example", "X-Forwarded-Port: 8443"], "127.0.0.1 http www.example:8443"),
    (["X-Forwarded-Host: www.example:1", "X-Forwarded-Port: 2"], "127.0.0.1 http www.example:1"),
    (
        ["X-Forwarded-Host: www.example", "X-Forwarded-Proto: https", "X-Forwarded-Port: 443"],
        "127.0.0.1 https www.example",
    ),
    (["X-Forwarded-Host: [::1]", "X-Forwarded-Port: 8000"], "127.0.0.1 http [::1]:8000"),
    (["X-Forwarded-Host: evil.example/path?"], "400"),
    (["X-Forwarded-Host: user@evil.example"], "400"),
]


def test_the_host_is_believed_where_that_is_asked_for() -> None:
    with serve(tells, forwarded_host=True) as served:
        for fields, expected in HOSTS:
            assert without_port(told(served, *fields), fields) == expected, fields
    with serve(tells, forwarded_host=True, forwarded_fields="forwarded") as served:
        assert told(served, "Forwarded: for=192.0.2.1;host=www.example") == "192.0.2.1 0 http www.example"
        assert told(served, 'Forwarded: for=192.0.2.1;host="a b"') == "400"


def test_each_request_of_a_connection_has_the_client_that_the_proxy_says_then() -> None:
    with serve(tells) as served, served.connect() as peer:
        for fields, expected in [
            ([], "127.0.0.1 http a"),
            (["X-Forwarded-For: 192.0.2.1", "X-Forwarded-Proto: https"], "192.0.2.1 0 https a"),
            (["X-Forwarded-For: 192.0.2.2"], "192.0.2.2 0 http a"),
            ([], "127.0.0.1 http a"),  # nobody inherits the client of the request before
        ]:
            peer.send(ask("/", *fields))
            assert without_port(peer.read_response()[2].decode(), []) == expected


def test_wsgi_and_the_access_log_see_the_same_client(tmp_path: Path) -> None:
    seen: list[Environ] = []

    def application(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        seen.append(environ)
        start_response("200 OK", [("Content-Length", "0")])
        return []

    log = tmp_path / "log"
    with serve(application, access_log=True, access_log_file=str(log)) as served:
        assert served.ask(ask("/", "X-Forwarded-For: 192.0.2.1", "X-Forwarded-Proto: https"))[0] == 200
        (environ,) = seen
        assert (environ["REMOTE_ADDR"], environ["REMOTE_PORT"]) == ("192.0.2.1", "")
        assert (environ["wsgi.url_scheme"], environ["HTTPS"]) == ("https", "on")
        wait_for(lambda: log.exists() and "client=192.0.2.1:0 " in log.read_text())


@pytest.mark.parametrize(
    ("trusted", "host", "expected"),
    [
        (["10.0.0.0/8"], "10.255.0.1", True),
        (["10.0.0.0/8"], "11.0.0.1", False),
        (["10.0.0.0/8"], "::ffff:10.0.0.1", True),  # how a socket of both families shows it
        (["2001:db8::/32"], "2001:db8::7", True),
        (["[2001:db8::7]"], "2001:db8::7", True),
        (["fe80::/10"], "fe80::1%eth0", True),
        (["unix"], None, True),
        (["unix"], "127.0.0.1", False),
        (["127.0.0.1"], None, False),
        (["*"], "8.8.8.8", True),
        (["*"], None, True),
        (["none"], "127.0.0.1", False),
        (["none"], None, False),
        (["10.0.0.0/8"], "not an address", False),
    ],
)
def test_addresses_networks_and_words_say_who_is_trusted(trusted: list[str], host: Any, *, expected: bool) -> None:
    trust = Trust(trusted)
    assert trust.covers(host) is expected
    assert trust.covers(host) is expected  # remembered


@pytest.mark.parametrize("entry", ["10.0.0.1/8", "proxy.example", "10.0.0.0/33", ""])
def test_what_is_no_network_is_refused(entry: str) -> None:
    with pytest.raises(AddressError, match="--trusted-proxy"):
        Trust([entry])


PIECES = st.sampled_from(
    [
        b"for=",
        b"proto=https",
        b"host=a",
        b";",
        b",",
        b'"',
        b"\\",
        b"[",
        b"]",
        b":",
        b"192.0.2.1",
        b"::1",
        b" ",
        b"_x",
        b"=",
    ]
)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(sorted(FORWARDED_NAMES)),
            st.binary(max_size=40) | st.lists(PIECES, max_size=12).map(b"".join),
        ),
        max_size=4,
    ),
    st.sampled_from(["x-forwarded", "forwarded"]),
)
def test_whatever_is_said_is_understood_or_refused(fields: list[tuple[bytes, bytes]], family: Any) -> None:
    settings = ServerSettings(forwarded_fields=family, forwarded_host=True, trusted_proxy=("*",))
    try:
        saying = Forwarding(settings).read(fields)
    except BadForwarding:
        return
    if saying is not None and saying.client is not None:
        ip_address(saying.client[0])
        assert 0 <= (saying.client[1] or 0) < 65536


def test_a_silent_client_is_told_of_as_an_address_is_written() -> None:  # RFC 3986 §3.2.2: an IPv6 address in brackets
    head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nX-Forwarded-For: [2001:db8::7]:80\r\n\r\n"

    async def reads(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()

    with serve(reads, trusted_proxy=("127.0.0.1",), body_stall_seconds=0.1) as served, served.connect() as peer:
        peer.send(head)
        assert peer.read_response()[0] == 408
        wait_for(lambda: served.log.messages(Level.DEBUG))
        assert served.log.entries[0][2] == {"client": "[2001:db8::7]:80"}
