"""HTTP/2 responses, deadlines and the end of a connection, with a raw client over a real socket (RFC 9113)."""

import asyncio
import contextlib
import socket
import struct
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hpack import Decoder

from fixtures.http2 import (
    ACK,
    DATA,
    END_HEADERS,
    END_STREAM,
    GET,
    GOAWAY,
    HEADERS,
    OPENING,
    PING,
    POST,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    Frame,
    data,
    frame,
    headers,
    rst_stream,
    settings,
    split_frames,
    window_update,
)
from fixtures.serving import Served, serve, wait_for
from veche.log import Level
from veche.server.connections.http2 import Http2Connection
from veche.wire.h2 import PREFACE, ErrorCode

Application = Callable[[dict[str, Any], Any, Any], Any]


class Client:
    """A raw HTTP/2 client."""

    def __init__(self, connected: socket.socket, opening: bytes = OPENING + frame(SETTINGS, ACK)) -> None:
        self.socket = connected
        self.socket.settimeout(10)
        self.decoder = Decoder()
        self.was_reset = False
        self._octets = b""
        self._frames: list[Frame] = []
        self.send(opening)

    def send(self, *octets: bytes) -> None:
        self.socket.sendall(b"".join(octets))

    def next_frame(self) -> Frame | None:
        """Return the next frame; None at the end of the connection."""
        while not self._frames:
            try:
                octets = self.socket.recv(65536)
            except ConnectionResetError:
                self.was_reset = True
                return None
            if not octets:
                return None
            self._frames, self._octets = split_frames(self._octets + octets)
        return self._frames.pop(0)

    def frames_until(self, kind: int, *, stream_id: int | None = None) -> list[Frame]:
        """Return frames up to and with the first of this kind."""
        frames = []
        while (one := self.next_frame()) is not None:
            frames.append(one)
            if one.kind == kind and stream_id in (None, one.stream_id):
                return frames
        raise AssertionError(f"the connection ended; it brought {frames}")

    def until_end_of(self, stream_id: int) -> list[Frame]:
        """Return the stream's frames, up to END_STREAM or RST_STREAM."""
        frames = []
        while (one := self.next_frame()) is not None:
            if one.stream_id == stream_id and one.kind in (HEADERS, DATA, RST_STREAM):
                frames.append(one)
                if one.kind == RST_STREAM or one.flags & END_STREAM:
                    return frames
        raise AssertionError(f"the connection ended; it brought {frames}")

    def fields(self, one: Frame) -> dict[str, str]:
        return {str(name): str(value) for name, value in self.decoder.decode(one.payload)}

    def answer(self, stream_id: int) -> tuple[dict[str, str], bytes]:
        """Return the fields and the body of a whole response."""
        frames = self.until_end_of(stream_id)
        assert frames[0].kind == HEADERS, frames
        assert frames[-1].kind != RST_STREAM, frames
        return self.fields(frames[0]), b"".join(f.payload for f in frames if f.kind == DATA)

    def code_at_end(self) -> ErrorCode | None:
        """Return the code of the last GOAWAY before the connection ended."""
        code = None
        while (one := self.next_frame()) is not None:
            if one.kind == GOAWAY:
                code = one.code
        return code


@contextlib.contextmanager
def connected(served: Served, opening: bytes = OPENING + frame(SETTINGS, ACK)) -> Iterator[Client]:
    with socket.create_connection(served.address) as connection:
        yield Client(connection, opening)


def answering(*messages: dict[str, Any]) -> Application:
    """An application that sends these messages."""

    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        for message in messages:
            await send(message)

    return application


def start(status: int = 200, *fields: tuple[bytes, bytes], **more: Any) -> dict[str, Any]:
    return {"type": "http.response.start", "status": status, "headers": list(fields), **more}


def body(octets: bytes = b"", *, more: bool = False) -> dict[str, Any]:
    return {"type": "http.response.body", "body": octets, "more_body": more}


# Responses.


def test_a_response_has_date_and_length_and_no_connection_fields() -> None:  # §8.2.2
    application = answering(
        start(200, (b"Content-Type", b" text/plain "), (b"connection", b"close"), (b"transfer-encoding", b"chunked")),
        body(b"hello"),
    )
    with serve(application) as served, connected(served) as client:
        client.send(headers(1))
        fields, octets = client.answer(1)
        assert octets == b"hello"
        assert fields.pop("date").endswith("GMT")
        assert fields == {":status": "200", "content-type": "text/plain", "content-length": "5"}


@pytest.mark.parametrize(
    ("method", "status", "length"), [("HEAD", 200, "5"), ("GET", 204, None), ("GET", 304, "5"), ("GET", 205, "0")]
)
def test_responses_without_a_body_end_with_their_head(method: str, status: int, length: str | None) -> None:
    fields = [(b"content-length", b"5")] if status not in (205,) else []
    octets = b"hello" if method == "HEAD" else b""
    with serve(answering(start(status, *fields), body(octets))) as served, connected(served) as client:
        client.send(headers(1, [(":method", method), *GET[1:]]))
        [head] = client.until_end_of(1)
        assert client.fields(head).get("content-length") == length


@pytest.mark.parametrize(
    "field", [(b"x", b"a\r\nb: c"), (b"x", b"a\x00"), (b"a b", b"x"), (b"", b"x"), (b"x:", b"y"), ("x", b"y")]
)
def test_a_field_that_cannot_be_sent_is_a_500_and_the_connection_lives(field: Any) -> None:  # CVE-2018-1000164
    with serve(answering(start(200, field), body(b"x"))) as served, connected(served) as client:
        client.send(headers(1))
        assert client.answer(1)[0][":status"] == "500"
        client.send(headers(3))
        assert client.answer(3)[0][":status"] == "500"
        assert served.log.messages(Level.ERROR)


def test_an_application_that_fails_is_a_500_or_a_reset() -> None:
    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        if scope["path"] == "/late":
            await send(start(200))
            await send(body(b"a", more=True))
        raise ValueError("broken")

    with serve(application) as served, connected(served) as client:
        client.send(headers(1))
        assert client.answer(1)[0][":status"] == "500"
        client.send(headers(3, [*GET[:3], (":path", "/late")]))
        last = client.until_end_of(3)[-1]
        assert (last.kind, last.code) == (RST_STREAM, ErrorCode.INTERNAL_ERROR)
        client.send(headers(5))
        assert client.answer(5)[0][":status"] == "500"


@pytest.mark.parametrize("octets", [b"abc", b"abcdefgh"])
def test_a_body_that_is_not_as_long_as_it_said_is_never_sent_as_whole(octets: bytes) -> None:
    with serve(answering(start(200, (b"content-length", b"5")), body(octets))) as served, connected(served) as client:
        client.send(headers(1))
        assert client.answer(1)[0][":status"] == "500"


def test_interim_responses_and_trailers() -> None:  # §8.1; RFC 8297
    application = answering(
        {"type": "http.response.early_hint", "links": [b"</style.css>; rel=preload"]},
        start(200, (b"trailer", b"x-sum"), trailers=True),
        body(b"hello"),
        {"type": "http.response.trailers", "headers": [(b"x-sum", b"1")], "more_trailers": False},
    )
    with serve(application) as served, connected(served) as client:
        served.pass_time(0)  # nothing of it waits for a tick: there is none any more
        client.send(headers(1, [*GET, ("te", "trailers")]))
        frames = client.until_end_of(1)
        assert [f.kind for f in frames] == [HEADERS, HEADERS, DATA, HEADERS], served.log.entries
        assert client.fields(frames[0])[":status"] == "103"
        assert client.fields(frames[1])[":status"] == "200"
        assert client.fields(frames[3]) == {"x-sum": "1"}


def test_a_file_is_sent_in_pieces() -> None:
    octets = bytes(range(256)) * 2000
    with tempfile.NamedTemporaryFile() as file:
        file.write(octets)
        file.flush()
        application = answering(
            start(200, (b"content-length", b"%d" % len(octets))),
            {"type": "http.response.pathsend", "path": file.name},
        )
        with serve(application) as served, connected(served) as client:
            client.send(window_update(0, 2**20), settings(window=2**20), headers(1))
            assert client.answer(1)[1] == octets


def test_a_head_larger_than_a_frame_goes_in_several() -> None:  # §6.10
    field = (b"x-long", b"y" * 40_000)
    with serve(answering(start(200, field), body(b"x"))) as served, connected(served) as client:
        client.send(headers(1))
        frames = client.frames_until(DATA)
        blocks = [f for f in frames if f.kind in (HEADERS, 9)]
        assert len(blocks) == 3
        whole = Frame(HEADERS, END_HEADERS, 1, b"".join(f.payload for f in blocks))
        assert client.fields(whole)["x-long"] == "y" * 40_000


def test_100_continue_when_the_application_reads() -> None:  # RFC 9110 §10.1.1
    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        message = await receive()
        await send(start())
        await send(body(message["body"]))

    with serve(application) as served, connected(served) as client:
        client.send(headers(1, [*POST, ("expect", "100-continue"), ("content-length", "3")], ended=False))
        [interim] = [f for f in client.frames_until(HEADERS) if f.kind == HEADERS]
        assert client.fields(interim) == {":status": "100"}
        client.send(data(1, b"abc", ended=True))
        assert client.answer(1)[1] == b"abc"


def test_answers_to_one_read_leave_in_one_write() -> None:
    with serve(answering(start(), body(b"x"))) as served, connected(served) as client:
        client.send(frame(PING, 0, 0, bytes(8)))
        client.frames_until(PING)
        client.send(*[headers(n) for n in range(1, 41, 2)])
        frames, rest = split_frames(client.socket.recv(65536))
        assert len([f for f in frames if f.kind == DATA]) == 20
        assert not rest


def test_a_request_without_the_rest_of_its_body_is_answered_and_let_go() -> None:  # §8.1
    with serve(answering(start(), body(b"enough")), linger_seconds=0.1) as served, connected(served) as client:
        client.send(headers(1, POST, ended=False))
        assert client.answer(1)[1] == b"enough"
        [reset] = [f for f in client.frames_until(RST_STREAM) if f.kind == RST_STREAM]
        assert reset.code == ErrorCode.NO_ERROR
        client.send(headers(3, POST, ended=False), data(3, b"all of it", ended=True))
        assert client.answer(3)[1] == b"enough"


# Flow control.


async def endless(scope: dict[str, Any], receive: Any, send: Any) -> None:
    assert scope["type"] == "http"
    await send(start())
    while True:
        await send(body(b"x" * 10_000, more=True))
        endless_parts.append(1)


endless_parts: list[int] = []


def test_an_application_waits_while_the_window_is_closed() -> None:  # §5.2
    endless_parts.clear()
    with serve(endless) as served, connected(served) as client:
        client.send(headers(1))
        received = 0
        while received < 65535:
            [*_, part] = client.frames_until(DATA)
            received += len(part.payload)
        client.send(frame(PING, 0, 0, bytes(8)))
        client.frames_until(PING)
        assert len(endless_parts) <= 8  # 65,535 octets and the part that waits
        client.send(window_update(0, 20_000), window_update(1, 20_000))
        while received < 85535:
            [*_, part] = client.frames_until(DATA)
            received += len(part.payload)
        assert len(endless_parts) <= 10


def test_a_stream_whose_window_stays_closed_is_reset_whatever_is_pinged_GHSA_xj8g_532w_jv94() -> None:
    with serve(endless, write_stall_seconds=0.2) as served, connected(served) as client:
        client.send(headers(1))
        for _ in range(250):
            client.send(frame(PING, 0, 0, bytes(8)))
            reset = [f for f in client.frames_until(PING) if f.kind == RST_STREAM]
            if reset:
                assert reset[0].code == ErrorCode.CANCEL
                return
            time.sleep(0.02)
        raise AssertionError("the stream was not reset")


def test_credit_comes_when_the_application_has_read() -> None:  # facts §5.3, gunicorn #3717
    go_on = threading.Event()

    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        while not go_on.is_set():
            await asyncio.sleep(0.01)
        octets = 0
        while True:
            message = await receive()
            octets += len(message["body"])
            if not message["more_body"]:
                break
        await send(start())
        await send(body(b"%d" % octets))

    with (
        serve(application, http2_stream_window_octets=1000, http2_connection_window_octets=65535) as served,
        connected(served) as client,
    ):
        client.send(headers(1, POST, ended=False), data(1, b"x" * 1000), frame(PING, 0, 0, bytes(8)))
        assert WINDOW_UPDATE not in [f.kind for f in client.frames_until(PING)]
        go_on.set()
        [*_, credit] = client.frames_until(WINDOW_UPDATE, stream_id=1)
        assert credit.payload == struct.pack(">I", 1000)
        client.send(data(1, b"x" * 1000, ended=True))
        assert client.answer(1)[1] == b"2000"


def test_bodies_that_were_read_give_the_connection_its_window_back_while_their_requests_run() -> None:
    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        while (await receive()).get("more_body"):
            pass
        await send(start())
        await send(body(b"read", more=True))
        await asyncio.sleep(60)

    with (
        serve(application, http2_stream_window_octets=60_000, http2_connection_window_octets=65535) as served,
        connected(served) as client,
    ):
        for stream_id in range(1, 17, 2):  # each sends less than half of the window, which is given back in large parts
            client.send(headers(stream_id, POST, ended=False))
            client.send(*[data(stream_id, b"x" * 15_000, ended=last) for last in (False, True)])
            client.frames_until(DATA, stream_id=stream_id)


# A client that has ended its side of TCP: nobody can open a window any more.


def end_of_input(client: Client, *octets: bytes) -> None:
    client.send(*octets)
    client.socket.shutdown(socket.SHUT_WR)


def until_the_end(client: Client) -> list[Frame]:
    """Return all frames up to the end of the connection, which must come long before any deadline."""
    client.socket.settimeout(10)
    frames = []
    while (one := client.next_frame()) is not None:
        frames.append(one)
    assert not client.was_reset
    return frames


PATIENT: dict[str, Any] = {"write_stall_seconds": 60, "linger_seconds": 60, "keep_alive_seconds": 60}


@pytest.mark.parametrize("window", ["stream", "connection"])
def test_after_the_clients_end_what_waits_for_a_closed_window_is_dropped_at_once(window: str) -> None:  # §6.9
    told: list[str] = []

    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        await receive()
        await send(start())
        try:
            while True:
                await send(body(b"x" * 10_000, more=True))
        except OSError:
            told.append((await receive())["type"])

    widened = window_update(1, 2**20) if window == "connection" else window_update(0, 2**20)
    with serve(application, **PATIENT) as served, connected(served) as client:
        client.send(headers(1), widened)
        received = 0
        while received < 65535:  # the window is closed now, and something waits
            received += len(client.frames_until(DATA)[-1].payload)
        end_of_input(client)
        frames = until_the_end(client)
        assert [f.code for f in frames if f.kind == RST_STREAM] == [ErrorCode.CANCEL]
        wait_for(lambda: told == ["http.disconnect"])


def test_after_the_clients_end_what_fits_the_windows_is_sent_and_then_the_connection_ends() -> None:
    go_on = asyncio.Event()

    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        await go_on.wait()
        await send(start())
        await send(body(b"x" * int(scope["path"][1:])))

    with serve(application, **PATIENT) as served, connected(served) as client:
        sizes = {1: 100, 3: 70_000, 5: 60_000, 7: 0}
        client.send(*[headers(n, [*GET[:3], (":path", f"/{size}")]) for n, size in sizes.items()])
        client.send(window_update(0, 60_100), frame(PING, 0, 0, bytes(8)))  # with what it was, all that is sent below
        client.frames_until(PING)
        end_of_input(client)
        served.loop.call_soon_threadsafe(go_on.set)
        frames = until_the_end(client)
        sent = {n: sum(len(f.payload) for f in frames if f.kind == DATA and f.stream_id == n) for n in sizes}
        assert sent == {1: 100, 3: 65_535, 5: 60_000, 7: 0}
        ended = {f.stream_id for f in frames if f.kind in (HEADERS, DATA) and f.flags & END_STREAM}
        assert ended == {1, 5, 7}
        assert [(f.stream_id, f.code) for f in frames if f.kind == RST_STREAM] == [(3, ErrorCode.CANCEL)]


def test_after_the_clients_end_a_request_that_was_never_whole_keeps_nothing_open() -> None:
    with serve(answering(start(), body(b"enough")), **PATIENT) as served, connected(served) as client:
        client.send(headers(1, POST, ended=False))
        assert client.answer(1)[1] == b"enough"
        end_of_input(client)
        assert [f.code for f in until_the_end(client) if f.kind == RST_STREAM] == [ErrorCode.NO_ERROR]


def test_after_the_clients_end_nothing_of_it_is_waited_for() -> None:
    """Neither the acknowledgement of our SETTINGS nor the rest of a frame: the answers are sent."""

    go_on = asyncio.Event()

    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        await receive()
        assert (await receive())["type"] == "http.disconnect"  # the end has come
        ended.set()
        await go_on.wait()
        await send(start())
        await send(body(b"patience"))

    ended = threading.Event()
    with (
        serve(application, http2_settings_seconds=30, head_timeout_seconds=30) as served,
        connected(served, OPENING) as client,
    ):
        end_of_input(client, headers(1), headers(3)[:12])
        assert ended.wait(10)
        for _ in range(2):
            served.pass_time(31)
        served.loop.call_soon_threadsafe(go_on.set)
        assert client.answer(1)[1] == b"patience"
        until_the_end(client)


def test_a_client_that_asks_and_ends_its_side_at_once_is_answered() -> None:
    with serve(answering(start(), body(b"x" * 5000)), **PATIENT) as served:
        for _ in range(50):
            with connected(served, b"") as client:
                end_of_input(client, OPENING, headers(1))
                assert client.answer(1)[1] == b"x" * 5000
                until_the_end(client)


# Deadlines and places.


def test_a_place_is_held_until_the_application_has_ended_CVE_2023_44487() -> None:
    running: list[int] = []
    release = asyncio.Event()

    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        running.append(1)
        await release.wait()

    with serve(application, http2_stream_limit=3) as served, connected(served) as client:
        for stream_id in (1, 3, 5):
            client.send(headers(stream_id), rst_stream(stream_id))
        client.send(headers(7))
        [reset] = client.until_end_of(7)
        assert reset.code == ErrorCode.REFUSED_STREAM
        assert len(running) == 3
        served.loop.call_soon_threadsafe(release.set)
        wait_for(lambda: served.server._service is not None and served.server._service.bridge.running == 0)
        client.send(headers(9))
        wait_for(lambda: len(running) == 4)


def test_settings_must_be_acknowledged_in_time() -> None:  # §6.5.3
    with serve(endless, http2_settings_seconds=0.2) as served, connected(served, OPENING) as client:
        assert client.code_at_end() == ErrorCode.SETTINGS_TIMEOUT


def test_a_header_block_must_arrive_in_time_however_busy_the_peer_is() -> None:
    with serve(endless, head_timeout_seconds=0.3) as served, connected(served) as client:
        client.send(frame(HEADERS, 0, 1, b""))
        with contextlib.suppress(OSError):
            for _ in range(20):  # absolute: these do not move it
                client.send(frame(9, 0, 1, b""))
                time.sleep(0.05)
        assert client.code_at_end() == ErrorCode.ENHANCE_YOUR_CALM


def test_a_frame_must_arrive_in_time() -> None:
    with serve(endless, head_timeout_seconds=0.2) as served, connected(served) as client:
        client.send(headers(1)[:12])
        assert client.code_at_end() == ErrorCode.ENHANCE_YOUR_CALM


def test_a_preface_must_arrive_in_time() -> None:
    with serve(endless, head_timeout_seconds=0.2) as served, connected(served, PREFACE[:20]) as client:
        assert client.code_at_end() is not None


def test_an_idle_connection_is_closed_whatever_is_pinged() -> None:
    application = answering(start(), body(b"x"))
    with serve(application, keep_alive_seconds=0.3) as served, connected(served) as client:
        began = time.monotonic()
        client.send(headers(1))
        client.answer(1)
        with contextlib.suppress(OSError):
            for _ in range(250):
                client.send(frame(PING, 0, 0, bytes(8)))
                if client.next_frame() is None:
                    break
                time.sleep(0.02)
            else:
                pytest.fail("it is kept as long as it is pinged")
        assert time.monotonic() - began > 0.3


def test_a_body_that_stalls_is_answered_408() -> None:
    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        while (await receive()).get("more_body"):
            pass

    with serve(application, body_stall_seconds=0.2) as served, connected(served) as client:
        client.send(headers(1, POST, ended=False), data(1, b"x"))
        frames = client.until_end_of(1)
        assert client.fields(frames[0])[":status"] == "408"
        client.send(frame(PING, 0, 0, bytes(8)))
        client.frames_until(PING)  # the connection goes on


def test_an_application_that_takes_too_long_is_answered_504() -> None:
    cancelled: list[bool] = []

    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    with serve(application, request_seconds=0.2) as served, connected(served) as client:
        client.send(headers(1))
        assert client.answer(1)[0][":status"] == "504"
        wait_for(lambda: cancelled)


def test_a_body_over_the_limit_is_answered_413() -> None:
    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        while (await receive()).get("more_body"):
            pass

    with serve(application, body_limit_octets=1000) as served, connected(served) as client:
        client.send(headers(1, POST, ended=False), data(1, b"x" * 600), data(1, b"x" * 600))
        frames = client.until_end_of(1)
        assert client.fields(frames[0])[":status"] == "413"


@pytest.mark.parametrize(
    ("setting", "provocation"),
    [
        ("http2_resets_received_limit", lambda n: headers(n) + rst_stream(n)),
        ("http2_resets_sent_limit", lambda n: headers(n) + window_update(n, 0)),
        ("http2_idle_frame_limit", lambda n: frame(PING, 0, 0, struct.pack(">Q", n))),
    ],
)
def test_budgets_are_settings(setting: str, provocation: Callable[[int], bytes]) -> None:
    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        await receive()
        await receive()  # until the stream is reset

    limits: Any = {setting: 5}
    with serve(application, **limits) as served:
        with connected(served) as client:
            client.send(*[provocation(2 * number + 1) for number in range(2)], frame(PING, 0, 0, bytes(8)))
            client.frames_until(PING)
        with connected(served) as client:
            client.send(*[provocation(2 * number + 1) for number in range(40)])
            assert client.code_at_end() == ErrorCode.ENHANCE_YOUR_CALM


def test_the_frames_of_a_block_and_the_requests_of_a_connection_are_settings() -> None:
    application = answering(start(), body(b"x"))
    with serve(application, http2_block_limit_frames=3, http2_request_limit=2) as served:
        with connected(served) as client:
            client.send(frame(HEADERS, 0, 1), *[frame(9, 0, 1)] * 3)
            assert client.code_at_end() == ErrorCode.ENHANCE_YOUR_CALM
        with connected(served) as client:
            client.send(headers(1), headers(3), headers(5))
            client.answer(1)
            client.answer(3)
            assert client.next_frame() is None or client.code_at_end() in (None, ErrorCode.NO_ERROR)


def test_a_client_that_goes_on_asking_after_the_last_request_loses_no_answer() -> None:  # §6.8
    with (
        serve(answering(start(), body(b"x" * 10_000)), http2_request_limit=2, linger_seconds=30) as served,
        connected(served) as client,
    ):
        client.send(headers(1), headers(3))
        for stream_id in range(5, 105, 2):
            client.send(headers(stream_id))
            time.sleep(0.001)
        frames = []
        while (one := client.next_frame()) is not None:
            frames.append(one)
        assert [len(f.payload) for f in frames if f.kind == DATA] == [10_000] * 2
        assert not client.was_reset


def test_answers_that_nobody_reads_end_the_connection() -> None:
    with (
        serve(endless, http2_queued_answer_limit=50, http2_idle_frame_limit=10**9) as served,
        connected(served) as client,
    ):
        ping = frame(PING, 0, 0, bytes(8)) * 10_000
        client.socket.settimeout(5)
        with contextlib.suppress(OSError):  # TimeoutError, when the server reads no more; or it has cut us
            for _ in range(2000):
                client.send(ping)
        wait_for(lambda: served.server.open_connections == 0)


# The end.


def test_a_drain_answers_what_is_on_its_way_and_closes() -> None:  # §6.8
    go_on = asyncio.Event()

    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        await go_on.wait()
        await send(start())
        await send(body(b"done"))

    with serve(application) as served, connected(served) as client:
        client.send(headers(1), frame(PING, 0, 0, bytes(8)))
        client.frames_until(PING)
        draining = served.submit(served.server.drain(5.0))
        *_, first = client.frames_until(GOAWAY)
        assert first.payload == struct.pack(">II", 2**31 - 1, 0)
        client.send(headers(3))  # crossed the GOAWAY
        *_, ping = client.frames_until(PING)
        client.send(frame(PING, ACK, 0, ping.payload))
        *_, last = client.frames_until(GOAWAY)
        assert last.payload == struct.pack(">II", 3, 0)
        served.loop.call_soon_threadsafe(go_on.set)
        assert client.answer(1)[1] == b"done"
        assert client.answer(3)[1] == b"done"
        assert client.next_frame() is None
        draining.result(20)


def test_a_drain_loses_no_answer_to_a_client_that_reads_late_and_asks_on() -> None:  # §6.8
    """It has not read the first GOAWAY, so it may open streams; closing on them would reset the connection."""
    with serve(answering(start(), body(b"x")), linger_seconds=10) as served, connected(served) as client:
        client.send(headers(1))
        client.answer(1)
        assert served.server._service is not None
        (connection,) = served.server._service.connections
        assert isinstance(connection, Http2Connection)
        draining = served.submit(served.server.drain(30.0))
        last_sent, unheard = 1, 20
        while unheard:  # until the grace of the drain is over, and then a while
            unheard -= connection.engine.refusing
            last_sent += 2
            client.send(headers(last_sent))
            time.sleep(0.01)
        client.socket.shutdown(socket.SHUT_WR)
        frames = until_the_end(client)
        goaways = [struct.unpack(">II", f.payload[:8]) for f in frames if f.kind == GOAWAY]
        [first, last] = goaways
        assert (first, last[1]) == ((2**31 - 1, 0), 0)
        assert last[0] < last_sent  # some were not processed, and are told so
        assert [f.stream_id for f in frames if f.kind == DATA] == list(range(3, last[0] + 1, 2))
        draining.result(20)


def test_a_client_that_leaves_is_told_to_its_applications() -> None:
    told: list[str] = []

    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        await receive()
        told.append((await receive())["type"])

    with serve(application) as served:
        with connected(served) as client:
            client.send(headers(1), headers(3), rst_stream(1))
            wait_for(lambda: len(told) == 1)
        wait_for(lambda: told == ["http.disconnect"] * 2)
