"""WebSockets over real sockets, with the `websockets` library and with raw octets as clients (RFC 6455; ASGI)."""

import asyncio
import contextlib
import re
import socket
import threading
import time
import zlib
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from fixtures.requests import get, post
from fixtures.serving import Served, logged_requests, serve, wait_for
from veche.asgi import Receive, Scope, Send
from veche.log import Level
from veche.server.connections.websocket.link import UNHEARD, WebSocketLink

SHORT = 0.2
UPGRADE = (
    b"Connection: Upgrade",
    b"Upgrade: websocket",
    b"Sec-WebSocket-Version: 13",
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)


@contextlib.contextmanager
def opened(served: Served, path: str = "/", **options: Any) -> Iterator[ClientConnection]:
    url = f"ws://127.0.0.1:{served.address[1]}{path}"
    with connect(url, open_timeout=5, close_timeout=5, **options) as client:
        yield client


class Echo:
    """Accepts, answers each message with itself, and keeps what it was told at the end."""

    def __init__(self) -> None:
        self.scopes: list[Scope] = []
        self.ends: list[tuple[int, str]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "websocket"
        self.scopes.append(scope)
        assert await receive() == {"type": "websocket.connect"}
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] == "websocket.receive":
            with contextlib.suppress(OSError):  # the end may have come behind the message
                await send({**message, "type": "websocket.send"})
        self.ends.append((message["code"], message["reason"]))


async def accept(receive: Receive, send: Send, **fields: Any) -> None:
    await receive()
    await send({"type": "websocket.accept", **fields})


@pytest.mark.parametrize("plain_asyncio", [False, True])
def test_messages_go_both_ways(plain_asyncio: bool) -> None:
    echo = Echo()
    with serve(echo, plain_asyncio=plain_asyncio) as served:
        with opened(served, "/a%20b?c=d", compression=None) as client:
            for message in ("hello", "", "при" * 50_000, b"\x00\xff", b"", b"x" * 300_000):
                client.send(message)
                assert client.recv(timeout=5) == message
            client.send(["in", " frag", "ments"])
            assert client.recv(timeout=5) == "in fragments"
            assert client.ping().wait(5)
            assert served.server.open_connections == 1
        wait_for(lambda: echo.ends == [(1000, "")])
        scope = echo.scopes[0]
        assert (scope["path"], scope["query_string"], scope["scheme"]) == ("/a b", b"c=d", "ws")
        assert scope["subprotocols"] == []
        wait_for(lambda: served.server.open_connections == 0)
        assert served.log.entries == []


@pytest.mark.parametrize(
    "octets",
    [b"same", bytearray(b"same"), memoryview(b"s a m e")[::2], array("B", b"same"), array("H", b"same"), b""],
)
def test_a_binary_message_may_be_any_kind_of_octets(octets: Any) -> None:
    async def sends(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "websocket"
        await accept(receive, send)
        await send({"type": "websocket.send", "bytes": octets})

    with serve(sends) as served, opened(served) as client:
        assert client.recv(timeout=5) == bytes(memoryview(octets))
        assert served.log.entries == []


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({}, "websocket.send has neither text nor bytes"),
        ({"text": None, "bytes": None}, "websocket.send has neither text nor bytes"),
        ({"text": b"octets"}, "websocket.send has bytes as its text; expected str"),
        ({"bytes": "text"}, "websocket.send has str as its bytes; expected bytes, or what has a buffer of them"),
        ({"bytes": 4}, "websocket.send has int as its bytes; expected bytes, or what has a buffer of them"),
    ],
)
def test_a_message_that_is_none_is_the_application_s_fault_and_what_was_given_is_told(
    content: dict[str, Any], told: str
) -> None:
    async def sends(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "websocket"
        await accept(receive, send)
        with pytest.raises(RuntimeError, match=f"^{re.escape(told)}$"):
            await send({"type": "websocket.send", **content})
        await send({"type": "websocket.send", "text": "told"})

    with serve(sends) as served, opened(served) as client:
        assert client.recv(timeout=5) == "told"


def test_compressed_messages_go_both_ways() -> None:  # RFC 7692
    with serve(Echo()) as served, opened(served) as client:
        assert [extension.name for extension in client.protocol.extensions] == ["permessage-deflate"]
        for message in ("при" * 50_000, "short", b"x" * 300_000, bytes(range(256)) * 10):
            client.send(message)
            assert client.recv(timeout=5) == message
        client.send(["in " * 1000, "fragments " * 1000])
        assert client.recv(timeout=5) == "in " * 1000 + "fragments " * 1000


@pytest.mark.parametrize(
    ("settings", "answer"),
    [
        ({}, b"permessage-deflate; server_no_context_takeover; client_no_context_takeover"),
        ({"websocket_deflate_context_takeover": True}, b"permessage-deflate"),
        (
            {"websocket_deflate_context_takeover": True, "websocket_deflate_window_bits": 11},
            b"permessage-deflate; server_max_window_bits=11",
        ),
        ({"websocket_deflate": False}, b""),
    ],
)
def test_the_operator_chooses_how_to_compress(settings: Any, answer: bytes) -> None:  # RFC 7692 §7.1
    with serve(Echo(), **settings) as served, served.connect() as peer:
        peer.send(get(*UPGRADE, b"Sec-WebSocket-Extensions: permessage-deflate"))
        head = peer.read_until(b"\r\n\r\n")
        assert head.partition(b"sec-websocket-extensions: ")[2].partition(b"\r\n")[0] == answer


@pytest.mark.parametrize("level", [1, 9])
def test_level_and_least_size_are_the_operators(level: int) -> None:
    message = "".join(f"line {number} of {number * number}\n" for number in range(500))
    deflate = zlib.compressobj(level, zlib.DEFLATED, -15)
    size = len(deflate.compress(message.encode()) + deflate.flush(zlib.Z_FULL_FLUSH)) - 4
    settings: Any = {"websocket_deflate_level": level, "websocket_deflate_least_octets": 50}
    with serve(Echo(), **settings) as served, served.connect() as peer:
        peer.send(get(*UPGRADE, b"Sec-WebSocket-Extensions: permessage-deflate"))
        peer.read_until(b"\r\n\r\n")
        peer.send(b"\x81\xb1\x00\x00\x00\x00" + b"a" * 49 + b"\x81\xb2\x00\x00\x00\x00" + b"a" * 50)
        assert peer.read_exactly(51) == b"\x81\x31" + b"a" * 49
        assert peer.read_exactly(1) == b"\xc1"
        peer.read_exactly(peer.read_exactly(1)[0])
        peer.send(b"\x81\xfe" + len(message).to_bytes(2, "big") + b"\x00\x00\x00\x00" + message.encode())
        head = peer.read_exactly(4)
        assert (head[:2], int.from_bytes(head[2:], "big")) == (b"\xc1\x7e", size)


def test_cve_2026_39804_a_bomb_is_refused_by_its_ratio() -> None:  # RFC 7692 §8
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = (deflate.compress(bytes(2_000_000)) + deflate.flush(zlib.Z_SYNC_FLUSH))[:-4]
    frame = b"\xc2\xfe" + len(bomb).to_bytes(2, "big") + b"\x00\x00\x00\x00" + bomb
    for ratio, first in ((200, b"\x88"), (1100, b"\x82")):
        settings: Any = {"websocket_inflate_ratio_limit": ratio, "websocket_deflate_least_octets": 10**9}
        with serve(Echo(), **settings) as served, served.connect() as peer:
            peer.send(get(*UPGRADE, b"Sec-WebSocket-Extensions: permessage-deflate"))
            peer.read_until(b"\r\n\r\n")
            peer.send(frame)
            assert peer.read_exactly(1) == first


def test_frames_sent_with_the_request_are_not_lost() -> None:
    with serve(Echo()) as served, served.connect() as peer:
        peer.send(get(*UPGRADE) + b"\x81\x82\x00\x00\x00\x00hi")
        head = peer.read_until(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 Switching Protocols\r\n")
        assert b"sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" in head
        assert peer.read_exactly(4) == b"\x81\x02hi"


def test_subprotocol_and_headers_are_the_applications() -> None:
    async def chooses(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "websocket"
        assert scope["subprotocols"] == ["one", "two"]
        await accept(receive, send, subprotocol="two", headers=[(b"x-room", b"7")])
        await receive()

    with serve(chooses) as served, opened(served, subprotocols=["one", "two"]) as client:
        assert client.subprotocol == "two"
        assert client.response is not None
        assert client.response.headers["x-room"] == "7"


@pytest.mark.parametrize(
    "fields",
    [
        {"subprotocol": "three"},
        {"subprotocol": "при"},
        {"headers": [(b"x", b"a\r\nb: c")]},
        {"headers": [(b"x y", b"a")]},
        {"headers": [(b"Sec-WebSocket-Protocol", b"one")]},
        {"headers": [(b"sec-websocket-extensions", b"permessage-deflate")]},
        {"headers": [(b"Content-Length", b"3")]},
    ],
)
def test_an_acceptance_that_cannot_be_sent_is_a_500(fields: Any) -> None:
    async def breaks(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "websocket"
        await accept(receive, send, **fields)

    with serve(breaks) as served:
        with pytest.raises(InvalidStatus, match="500"), opened(served):
            pass
        assert len(served.log.messages(Level.ERROR)) == 1


def test_a_close_before_acceptance_is_a_403() -> None:
    async def denies(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "websocket"
        await receive()
        await send({"type": "websocket.close"})

    with serve(denies) as served:
        with pytest.raises(InvalidStatus, match="403"), opened(served):
            pass
        assert served.log.entries == []


def test_a_denial_may_be_a_whole_response() -> None:  # extension websocket.http.response
    async def denies(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "websocket"
        assert "websocket.http.response" in scope["extensions"]
        await receive()
        headers = [(b"x-why", b"full")]
        await send({"type": "websocket.http.response.start", "status": 429, "headers": headers})
        await send({"type": "websocket.http.response.body", "body": b"come ", "more_body": True})
        await send({"type": "websocket.http.response.body", "body": b"later"})

    with serve(denies) as served, served.connect() as peer:
        for _ in range(2):  # the connection is still HTTP
            peer.send(get(*UPGRADE))
            status, fields, body = peer.read_response()
            assert (status, fields["x-why"], body) == (429, "full", b"come later")
        assert served.log.entries == []


@pytest.mark.parametrize("content", [bytearray(b"same" * 4), memoryview(array("I", [0x656D6173] * 4))])
def test_a_denial_s_body_may_be_any_kind_of_octets(content: Any) -> None:
    async def denies(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "websocket"
        await receive()
        await send({"type": "websocket.http.response.start", "status": 403, "headers": []})
        await send({"type": "websocket.http.response.body", "body": content})

    with serve(denies) as served, served.connect() as peer:
        peer.send(get(*UPGRADE))
        assert peer.read_response()[2] == b"same" * 4


def test_a_denial_may_be_streamed() -> None:  # extension websocket.http.response
    release = threading.Event()

    async def denies(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "websocket"
        await receive()
        await send({"type": "websocket.http.response.start", "status": 401, "headers": []})
        await send({"type": "websocket.http.response.body", "body": b"first", "more_body": True})
        while not release.is_set():
            await asyncio.sleep(0.005)
        await send({"type": "websocket.http.response.body", "body": b"last"})

    with serve(denies, websocket_handshake_seconds=SHORT) as served, served.connect() as peer:
        peer.send(get(*UPGRADE))
        peer.read_until(b"5\r\nfirst\r\n")
        assert peer.is_open(3 * SHORT)  # the deadline is for the beginning
        release.set()
        assert peer.read_until(b"0\r\n\r\n") == b"4\r\nlast\r\n0\r\n\r\n"


def test_an_application_that_neither_accepts_nor_denies_in_time_is_a_504() -> None:
    cancelled: list[bool] = []

    async def hesitates(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "websocket"
        if scope["path"] == "/late":
            await accept(receive, send)
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    with serve(hesitates, websocket_handshake_seconds=SHORT, request_seconds=600) as served:
        with opened(served, "/late") as accepted:
            with served.connect() as peer:
                peer.send(get(*UPGRADE))
                assert peer.read_response()[0] == 504
            wait_for(lambda: cancelled == [True])
            accepted.send("who was accepted stays")
            assert accepted.ping().wait(5)
        ((told, _, fields),) = [entry for entry in served.log.entries if entry[1] is Level.ERROR]
        assert "without accepting its WebSocket" in told
        assert "websocket.accept" in str(fields["advice"])


@pytest.mark.parametrize(
    ("request_octets", "status"),
    [
        (get(*UPGRADE[:2], b"Sec-WebSocket-Version: 8", UPGRADE[3]), 426),
        (get(*UPGRADE[:3]), 400),
        (get(*UPGRADE[:3], b"Sec-WebSocket-Key: short"), 400),
        (get(*UPGRADE, line=b"POST / HTTP/1.1"), 400),
        (get(*UPGRADE, b"Sec-WebSocket-Extensions: a b"), 400),
        (post(b"abc", b"Content-Length: 3", *UPGRADE), 400),
    ],
)
def test_a_bad_handshake_is_refused(request_octets: bytes, status: int) -> None:  # RFC 6455 §4.2, §4.4
    echo = Echo()
    with serve(echo) as served:
        answer = served.ask(request_octets)
        assert answer[0] == status
        if status == 426:
            assert answer[1]["sec-websocket-version"] == "13"
        assert echo.scopes == []


@pytest.mark.parametrize("name", [b"Key", b"Version", b"Protocol", b"Extensions", b"Accept", b"\xd0\xba"])
@pytest.mark.parametrize("value", [b"\xff", b"\xd1\x87\xd0\xb0\xd1\x82", b"\x80" * 100])
def test_cve_2026_42544_octets_beyond_ascii_in_the_handshake_are_refused(name: bytes, value: bytes) -> None:
    with serve(Echo()) as served:
        fields = [field for field in UPGRADE if not field.startswith(b"Sec-WebSocket-" + name)]
        request = get(*fields, b"Sec-WebSocket-" + name + b": " + value)
        with served.connect() as peer:
            peer.send(request)
            head = peer.read_until(b"\r\n\r\n")
            # A field that means nothing in a request means nothing here either.
            expected = b"HTTP/1.1 101 " if name == b"Accept" else (b"HTTP/1.1 400 ", b"HTTP/1.1 426 ")
            assert head.startswith(expected)
        assert served.log.entries == []
        with opened(served) as client:  # and the next one is served
            client.send("still here")
            assert client.recv(timeout=5) == "still here"


def test_an_upgrade_that_wsgi_cannot_make_is_an_ordinary_request() -> None:  # RFC 9110 §7.8
    def application(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        return [b"plain"]

    with serve(application) as served:
        assert served.ask(get(*UPGRADE))[2] == b"plain"


@pytest.mark.parametrize(("code", "reason"), [(1000, ""), (1001, "bye"), (3000, "пока"), (4999, "x" * 123)])
def test_the_peers_close_code_reaches_the_application(code: int, reason: str) -> None:  # §7.1.5
    echo = Echo()
    with serve(echo) as served:
        with opened(served) as client:
            client.close(code, reason)
            assert client.close_code == code
        wait_for(lambda: echo.ends == [(code, reason)])


def test_a_close_without_a_code_is_1005() -> None:  # §7.1.5
    echo = Echo()
    with serve(echo) as served, served.connect() as peer:
        peer.send(get(*UPGRADE))
        peer.read_until(b"\r\n\r\n")
        peer.send(b"\x88\x80\x00\x00\x00\x00")
        assert peer.read_to_end() == b"\x88\x00"
        wait_for(lambda: echo.ends == [(1005, "")])


def test_a_lost_connection_is_1006() -> None:  # §7.1.5
    echo = Echo()
    with serve(echo) as served:
        with served.connect() as peer:
            peer.send(get(*UPGRADE))
            peer.read_until(b"\r\n\r\n")
        wait_for(lambda: echo.ends == [(1006, "")])


@pytest.mark.parametrize(
    ("close", "code", "reason"),
    [({}, 1000, ""), ({"code": 4001, "reason": "no"}, 4001, "no"), ({"code": 1000, "reason": None}, 1000, "")],
)
def test_the_applications_close_code_reaches_the_peer(close: Any, code: int, reason: str) -> None:
    async def closes(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "websocket"
        await accept(receive, send)
        await send({"type": "websocket.close", **close})
        assert (await receive())["type"] == "websocket.disconnect"

    with serve(closes) as served, opened(served) as client:
        with pytest.raises(ConnectionClosed):
            client.recv(timeout=5)
        assert (client.close_code, client.close_reason) == (code, reason)
        assert served.log.entries == []


@pytest.mark.parametrize(("fails", "code"), [(False, 1000), (True, 1011)])
def test_an_application_that_ends_closes(fails: bool, code: int) -> None:
    async def ends(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "websocket"
        await accept(receive, send)
        if fails:
            raise LookupError("broken")

    with serve(ends) as served, opened(served) as client:
        with pytest.raises(ConnectionClosed):
            client.recv(timeout=5)
        assert client.close_code == code
        assert len(served.log.messages(Level.ERROR)) == fails


def test_an_application_that_answers_nothing_is_a_500() -> None:
    async def returns(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "websocket"

    with serve(returns) as served:
        with pytest.raises(InvalidStatus, match="500"), opened(served):
            pass
        assert len(served.log.messages(Level.ERROR)) == 1


@pytest.mark.parametrize(
    ("frames", "code"),
    [
        (b"\x81\x02hi", 1002),  # not masked
        (b"\xc1\x80\x00\x00\x00\x00", 1002),  # RSV1
        (b"\x83\x80\x00\x00\x00\x00", 1002),  # reserved opcode
        (b"\x80\x80\x00\x00\x00\x00", 1002),  # nothing to continue
        (b"\x81\x81\x00\x00\x00\x00\xff", 1007),
        (b"\x89\xfe\x00\x7e\x00\x00\x00\x00" + b"a" * 126, 1002),  # long ping
        (b"\x82\xfe\x03\xe9\x00\x00\x00\x00", 1009),  # 1001 octets announced
        (b"\x02\x80\x00\x00\x00\x00" + b"\x00\x80\x00\x00\x00\x00" * 10, 1009),  # the eleventh fragment
        (b"\x02\xfe\x02\x00\x00\x00\x00\x00" + b"a" * 512 + b"\x80\xfe\x02\x00\x00\x00\x00\x00", 1009),
    ],
)
def test_a_broken_frame_is_answered_with_its_code(frames: bytes, code: int) -> None:  # §5, §7.4.1
    echo = Echo()
    with (
        serve(echo, websocket_message_limit_octets=1000, websocket_fragment_limit=10) as served,
        served.connect() as peer,
    ):
        peer.send(get(*UPGRADE))
        peer.read_until(b"\r\n\r\n")
        peer.send(b"\x81\x82\x00\x00\x00\x00ok" + frames)
        answer = peer.read_to_end()
        assert answer.startswith(b"\x81\x02ok\x88")  # what came before the fault is answered
        assert int.from_bytes(answer[6:8], "big") == code
        wait_for(lambda: echo.ends and echo.ends[0][0] == code)


def test_a_peer_that_broke_the_protocol_and_stays_is_cut() -> None:  # §7.1.7
    with serve(Echo(), linger_seconds=SHORT) as served, served.connect() as peer:
        peer.send(get(*UPGRADE))
        peer.read_until(b"\r\n\r\n")
        peer.send(b"\x81\x02hi")
        assert peer.read_to_end().startswith(b"\x88")  # half-closed: we still listen
        wait_for(lambda: served.server.open_connections == 0)


def test_a_close_with_the_end_of_tcp_behind_it_is_a_close() -> None:  # §7.1.5
    echo = Echo()
    with serve(echo) as served, served.connect() as peer:
        peer.send(get(*UPGRADE))
        peer.read_until(b"\r\n\r\n")
        peer.send(b"\x81\x82\x00\x00\x00\x00hi\x88\x82\x00\x00\x00\x00\x0f\xa1")
        peer.socket.shutdown(socket.SHUT_WR)
        assert peer.read_to_end() == b"\x81\x02hi\x88\x02\x0f\xa1"
        wait_for(lambda: echo.ends == [(4001, "")])


def test_what_is_sent_after_the_end_is_an_os_error_and_no_log_entry() -> None:  # ASGI 2.4
    caught: list[str] = []

    async def talks(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "websocket"
        await accept(receive, send)
        while (await receive())["type"] != "websocket.disconnect":
            pass
        try:
            await send({"type": "websocket.send", "text": "anyone?"})
        except OSError as error:
            caught.append(type(error).__name__)
            raise

    with serve(talks) as served:
        with opened(served):
            pass
        wait_for(lambda: caught == ["ClientDisconnected"])
        assert served.log.entries == []


def test_a_silent_peer_is_pinged_and_then_cut() -> None:
    echo = Echo()
    with serve(echo, websocket_ping_seconds=SHORT) as served:
        with served.connect() as peer:
            peer.send(get(*UPGRADE))
            peer.read_until(b"\r\n\r\n")
            assert peer.read_to_end() == b"\x89\x00"
        wait_for(lambda: echo.ends == [(1006, "")])


def test_a_silent_peer_that_answers_pings_stays() -> None:
    with serve(Echo(), websocket_ping_seconds=30.0) as served, opened(served) as client:  # the library answers
        assert served.server._service is not None
        (link,) = served.server._service.connections
        assert isinstance(link, WebSocketLink)
        for _ in range(5):
            served.pass_time(32)
            wait_for(lambda: link._heard_at != UNHEARD, "the answer to the ping")
        client.send("still here")
        assert client.recv(timeout=5) == "still here"


def test_a_peer_is_pinged_after_the_silence_that_was_set_and_cut_after_twice_as_much() -> None:
    seconds = 30.0
    with serve(Echo(), websocket_ping_seconds=seconds) as served, served.connect() as peer:
        peer.send(get(*UPGRADE))
        peer.read_until(b"\r\n\r\n")
        assert served.server._service is not None
        (link,) = served.server._service.connections
        assert isinstance(link, WebSocketLink)
        clock = served.server._service.clock
        silence = seconds + clock.tick_seconds  # a deadline is never early
        began = clock.now
        looks: list[tuple[str, float]] = []

        def look() -> None:
            before = link._heard_at
            clock.now = link.deadline
            link.deadline_passed(clock.now)
            looks.append(("heard" if link._heard_at == before else "pinged", clock.now))

        async def pass_time() -> None:  # without a pause: the clock stands still meanwhile
            clock.now = began + 20
            link.data_received(b"\x8a\x80abcd")
            look()
            look()
            link.data_received(b"\x8a\x80abcd")  # the answer, in the ping's own tick
            look()
            assert not link.transport.is_closing()
            clock.now = link.deadline
            link.deadline_passed(clock.now)
            assert link.transport.is_closing()
            looks.append(("cut", clock.now))

        served.submit(pass_time()).result(5)
        assert [what for what, _ in looks] == ["heard", "pinged", "pinged", "cut"]
        heard = began + 20
        assert [when for _, when in looks[1:]] == pytest.approx([heard + times * silence for times in (1, 2, 3)])


def test_a_peer_that_does_not_answer_our_close_is_cut() -> None:
    async def closes(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "websocket"
        await accept(receive, send)
        await send({"type": "websocket.close"})

    with serve(closes, websocket_close_seconds=SHORT) as served, served.connect() as peer:
        peer.send(get(*UPGRADE))
        peer.read_until(b"\r\n\r\n")
        assert peer.read_exactly(4) == b"\x88\x02\x03\xe8"
        began = time.monotonic()
        assert peer.read_to_end() == b""
        assert time.monotonic() - began < 4.5  # without the setting it is five seconds and more


def test_an_application_that_does_not_read_stops_the_socket() -> None:
    release = threading.Event()
    count = 0

    async def late(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal count
        assert scope["type"] == "websocket"
        await accept(receive, send)
        while not release.is_set():
            await asyncio.sleep(0.01)
        while (await receive())["type"] == "websocket.receive":
            count += 1

    frame = b"\x82\xfe\x80\x00\x00\x00\x00\x00" + b"a" * 0x8000
    total = 1000
    with serve(late) as served, served.connect() as peer:
        peer.send(get(*UPGRADE))
        peer.read_until(b"\r\n\r\n")
        peer.socket.settimeout(0.5)
        octets = memoryview(frame * total)
        sent = 0
        with pytest.raises(TimeoutError):
            while sent < len(octets):
                sent += peer.socket.send(octets[sent : sent + 65536])
        release.set()
        peer.socket.settimeout(10)
        while sent < len(octets):
            sent += peer.socket.send(octets[sent : sent + 65536])
        wait_for(lambda: count == total)


def test_an_application_waits_for_a_peer_that_does_not_read() -> None:
    sent = 0

    async def floods(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal sent
        assert scope["type"] == "websocket"
        await accept(receive, send)
        for _ in range(1000):
            await send({"type": "websocket.send", "bytes": b"a" * 65536})
            sent += 1

    with serve(floods, write_stall_seconds=3 * SHORT) as served, served.connect() as peer:
        peer.send(get(*UPGRADE))
        wait_for(lambda: sent > 1)
        last = -1
        while sent != last:
            last = sent
            time.sleep(SHORT)
        assert sent < 500
        wait_for(lambda: served.server.open_connections == 0, "the write deadline")


@pytest.mark.parametrize("waits", [True, False])
def test_a_peer_that_falls_behind_a_broadcast_is_cut(waits: bool) -> None:
    sent: list[int] = []
    errors: list[str] = []

    async def broadcasts(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "websocket"
        await accept(receive, send)

        async def tell(number: int) -> None:
            try:
                await asyncio.wait_for(send({"type": "websocket.send", "bytes": bytes(65536)}), 0.001)
            except TimeoutError:
                sent.append(number)
            except OSError as error:
                errors.append(type(error).__name__)
            else:
                sent.append(number)

        while not errors:
            await tell(len(sent))  # does not wait for who does not read, as broadcasts do
            await asyncio.sleep(0)
        assert (await receive())["type"] == "websocket.disconnect"

    settings: Any = {"websocket_outbox_octets": 1 << 20, "websocket_send_waits": waits}
    with serve(broadcasts, **settings) as served, served.connect() as peer:
        peer.send(get(*UPGRADE))
        wait_for(lambda: errors == ["ClientDisconnected"], "the end of who does not read")
        wait_for(lambda: served.server.open_connections == 0)
        assert 16 < len(sent) < 200  # the outbox, and what the kernel keeps
        with pytest.raises(ConnectionResetError):  # an end in good order would wait in the kernel until it is read
            while peer.socket.recv(1 << 20):
                pass


def test_send_does_not_wait_where_it_shall_not() -> None:
    took: list[float] = []

    async def sends(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "websocket"
        await accept(receive, send)
        began = time.monotonic()
        for _ in range(10):
            await send({"type": "websocket.send", "bytes": bytes(1 << 20)})
        took.append(time.monotonic() - began)
        await receive()

    settings: Any = {"websocket_outbox_octets": 1 << 30, "websocket_send_waits": False}
    with serve(sends, **settings) as served, served.connect() as peer:
        peer.send(get(*UPGRADE))
        wait_for(lambda: took, "ten messages that nobody reads")


def test_at_drain_the_peer_is_told_1012() -> None:
    echo = Echo()
    with serve(echo) as served, opened(served) as client:
        drained = served.submit(served.server.drain(5))
        with pytest.raises(ConnectionClosed):
            client.recv(timeout=5)
        assert client.close_code == 1012
        drained.result(20)
        assert echo.ends == [(1012, "the server restarts")]


def test_an_opening_is_logged_when_the_access_log_is_on(tmp_path: Path) -> None:
    file = tmp_path / "access.log"
    with serve(Echo(), access_log=True, access_log_file=str(file), access_log_format="json") as served:
        with opened(served, "/room"):
            pass
        (entry,) = logged_requests(file, 1)
        assert (entry["status"], entry["target"]) == (101, "/room")
