"""RFC 8441: WebSockets on streams of an HTTP/2 connection, with the h2 library and with Chromium as clients."""

import asyncio
import contextlib
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h2.config
import h2.connection
import h2.events
import h2.settings
import pytest

from fixtures.serving import Peer, Served, logged_requests, serve, wait_for
from veche.asgi import Receive, Scope, Send
from veche.log import Level

SHORT = 0.2
CONNECT = [
    (":method", "CONNECT"),
    (":protocol", "websocket"),
    (":scheme", "http"),
    (":path", "/chat?room=7"),
    (":authority", "example.org"),
    ("sec-websocket-version", "13"),
]
KEY = b"\x01\x02\x03\x04"


def masked(first: int, payload: bytes) -> bytes:
    length = len(payload)
    head = bytes((first, 0x80 | length)) if length < 126 else bytes((first, 0xFF)) + length.to_bytes(8, "big")
    if 126 <= length <= 0xFFFF:
        head = bytes((first, 0xFE)) + length.to_bytes(2, "big")
    return head + KEY + bytes(octet ^ KEY[at % 4] for at, octet in enumerate(payload))


class Http2Peer:
    """A client of one connection: what came is sorted by stream."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True, header_encoding="utf-8"))
        self.h2.initiate_connection()
        self.flush()
        self.status: dict[int, dict[str, str]] = {}
        self.data: dict[int, bytes] = {}
        self.ended: dict[int, str] = {}
        self.credit = True
        self.until(lambda: self.h2.remote_settings.enable_connect_protocol == 1)

    def flush(self) -> None:
        self.peer.send(self.h2.data_to_send())

    def until(self, condition: Any) -> None:
        while not condition():
            octets = self.peer.socket.recv(65536)
            assert octets, f"the connection ended: {self.ended}"
            for event in self.h2.receive_data(octets):
                self._note(event)
            self.flush()

    def _note(self, event: Any) -> None:
        if isinstance(event, h2.events.ResponseReceived):
            self.status[event.stream_id] = dict(event.headers)  # type: ignore[arg-type]  # header_encoding makes them text
        elif isinstance(event, h2.events.DataReceived):
            self.data[event.stream_id] = self.data.get(event.stream_id, b"") + event.data
            if self.credit and event.flow_controlled_length:
                self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.StreamEnded):
            self.ended[event.stream_id] = "ended"
        elif isinstance(event, h2.events.StreamReset):
            self.ended[event.stream_id] = f"reset {int(event.error_code)}"

    def connect(self, *fields: tuple[str, str], without: tuple[str, ...] = (), ended: bool = False) -> int:
        stream_id = self.h2.get_next_available_stream_id()
        wanted = [field for field in CONNECT if field[0] not in without]
        wanted = sorted([*wanted, *fields], key=lambda field: not field[0].startswith(":"))
        self.h2.send_headers(stream_id, wanted, end_stream=ended)
        self.flush()
        return stream_id

    def open(self, *fields: tuple[str, str]) -> int:
        stream_id = self.connect(*fields)
        self.until(lambda: stream_id in self.status)
        assert self.status[stream_id][":status"] == "200"
        return stream_id

    def send(self, stream_id: int, octets: bytes, *, ended: bool = False) -> None:
        while octets:
            size = min(len(octets), self.h2.local_flow_control_window(stream_id), self.h2.max_outbound_frame_size)
            if not size:
                before = self.h2.local_flow_control_window(stream_id)
                self.until(lambda before=before: self.h2.local_flow_control_window(stream_id) > before)
                continue
            self.h2.send_data(stream_id, octets[:size], end_stream=ended and size == len(octets))
            octets = octets[size:]
            self.flush()

    def expect(self, stream_id: int, octets: bytes) -> None:
        self.until(lambda: len(self.data.get(stream_id, b"")) >= len(octets) or stream_id in self.ended)
        assert self.data[stream_id][: len(octets)] == octets
        self.data[stream_id] = self.data[stream_id][len(octets) :]


@contextlib.contextmanager
def connected(served: Served) -> Iterator[Http2Peer]:
    with served.connect() as peer:
        yield Http2Peer(peer)


class Echo:
    def __init__(self) -> None:
        self.scopes: list[Any] = []
        self.ends: list[tuple[int, str]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "websocket"
        self.scopes.append(scope)
        await receive()
        subprotocols = scope["subprotocols"]
        await send({"type": "websocket.accept", "subprotocol": subprotocols[-1] if subprotocols else None})
        while (message := await receive())["type"] == "websocket.receive":
            with contextlib.suppress(OSError):
                await send({**message, "type": "websocket.send"})
        self.ends.append((message["code"], message["reason"]))


def frame(first: int, payload: bytes) -> bytes:
    """Return a server's frame."""
    length = len(payload)
    if length < 126:
        return bytes((first, length)) + payload
    if length <= 0xFFFF:
        return bytes((first, 126)) + length.to_bytes(2, "big") + payload
    return bytes((first, 127)) + length.to_bytes(8, "big") + payload


def test_messages_go_both_ways_on_several_streams_at_once() -> None:  # §5
    echo = Echo()
    with serve(echo) as served, connected(served) as client:
        first, second = client.open(), client.open(("sec-websocket-protocol", "one, two"))
        assert client.status[second]["sec-websocket-protocol"] == "two"
        assert not {"sec-websocket-accept", "upgrade", "connection", "content-length"} & set(client.status[first])
        for text in (b"hello", b"", "при".encode() * 30):
            for stream_id in (first, second):
                client.send(stream_id, masked(0x81, text))
                client.expect(stream_id, frame(0x81, text))
        client.send(first, masked(0x89, b"ping"))
        client.expect(first, frame(0x8A, b"ping"))
        scope = echo.scopes[0]
        assert (scope["path"], scope["query_string"], scope["scheme"]) == ("/chat", b"room=7", "ws")
        assert scope["http_version"] == "2"
        client.send(first, masked(0x88, b"\x03\xe8bye"), ended=True)
        client.expect(first, frame(0x88, b"\x03\xe8bye"))
        client.until(lambda: client.ended.get(first) == "ended")
        client.send(second, masked(0x81, b"still here"))
        client.expect(second, frame(0x81, b"still here"))
        assert echo.ends == [(1000, "bye")]
        assert served.server.open_connections == 1
        assert served.log.entries == []


def test_messages_larger_than_every_window_go_both_ways() -> None:  # RFC 9113 §5.2
    # More than the largest body, too: a WebSocket is none.
    with serve(Echo(), body_limit_octets=10_000) as served, connected(served) as client:
        stream_id = client.open()
        for octets in (70_000, 1_000_000):
            message = bytes(range(250)) * (octets // 250)
            client.send(stream_id, masked(0x82, message))
            client.expect(stream_id, frame(0x82, message))


def test_messages_are_compressed() -> None:  # RFC 7692
    with serve(Echo()) as served, connected(served) as client:
        stream_id = client.open(("sec-websocket-extensions", "permessage-deflate"))
        assert client.status[stream_id]["sec-websocket-extensions"].startswith("permessage-deflate")
        client.send(stream_id, masked(0x81, b"news " * 200))
        client.until(lambda: len(client.data.get(stream_id, b"")) > 2)
        head = client.data[stream_id][:2]
        assert head[0] == 0xC1
        client.until(lambda: len(client.data[stream_id]) == 2 + head[1])
        payload = client.data[stream_id][2:] + b"\0\0\xff\xff"
        assert zlib.decompressobj(-15).decompress(payload) == b"news " * 200


def test_what_is_sent_before_the_acceptance_waits() -> None:
    async def late(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "websocket"
        await receive()
        await asyncio.sleep(SHORT)
        await send({"type": "websocket.accept"})
        assert await receive() == {"type": "websocket.receive", "text": "early"}
        await send({"type": "websocket.send", "text": "late"})
        await receive()

    with serve(late) as served, connected(served) as client:
        stream_id = client.connect()
        client.send(stream_id, masked(0x81, b"early"))
        client.expect(stream_id, frame(0x81, b"late"))


@pytest.mark.parametrize(
    ("fields", "without", "ended", "status"),
    [
        ((), ("sec-websocket-version",), False, "426"),
        ((("sec-websocket-version", "8"),), ("sec-websocket-version",), False, "426"),
        ((("sec-websocket-protocol", "a,,b"),), (), False, "400"),
        ((("sec-websocket-extensions", "a b"),), (), False, "400"),
        ((), (), True, "400"),
        (((":protocol", "connect-udp"),), (":protocol",), False, "501"),
    ],
)
def test_a_bad_handshake_is_refused_and_the_connection_goes_on(
    fields: Any, without: Any, ended: bool, status: str
) -> None:  # §5; RFC 6455 §4.4
    with serve(Echo()) as served, connected(served) as client:
        stream_id = client.connect(*fields, without=without, ended=ended)
        client.until(lambda: stream_id in client.ended)
        assert client.status[stream_id][":status"] == status
        if status == "426":
            assert client.status[stream_id]["sec-websocket-version"] == "13"
        good = client.open()
        client.send(good, masked(0x81, b"good"))
        client.expect(good, frame(0x81, b"good"))


def test_an_application_may_deny() -> None:
    async def denies(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "websocket"
        await receive()
        if scope["query_string"] == b"":
            await send({"type": "websocket.close"})
        else:
            await send({"type": "websocket.http.response.start", "status": 429, "headers": [(b"x-why", b"full")]})
            await send({"type": "websocket.http.response.body", "body": b"later"})

    with serve(denies) as served, connected(served) as client:
        for path, status, body in (("/?full", "429", b"later"), ("/", "403", b"Forbidden\n")):
            stream_id = client.connect((":path", path), without=(":path",))
            client.until(lambda stream_id=stream_id: stream_id in client.ended)
            assert (client.status[stream_id][":status"], client.data[stream_id]) == (status, body)
        assert served.log.entries == []


def test_wsgi_knows_no_websocket() -> None:
    def application(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        return [b"plain"]

    with serve(application) as served, connected(served) as client:
        stream_id = client.connect()
        client.until(lambda: stream_id in client.ended)
        assert client.status[stream_id][":status"] == "501"


@pytest.mark.parametrize(
    ("frames", "code"),
    [(b"\x81\x02hi", 1002), (masked(0x81, b"\xff"), 1007), (b"\x82\xfe\x03\xe9" + KEY, 1009)],
)
def test_a_broken_frame_ends_its_stream_only(frames: bytes, code: int) -> None:  # RFC 6455 §7.1.7
    echo = Echo()
    settings: Any = {"websocket_message_limit_octets": 1000, "linger_seconds": SHORT}
    with serve(echo, **settings) as served, connected(served) as client:
        other, stream_id = client.open(), client.open()
        client.send(stream_id, masked(0x81, b"ok") + frames)
        client.expect(stream_id, frame(0x81, b"ok"))
        client.until(lambda: stream_id in client.ended)
        assert client.data[stream_id][:1] == b"\x88"
        assert int.from_bytes(client.data[stream_id][2:4], "big") == code
        wait_for(lambda: [ended_with for ended_with, _ in echo.ends] == [code], "its application to be told")
        client.send(other, masked(0x81, b"good"))
        client.expect(other, frame(0x81, b"good"))


@pytest.mark.parametrize("how", ["reset", "end of the stream", "end of the connection"])
def test_a_peer_that_goes_without_a_close_is_1006(how: str) -> None:
    echo = Echo()
    with serve(echo) as served:
        with connected(served) as client:
            stream_id = client.open()
            if how == "reset":
                client.h2.reset_stream(stream_id)
                client.flush()
            elif how == "end of the stream":
                client.h2.end_stream(stream_id)
                client.flush()
                client.until(lambda: stream_id in client.ended)
        wait_for(lambda: echo.ends == [(1006, "")])
        assert served.log.entries == []


def test_the_application_closes() -> None:
    async def closes(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "websocket"
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.close", "code": 4001, "reason": "no"})

    with serve(closes, websocket_close_seconds=30) as served, connected(served) as client:
        polite, rude = client.open(), client.open()
        client.expect(polite, frame(0x88, b"\x0f\xa1no"))
        client.send(polite, masked(0x88, b"\x0f\xa1no"))
        client.until(lambda: client.ended.get(polite) == "ended")
        assert rude not in client.ended
        served.pass_time(32)
        client.until(lambda: client.ended.get(rude) == "reset 8")  # it does not answer our Close
        assert served.log.entries == []


def test_an_application_that_hesitates_is_a_504() -> None:
    async def hesitates(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "websocket"
        await asyncio.sleep(60)

    with serve(hesitates, websocket_handshake_seconds=SHORT) as served, connected(served) as client:
        stream_id = client.connect()
        client.until(lambda: stream_id in client.ended)
        assert client.status[stream_id][":status"] == "504"
        assert len(served.log.messages(Level.ERROR)) == 1


def test_a_silent_peer_is_pinged_and_then_reset() -> None:
    echo = Echo()
    with serve(echo, websocket_ping_seconds=SHORT) as served, connected(served) as client:
        stream_id = client.open()
        client.until(lambda: stream_id in client.ended)
        assert (client.data[stream_id], client.ended[stream_id]) == (b"\x89\x00", "reset 8")
        wait_for(lambda: echo.ends == [(1006, "")])


def test_an_application_that_does_not_read_gives_no_credit() -> None:  # RFC 9113 §5.2
    release = asyncio.Event()
    count = 0

    async def late(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal count
        assert scope["type"] == "websocket"
        await receive()
        await send({"type": "websocket.accept"})
        await release.wait()
        while (await receive())["type"] == "websocket.receive":
            count += 1

    message = masked(0x82, bytes(30_000))
    settings: Any = {"http2_stream_window_octets": 70_000, "body_buffer_octets": 65536}
    with serve(late, **settings) as served, connected(served) as client:
        stream_id = client.open()
        sent = 0
        while (window := client.h2.local_flow_control_window(stream_id)) >= len(message):
            client.h2.send_data(stream_id, message[:16_000])
            client.h2.send_data(stream_id, message[16_000:])
            client.flush()
            sent += 1
            client.peer.socket.settimeout(SHORT)
            with contextlib.suppress(TimeoutError):
                client.until(lambda window=window: client.h2.local_flow_control_window(stream_id) > window)
            assert sent < 20
        client.peer.socket.settimeout(10)
        served.loop.call_soon_threadsafe(release.set)
        client.until(lambda: client.h2.local_flow_control_window(stream_id) > len(message))
        wait_for(lambda: count == sent)


@pytest.mark.parametrize("waits", [True, False])
def test_a_peer_that_gives_no_credit(waits: bool) -> None:
    sent = 0
    errors: list[str] = []

    async def floods(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal sent
        assert scope["type"] == "websocket"
        await receive()
        await send({"type": "websocket.accept"})
        try:
            while True:
                await send({"type": "websocket.send", "bytes": bytes(10_000)})
                sent += 1
        except OSError as error:
            errors.append(type(error).__name__)

    settings: Any = {"write_stall_seconds": 5 * SHORT, "websocket_outbox_octets": 1 << 20}
    with serve(floods, websocket_send_waits=waits, **settings) as served, connected(served) as client:
        client.credit = False
        stream_id = client.open()
        client.until(lambda: stream_id in client.ended)
        wait_for(lambda: errors == ["ClientDisconnected"])
        assert sent < 30 if waits else 100 < sent < 200
        assert not served.log.messages(Level.ERROR)


def test_a_peer_that_takes_no_notice_of_a_failure_is_reset_and_the_others_on_its_connection_go_on() -> None:
    # The link's own deadline for writing comes first here; its transport is a stream, which has no socket to reset.
    with serve(Echo(), write_stall_seconds=SHORT, linger_seconds=30.0) as served, connected(served) as client:
        failed, other = client.open(), client.open()
        client.send(failed, b"\xf1\x80" + KEY)  # reserved bits
        client.until(lambda: failed in client.ended)
        client.send(other, masked(0x81, b"hello"))
        client.expect(other, frame(0x81, b"hello"))
        assert not served.log.messages(Level.ERROR)


def test_what_waited_for_credit_arrives_in_order() -> None:  # RFC 9113 §5.2
    messages = [number.to_bytes(2, "big") * 5000 for number in range(60)]

    async def sends(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "websocket"
        await receive()
        await send({"type": "websocket.accept"})
        for message in messages:
            await send({"type": "websocket.send", "bytes": message})
        await send({"type": "websocket.close"})

    with serve(sends, websocket_send_waits=False) as served, connected(served) as client:
        stream_id = client.open()
        client.expect(stream_id, b"".join(frame(0x82, message) for message in messages) + frame(0x88, b"\x03\xe8"))


def test_at_drain_each_stream_is_told_1012() -> None:
    echo = Echo()
    with serve(echo) as served, connected(served) as client:
        streams = [client.open(), client.open()]
        drained = served.submit(served.server.drain(5))
        told = frame(0x88, b"\x03\xf4the server restarts")
        for _ in streams:  # the h2 library takes no frame after a GOAWAY
            client.peer.read_until(told)
        for stream_id in streams:
            close = masked(0x88, b"\x03\xf4")
            client.peer.send(len(close).to_bytes(3, "big") + b"\0\0" + stream_id.to_bytes(4, "big") + close)
        client.peer.send(b"\0\0\x08\x06\x01\0\0\0\0draining")  # a PING's answer: it has read the GOAWAY
        drained.result(20)
        assert [code for code, _ in echo.ends] == [1012, 1012]


def test_an_opening_is_logged_once(tmp_path: Path) -> None:
    file = tmp_path / "access.log"
    with serve(Echo(), access_log=True, access_log_file=str(file), access_log_format="json") as served:
        with connected(served) as client:
            for _ in range(2):
                stream_id = client.open()
                client.send(stream_id, masked(0x88, b""), ended=True)
                client.until(lambda stream_id=stream_id: stream_id in client.ended)
        wait_for(lambda: served.server.open_connections == 0)
        entries = logged_requests(file, 2)
    assert [(entry["status"], entry["target"]) for entry in entries] == [(200, "/chat?room=7")] * 2
    assert len(file.read_text().splitlines()) == 2
