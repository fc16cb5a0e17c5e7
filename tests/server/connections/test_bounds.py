"""Everything has a bound: each is met by a real slow or fat client, and each test fails when the setting is ignored.

A test shows both sides: what stays under the bound is served, what goes over it is not.
"""

import asyncio
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from fixtures.requests import get, post
from fixtures.serving import Peer, serve, wait_for
from veche.asgi import Message, Receive, Scope, Send

SHORT = 0.2
LONG = 30.0


async def hello(scope: Scope, receive: Receive, send: Send) -> None:
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"hello"})


def answer_to_drops(peer: Peer, octets: bytes) -> bytes:
    """What the server says to a client that sends an octet each 20 ms; fails when it takes 300 of them."""
    peer.socket.settimeout(0.02)
    for octet in octets[:300]:
        try:
            peer.send(bytes([octet]))
            peer.received += peer.socket.recv(1000)
        except TimeoutError:
            continue
        except ConnectionError:
            break
        if peer.received:
            break
    else:
        pytest.fail("who sends so slowly is read for ever")
    return bytes(peer.received)


async def reader(scope: Scope, receive: Receive, send: Send) -> None:
    assert scope["type"] == "http"
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        size += len(message["body"])
        if not message["more_body"]:
            break
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"%d" % size})


# The five of issue 2


def test_rule_18_a_head_that_comes_too_slowly_is_answered_408() -> None:
    with serve(hello, head_timeout_seconds=SHORT) as served:
        began = time.monotonic()
        with served.connect() as peer:
            assert answer_to_drops(peer, get(b"X: " + b"a" * 10000)).startswith(b"HTTP/1.1 408 ")
        assert time.monotonic() - began > SHORT


def test_rule_18_the_time_for_a_head_is_absolute_and_answered_408() -> None:
    with serve(hello, head_timeout_seconds=SHORT) as served, served.connect() as peer:
        peer.send(b"GET / HTTP/1.1\r\nHost: a\r\n")
        assert peer.read_response()[0] == 408
        assert peer.read_to_end() == b""
        assert served.server.requests_served == 0


def test_a_connection_that_says_nothing_is_closed_without_a_word() -> None:
    with serve(hello, head_timeout_seconds=SHORT) as served, served.connect() as peer:
        assert peer.read_to_end() == b""


def test_a_head_in_time_is_served() -> None:
    with serve(hello, head_timeout_seconds=LONG, keep_alive_seconds=SHORT) as served, served.connect() as peer:
        octets = get()
        peer.send(octets[:10])
        assert peer.is_open(0.7)
        peer.send(octets[10:])
        assert peer.read_response()[0] == 200


def test_rule_18_a_body_that_stalls_is_answered_408() -> None:
    with serve(reader, body_stall_seconds=SHORT) as served, served.connect() as peer:
        peer.send(post(b"abc", b"Content-Length: 5"))
        assert peer.read_response()[0] == 408
        assert peer.read_to_end() == b""


def test_rule_18_a_body_that_drips_below_the_least_rate_is_answered_408() -> None:
    with (
        serve(reader, body_stall_seconds=SHORT, body_least_octets_per_second=1000) as served,
        served.connect() as peer,
    ):
        peer.send(post(b"", b"Content-Length: 100000"))
        assert answer_to_drops(peer, b"a" * 1000).startswith(b"HTTP/1.1 408 ")


class CountingReader:
    """Reads a body, and says how far it is."""

    def __init__(self) -> None:
        self.octets = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def counted() -> Message:
            message = await receive()
            self.octets += len(message.get("body", b""))
            return message

        await reader(scope, counted, send)


def test_a_body_above_the_least_rate_may_take_long() -> None:
    counting = CountingReader()
    with (
        serve(counting, body_stall_seconds=LONG, body_least_octets_per_second=10) as served,
        served.connect() as peer,
    ):
        peer.send(post(b"", b"Content-Length: 1500"))
        for number in range(1, 5):
            peer.send(b"a" * 300)
            wait_for(lambda: counting.octets == 300 * number, "the part to be read")  # noqa: B023  # called at once
            served.pass_time(LONG + 2)
        peer.send(b"a" * 300)
        assert peer.read_response()[2] == b"1500"


def test_what_came_in_time_is_served_though_the_loop_stood_still_until_its_deadline_was_over() -> None:
    standing = threading.Event()

    async def blocks(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        if scope["path"] == "/block":
            standing.set()
            time.sleep(2.5)  # this fault of an application is the matter of this test
        await reader(scope, receive, send)

    with (
        serve(blocks, head_timeout_seconds=1.0, body_stall_seconds=1.0, request_seconds=1.0) as served,
        served.connect() as slow_head,
        served.connect() as slow_body,
        served.connect() as waiting,
        served.connect() as blocking,
    ):
        slow_head.send(b"GET / HTTP/1.1\r\n")
        slow_body.send(post(b"ab", b"Content-Length: 4"))
        blocking.send(get(line=b"GET /block HTTP/1.1"))
        assert standing.wait(10)
        slow_head.send(b"Host: a\r\n\r\n")
        slow_body.send(b"cd")
        waiting.send(get())
        assert slow_head.read_response()[2] == b"0"
        assert slow_body.read_response()[2] == b"4"
        assert waiting.read_response()[2] == b"0"


def test_a_loop_that_stands_still_again_and_again_gives_nobody_up_who_would_be_in_time() -> None:
    async def blocks(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        if scope["path"] == "/block":
            time.sleep(0.6)  # this fault of an application is the matter of this test
        elif scope["path"] == "/turns":
            for _ in range(5):
                await asyncio.sleep(0.01)
        await hello(scope, receive, send)

    with (
        serve(blocks, head_timeout_seconds=1.0, request_seconds=1.0, linger_seconds=0.2) as served,  # ticks of 0.1 s
        served.connect() as blocking,
        served.connect() as slow_head,
        ExitStack() as opened,
    ):
        waiting = [opened.enter_context(served.connect()) for _ in range(5)]
        slow_head.send(b"GET / HTTP/1.1\r\n")
        for number in range(6):
            blocking.send(get(line=b"GET /block HTTP/1.1"))
            if number < len(waiting):
                waiting[number].send(get(line=b"GET /turns HTTP/1.1"))
            if number == 1:
                slow_head.send(b"Host: a\r\n\r\n")  # within a second and a bit, of which the loop was blocked for most
            assert blocking.read_response()[0] == 200
        for peer in (slow_head, *waiting):
            assert peer.read_response()[0] == 200


def test_a_loop_that_always_stands_still_lets_go_of_the_slow_all_the_same() -> None:
    async def blocks(scope: Scope, receive: Receive, send: Send) -> None:
        time.sleep(0.3)  # three ticks
        await hello(scope, receive, send)

    over = threading.Event()

    def ask_again_and_again(peer: Peer) -> None:
        while not over.is_set():
            peer.send(get())
            assert peer.read_response()[0] == 200

    with (
        serve(blocks, head_timeout_seconds=SHORT) as served,
        served.connect() as busy,
        served.connect() as slow,
        ThreadPoolExecutor(1) as pool,
    ):
        asking = pool.submit(ask_again_and_again, busy)
        slow.send(b"GET / HTTP/1.1\r\n")
        try:
            assert slow.read_response()[0] == 408
        finally:
            over.set()
        asking.result(10)


def test_an_application_that_does_not_answer_is_cancelled_and_answered_504() -> None:
    ends: list[str] = []

    async def sleeps(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        if scope["path"] == "/sleep":
            try:
                await asyncio.sleep(1000)
            except asyncio.CancelledError:
                ends.append("cancelled")
                raise
        await hello(scope, receive, send)

    with serve(sleeps, request_seconds=SHORT) as served, served.connect() as peer:
        peer.send(get(line=b"GET /sleep HTTP/1.1") + get())
        assert peer.read_response()[0] == 504
        assert peer.read_response()[2] == b"hello"  # of the same worker, on the same connection
        assert ends == ["cancelled"]
        [(message, _, fields)] = served.log.entries
        assert message.startswith("GET /sleep from 127.0.0.1:")
        assert "in sleeps" in str(fields["traceback"])  # taken before the cancellation


def test_an_application_that_ignores_its_cancellation_still_counts() -> None:
    release = threading.Event()

    async def stubborn(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        while not release.is_set():
            try:
                await asyncio.sleep(0.01)
            except asyncio.CancelledError:
                continue
        await hello(scope, receive, send)

    with serve(stubborn, request_seconds=SHORT) as served:
        assert served.ask(get())[0] == 504
        service = served.server._service
        assert service is not None
        assert service.bridge.running == 1
        release.set()
        wait_for(lambda: service.bridge.running == 0)


def test_a_response_that_streams_is_not_bounded_by_the_deadline_of_its_start() -> None:
    async def stream(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(8):
            await send({"type": "http.response.body", "body": b"part ", "more_body": True})
            await asyncio.sleep(0.1)
        await send({"type": "http.response.body"})

    with serve(stream, request_seconds=SHORT) as served:
        assert served.ask(get())[2] == b"part " * 8


def test_a_request_that_takes_long_to_arrive_is_not_late() -> None:
    counting = CountingReader()
    with serve(counting, request_seconds=LONG, body_stall_seconds=600) as served, served.connect() as peer:
        peer.send(post(b"", b"Content-Length: 40"))
        for number in range(1, 4):
            peer.send(b"a" * 10)
            wait_for(lambda: counting.octets == 10 * number, "the part to be read")  # noqa: B023  # called at once
            served.pass_time(LONG + 2)
        peer.send(b"a" * 10)
        assert peer.read_response()[2] == b"40"


@pytest.mark.parametrize("lines", [(), (b"Expect: 100-continue",)])
def test_an_application_that_neither_reads_nor_answers_is_answered_504(lines: tuple[bytes, ...]) -> None:
    async def sleeps(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        await asyncio.sleep(1000)

    with serve(sleeps, request_seconds=SHORT, body_buffer_octets=1000) as served, served.connect() as peer:
        peer.send(post(b"" if lines else b"a" * 5000, b"Content-Length: 100000", *lines))
        assert peer.read_response()[0] == 504


def test_the_deadline_of_requests_can_be_off() -> None:
    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        await asyncio.sleep(0.6)
        await hello(scope, receive, send)

    with serve(slow, request_seconds=0, keep_alive_seconds=SHORT) as served:
        assert served.ask(get())[0] == 200


def test_an_idle_connection_is_closed_after_the_keep_alive_time() -> None:
    with serve(hello, keep_alive_seconds=SHORT) as served, served.connect() as peer:
        began = time.monotonic()
        peer.send(get())
        assert peer.read_response()[0] == 200
        assert peer.read_to_end() == b""  # it would last 75 seconds
        assert time.monotonic() - began > SHORT


def test_an_idle_connection_is_kept_until_then() -> None:
    with (
        serve(hello, keep_alive_seconds=LONG, head_timeout_seconds=SHORT) as served,
        served.connect() as peer,
    ):
        peer.send(get())
        assert peer.read_response()[0] == 200
        assert peer.is_open(0.7)
        peer.send(get())
        assert peer.read_response()[0] == 200


def test_a_head_with_too_many_octets_is_431() -> None:
    with serve(hello, head_limit_octets=1000) as served:
        assert served.ask(get(b"X: " + b"a" * 900))[0] == 200
        assert served.ask(get(b"X: " + b"a" * 1000))[0] == 431
        assert served.ask(b"GET / HTTP/1.1\r\nX: " + b"a" * 1000)[0] == 431  # without waiting for its end


def test_a_body_with_too_many_octets_is_413() -> None:
    with serve(reader, body_limit_octets=1000) as served:
        assert served.ask(post(b"a" * 1000, b"Content-Length: 1000"))[2] == b"1000"
        assert served.ask(post(b"", b"Content-Length: 1001"))[0] == 413
        assert served.ask(post(b"3e9\r\n", b"Transfer-Encoding: chunked"))[0] == 413
        assert served.ask(post(b"1f4\r\n" + b"a" * 500 + b"\r\n" + b"1f5\r\n", b"Transfer-Encoding: chunked"))[0] == 413


# The others


def test_a_long_request_line_is_414() -> None:
    with serve(hello, request_line_limit_octets=100) as served:
        assert served.ask(get(line=b"GET /" + b"a" * 80 + b" HTTP/1.1"))[0] == 200
        assert served.ask(get(line=b"GET /" + b"a" * 90 + b" HTTP/1.1"))[0] == 414


def test_too_many_field_lines_are_431() -> None:
    with serve(hello, head_limit_fields=5) as served:
        assert served.ask(get(*[b"A: b"] * 4))[0] == 200
        assert served.ask(get(*[b"A: b"] * 5))[0] == 431


def test_a_peer_that_does_not_read_is_cut_and_its_application_told() -> None:
    outcome: list[str] = []

    async def floods(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        await send({"type": "http.response.start", "status": 200, "headers": []})
        try:
            while True:
                await send({"type": "http.response.body", "body": b"a" * 65536, "more_body": True})
        except OSError as error:
            outcome.append(type(error).__name__)
            raise

    with serve(floods, write_stall_seconds=SHORT) as served, served.connect() as peer:
        peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        peer.send(get())
        wait_for(lambda: outcome, "the cut")
        assert outcome == ["ClientDisconnected"]
        assert served.log.entries == []  # the client's fault is not the application's


def test_the_kernel_keeps_nothing_for_a_peer_that_was_cut_because_it_did_not_read() -> None:
    async def floods(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while True:
            await send({"type": "http.response.body", "body": b"a" * 65536, "more_body": True})

    with serve(floods, write_stall_seconds=SHORT) as served, served.connect() as peer:
        peer.send(get())
        peer.read_until(b"\r\n\r\n")
        wait_for(lambda: served.server.open_connections == 0, "the cut")
        with pytest.raises(ConnectionResetError):  # an end in good order waits in the kernel until it is read
            while peer.socket.recv(1 << 20):
                pass


def test_an_application_waits_for_a_slow_reader() -> None:
    sent = 0

    async def floods(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal sent
        assert scope["type"] == "http"
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(300):
            await send({"type": "http.response.body", "body": b"a" * 65536, "more_body": True})
            sent += 65536
        await send({"type": "http.response.body"})

    with serve(floods, write_buffer_octets=65536) as served, served.connect() as peer:
        peer.send(get())
        last = -1
        while sent != last:  # until the buffers of both kernels are full
            last = sent
            time.sleep(0.2)
        assert sent < 15 * 1024 * 1024
        assert len(peer.read_response()[2]) == 300 * 65536


def test_the_socket_is_not_read_while_the_application_does_not() -> None:
    release = threading.Event()

    async def late_reader(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        while not release.is_set():
            await asyncio.sleep(0.01)
        await reader(scope, receive, send)

    size = 32 * 1024 * 1024
    with serve(late_reader, body_buffer_octets=65536, body_stall_seconds=LONG) as served, served.connect() as peer:
        peer.send(post(b"", b"Content-Length: %d" % size))
        peer.socket.settimeout(0.5)
        sent = 0
        with pytest.raises(TimeoutError):
            while sent < size:
                sent += peer.socket.send(b"a" * min(65536, size - sent))
        served.pass_time(LONG + 2)  # the stall time must not run while we do not read
        release.set()
        peer.socket.settimeout(10)
        while sent < size:
            sent += peer.socket.send(b"a" * min(65536, size - sent))
        assert peer.read_response()[2] == b"%d" % size


def test_rule_16_lingering_after_an_error_is_bounded_in_time_and_octets() -> None:
    with serve(hello, linger_seconds=SHORT) as served, served.connect() as peer:
        peer.send(b"BAD\r\n\r\n")
        peer.read_response()
        wait_for(lambda: served.server.open_connections == 0, "the end of lingering")
    with serve(hello, linger_seconds=LONG) as served, served.connect() as peer:
        peer.send(b"BAD\r\n\r\n")
        with pytest.raises(OSError):
            for _ in range(10000):
                peer.send(b"a" * 65536)


def test_rule_18_connections_over_the_limit_wait_in_the_kernel() -> None:
    with serve(hello, connection_limit=2) as served:
        first, second = (served.connect() for _ in range(2))
        wait_for(lambda: served.server.open_connections == 2)
        third = served.connect()
        third.send(get())
        assert third.is_open(0.3)
        assert third.received == b""
        first.socket.close()
        assert third.read_response()[0] == 200
        second.socket.close()
        third.socket.close()


def test_a_silent_connection_delays_nobody() -> None:  # issue 2, system 4
    with serve(hello, head_timeout_seconds=LONG) as served:
        silent = [served.connect() for _ in range(50)]
        half = [served.connect() for _ in range(50)]
        for peer in half:
            peer.send(b"GET / HTTP/1.1\r\n")
        assert served.ask(get())[0] == 200  # long before their deadline, or the client gives up
        for peer in silent + half:
            peer.socket.close()
