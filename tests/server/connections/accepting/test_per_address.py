"""At most so many connections of one client address: whatever they speak, over real sockets of many addresses."""

import contextlib
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fixtures.certificates import Authority
from fixtures.load import get
from fixtures.servers import ServerProcess, free_port
from fixtures.serving import PATIENCE_SECONDS, Served, serve, wait_for
from veche.asgi import Receive, Scope, Send
from veche.log import Level
from veche.server.connections.accepting.per_address import place_name, place_of
from veche.server.manner import PLAIN, Manner

LOOPS = pytest.mark.parametrize("plain_asyncio", [False, True], ids=["uvloop", "asyncio"])
GREEDY, OTHER = "127.0.0.2", "127.0.0.3"  # neither is a trusted proxy
APPLICATIONS = Path(__file__).parents[2] / "processes"
REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
WEBSOCKET = (
    b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
HTTP_2 = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
SETTINGS = 4  # the type of the first frame that an HTTP/2 server sends


async def hello(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        while (await receive())["type"] != "websocket.disconnect":
            pass
        return
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
    await send({"type": "http.response.body", "body": b"hello"})


def come(served: Served, host: str) -> socket.socket:
    return socket.create_connection(served.address, PATIENCE_SECONDS, (host, 0))


def is_served(connection: socket.socket, request: bytes = REQUEST) -> bool:
    """Whether it is answered 200; else it must have been reset, without one octet of an answer."""
    try:
        connection.sendall(request)
        answer = connection.recv(1000)
    except (ConnectionResetError, BrokenPipeError):
        return False
    assert answer.startswith(b"HTTP/1.1 200"), answer
    return True


def comes_in(served: Served, host: str, request: bytes = REQUEST) -> bool:
    try:
        with come(served, host) as connection:
            return is_served(connection, request)
    except ConnectionResetError:  # before connect() had returned
        return False


@LOOPS
def test_rule_18_who_has_its_share_of_connections_is_reset_and_others_are_served(*, plain_asyncio: bool) -> None:
    with serve(hello, plain_asyncio=plain_asyncio, connections_per_address=2) as served, contextlib.ExitStack() as held:
        first, second = (held.enter_context(come(served, GREEDY)) for _ in range(2))
        assert is_served(first)
        assert is_served(second)
        for _ in range(3):
            assert not comes_in(served, GREEDY)
        assert served.server.requests_served == 2  # no application heard of them
        assert is_served(held.enter_context(come(served, OTHER)))
        assert is_served(first)  # what it has stays
        first.close()
        wait_for(lambda: comes_in(served, GREEDY), "the place of the one that was closed")


def over_http_1(connection: socket.socket) -> None:
    assert is_served(connection)


def over_http_2(connection: socket.socket) -> None:
    connection.sendall(HTTP_2)
    assert connection.recv(1000)[3] == SETTINGS


def over_websocket(connection: socket.socket) -> None:
    connection.sendall(WEBSOCKET)
    assert connection.recv(1000).startswith(b"HTTP/1.1 101")


def in_silence(connection: socket.socket) -> None:
    """Say nothing, and yet have a place."""


def with_half_a_head(connection: socket.socket) -> None:
    connection.sendall(REQUEST[:9])


SPEAKING = [over_http_1, over_http_2, over_websocket, in_silence, with_half_a_head]


class Visitors:
    """Come from the same address to a server that is plain or speaks TLS."""

    def __init__(self, manner: Manner, folder: Path) -> None:
        authority = Authority(folder)
        certificate, key = authority.issue("localhost")
        self.settings: dict[str, Any] = {"tls_certificate": (certificate,), "tls_key": (key,)} if manner.tls else {}
        self.context = authority.client() if manner.tls else None

    def enter(self, served: Served, speak: Callable[[socket.socket], None]) -> socket.socket:
        """Come in and begin to speak."""
        connection = come(served, GREEDY)
        if self.context is not None:
            self.context.set_alpn_protocols(["h2" if speak is over_http_2 else "http/1.1"])
            connection = self.context.wrap_socket(connection, server_hostname="localhost")
        speak(connection)
        return connection

    def can_enter(self, served: Served) -> bool:
        try:
            self.enter(served, over_http_1).close()
        except (OSError, AssertionError):
            return False
        return True


@LOOPS
@pytest.mark.parametrize("manner", [PLAIN, Manner(tls=True)], ids=["plain", "tls"])
@pytest.mark.parametrize("speak", SPEAKING)
def test_whatever_it_speaks_a_connection_has_one_place_and_gives_it_back(
    speak: Callable[[socket.socket], None], manner: Manner, tmp_path: Path, *, plain_asyncio: bool
) -> None:
    visitors = Visitors(manner, tmp_path)
    settings = visitors.settings
    with serve(hello, manner=manner, plain_asyncio=plain_asyncio, connections_per_address=1, **settings) as served:
        for _ in range(2):
            with visitors.enter(served, speak):
                for _ in range(3):
                    assert not visitors.can_enter(served)
            wait_for(lambda: visitors.can_enter(served), "the place of the one that has left")
            wait_for(lambda: served.server.open_connections == 0, "all to have left")


def leaves_at_once(connection: socket.socket) -> None:
    connection.close()


def resets(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    connection.close()


def says_nonsense(connection: socket.socket) -> None:
    with contextlib.suppress(ConnectionError):  # if we are so slow that the deadline comes first
        connection.sendall(b"nonsense\r\n\r\n")
        while connection.recv(1000):
            pass


def stays_silent(connection: socket.socket) -> None:
    with contextlib.suppress(ConnectionResetError):
        assert connection.recv(1000) == b""


@LOOPS
@pytest.mark.parametrize("manner", [PLAIN, Manner(tls=True)], ids=["plain", "tls"])
@pytest.mark.parametrize("end", [leaves_at_once, resets, says_nonsense, stays_silent])
def test_however_a_connection_ends_its_place_is_given_back(
    end: Callable[[socket.socket], None], manner: Manner, tmp_path: Path, *, plain_asyncio: bool
) -> None:
    visitors = Visitors(manner, tmp_path)
    settings = visitors.settings | {"tls_handshake_seconds": 0.1, "head_timeout_seconds": 0.1, "linger_seconds": 0.1}
    with serve(hello, manner=manner, plain_asyncio=plain_asyncio, connections_per_address=1, **settings) as served:
        for _ in range(3):
            with come(served, GREEDY) as connection:
                end(connection)
            wait_for(lambda: visitors.can_enter(served), "the place of the one that has ended")
            wait_for(lambda: served.server.open_connections == 0, "that one to have left")


def test_connections_that_were_refused_take_no_room_from_others() -> None:
    with serve(hello, connections_per_address=1, connection_limit=3) as served, contextlib.ExitStack() as held:
        assert is_served(held.enter_context(come(served, GREEDY)))
        for _ in range(20):
            assert not comes_in(served, GREEDY)
        for host in ("127.0.0.3", "127.0.0.4"):
            assert is_served(held.enter_context(come(served, host)))
        assert served.server.open_connections == 3


def test_trusted_proxies_are_not_counted() -> None:
    with (
        serve(hello, connections_per_address=1, trusted_proxy=(OTHER,)) as served,
        contextlib.ExitStack() as held,
    ):
        for _ in range(5):
            assert is_served(held.enter_context(come(served, OTHER)))
        assert is_served(held.enter_context(come(served, GREEDY)))
        assert not comes_in(served, GREEDY)


def test_without_a_bound_nobody_is_counted() -> None:
    with serve(hello, connections_per_address=0) as served, contextlib.ExitStack() as held:
        for _ in range(50):
            assert is_served(held.enter_context(come(served, GREEDY)))


def proxied(client: str) -> bytes:
    family = "TCP6" if ":" in client else "TCP4"
    return f"PROXY {family} {client} {client} 1000 443\r\n".encode() + REQUEST


@contextlib.contextmanager
def entered(served: Served, *requests: bytes) -> Iterator[None]:
    """Have connections of the trusted proxy open that were served."""
    with contextlib.ExitStack() as held:
        for request in requests:
            assert is_served(held.enter_context(come(served, "127.0.0.1")), request), request
        yield


@LOOPS
@pytest.mark.parametrize(
    ("inside", "refused", "others"),
    [
        ("192.0.2.1", "192.0.2.1", ["192.0.2.2"]),
        ("2001:db8::1", "2001:db8::ffff:1", ["2001:db8:0:1::1", "192.0.2.1"]),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.1", ["::ffff:192.0.2.2"]),  # IPv4, not all of it one /64
    ],
)
def test_behind_a_proxy_header_the_client_that_it_names_is_counted(
    inside: str, refused: str, others: list[str], *, plain_asyncio: bool
) -> None:
    with serve(hello, manner=Manner(proxy=True), plain_asyncio=plain_asyncio, connections_per_address=1) as served:
        with entered(served, proxied(inside), *(proxied(other) for other in others)):
            assert not comes_in(served, "127.0.0.1", proxied(refused))
        wait_for(lambda: comes_in(served, "127.0.0.1", proxied(refused)), "the place of the one that has left")


def test_behind_a_proxy_header_the_proxys_own_connections_are_not_counted() -> None:
    unknown = b"PROXY UNKNOWN\r\n" + REQUEST
    own = [unknown, unknown, proxied("127.0.0.1"), proxied("127.0.0.1")]
    with (
        serve(hello, manner=Manner(proxy=True), connections_per_address=1) as served,
        entered(served, *own, proxied("192.0.2.1")),
    ):
        assert not comes_in(served, "127.0.0.1", proxied("192.0.2.1"))


def test_the_operator_is_told_who_it_is_but_not_each_time() -> None:
    with serve(hello, connections_per_address=1) as served, come(served, GREEDY) as holder:
        assert is_served(holder)
        for _ in range(50):
            assert not comes_in(served, GREEDY)
        (warning,) = served.log.messages(Level.WARNING)
        assert warning.startswith("127.0.0.2 has 1 connections to this worker, the most that one address may have")
        assert "--connections-per-address" in warning


@pytest.mark.parametrize(
    ("host", "place", "name"),
    [
        ("192.0.2.1", "192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "20010db800010002", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80000000000000", "fe80::/64"),
    ],
)
def test_what_counts_as_one_client(host: str, place: str, name: str) -> None:
    assert place_of(host) == place
    assert place_name(place) == name


@pytest.mark.process
def test_what_was_refused_is_counted_in_the_metrics_and_a_unix_socket_has_no_bound(tmp_path: Path) -> None:
    metrics, path = free_port(), tmp_path / "s"
    options = ["--metrics-bind", f"127.0.0.1:{metrics}", "--connections-per-address", "1"]
    bind = ("127.0.0.1:0", f"unix:{path}")
    with (
        ServerProcess("applications:app", *options, bind=bind, app_dir=APPLICATIONS) as server,
        contextlib.ExitStack() as held,
    ):

        def greedy_one_is_served() -> bool:
            try:
                address = ("127.0.0.1", server.port)
                return is_served(held.enter_context(socket.create_connection(address, PATIENCE_SECONDS, (GREEDY, 0))))
            except ConnectionResetError:
                return False

        assert greedy_one_is_served()
        for _ in range(5):
            assert not greedy_one_is_served()
        for _ in range(5):
            over_unix = held.enter_context(socket.socket(socket.AF_UNIX))
            over_unix.connect(str(path))
            assert is_served(over_unix)
        wait_for(
            lambda: "\nveche_refused_connections_total 5\n" in get(f"http://127.0.0.1:{metrics}/metrics")[1],
            "all to be counted",
        )
        assert "\nveche_connections_total 6\n" in get(f"http://127.0.0.1:{metrics}/metrics")[1]
