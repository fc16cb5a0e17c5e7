"""HTTP/1.x over real sockets: order, persistence, framing, errors (RFC 9112)."""

import asyncio
import socket
import threading
from typing import Any

import pytest

from fixtures.requests import get, post
from fixtures.serving import Peer, serve, wait_for
from veche.asgi import Receive, Scope, Send
from veche.log import Level


async def read_body(receive: Receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        assert message["type"] == "http.request"
        body += bytes(message["body"])
        if not message["more_body"]:
            return body


async def respond(send: Send, body: bytes, status: int = 200, headers: Any = ()) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with method, path and body."""
    assert scope["type"] == "http"
    body = await read_body(receive)
    await respond(send, f"{scope['method']} {scope['path']} ".encode() + body)


async def stream(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer in three pieces without a length."""
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for piece in (b"one", b"two", b"three"):
        await send({"type": "http.response.body", "body": piece, "more_body": True})
        await asyncio.sleep(0)
    await send({"type": "http.response.body"})


@pytest.mark.parametrize("plain_asyncio", [False, True])
def test_requests_follow_each_other_on_one_connection(plain_asyncio: bool) -> None:  # RFC 9112 §9.3
    with serve(echo, plain_asyncio=plain_asyncio) as served, served.connect() as peer:
        for number in range(3):
            peer.send(get(line=b"GET /%d HTTP/1.1" % number))
            assert peer.read_response()[2] == b"GET /%d " % number
        peer.send(post(b"hello", b"Content-Length: 5"))
        assert peer.read_response()[2] == b"POST / hello"
        assert served.server.open_connections == 1
        assert served.server.requests_served == 4
        assert served.log.entries == []


def test_pipelined_requests_are_answered_in_order() -> None:  # RFC 9112 §9.3.2
    running: list[str] = []

    async def slow_first(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        running.append(scope["path"])
        if scope["path"] == "/0":
            await asyncio.sleep(0.05)
            assert running == ["/0"]  # one at a time
        await respond(send, scope["path"].encode())

    with serve(slow_first) as served, served.connect() as peer:
        peer.send(b"".join(get(line=b"GET /%d HTTP/1.1" % number) for number in range(50)))
        assert [peer.read_response()[2] for _ in range(50)] == [b"/%d" % number for number in range(50)]


def test_pipelined_bodies_are_not_mixed_up() -> None:
    with serve(echo) as served, served.connect() as peer:
        chunked = post(b"3\r\nabc\r\n0\r\n\r\n", b"Transfer-Encoding: chunked")
        peer.send((post(b"hello", b"Content-Length: 5") + chunked + get()) * 20)
        for _ in range(20):
            assert [peer.read_response()[2] for _ in range(3)] == [b"POST / hello", b"POST / abc", b"GET / "]


def test_what_is_pipelined_behind_a_slow_response_is_not_read_without_end() -> None:
    release = threading.Event()

    async def waits(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        while not release.is_set():
            await asyncio.sleep(0.01)
        await respond(send, b"x")

    with serve(waits) as served, served.connect() as peer:
        peer.socket.settimeout(0.5)
        sent = 0
        with pytest.raises(TimeoutError):
            while sent < 64 * 1024 * 1024:
                sent += peer.socket.send(get() * 1000)
        release.set()


def test_http_1_0_closes_unless_asked_to_keep() -> None:  # RFC 9112 §9.3, appendix C.2.2
    with serve(echo) as served:
        with served.connect() as peer:
            peer.send(get(line=b"GET / HTTP/1.0", host=b""))
            assert peer.read_to_end().endswith(b"connection: close\r\n\r\nGET / ")
        with served.connect() as peer:
            for _ in range(2):
                peer.send(get(b"Connection: keep-alive", line=b"GET / HTTP/1.0"))
                status, fields, body = peer.read_response()
                assert (status, fields["connection"], body) == (200, "keep-alive", b"GET / ")


def test_connection_close_is_obeyed() -> None:  # RFC 9112 §9.6
    with serve(echo) as served, served.connect() as peer:
        peer.send(get(b"Connection: close") + get())
        assert peer.read_to_end().count(b"HTTP/1.1 200") == 1


def test_chunked_works_both_ways() -> None:  # RFC 9112 §7.1
    async def echo_stream(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        await send({"type": "http.response.start", "status": 200, "headers": []})
        more = True
        while more:
            message = await receive()
            more = message["more_body"]
            await send({"type": "http.response.body", "body": message["body"], "more_body": more})

    with serve(echo_stream) as served, served.connect() as peer:
        peer.send(post(b"5\r\nhello\r\n", b"Transfer-Encoding: chunked"))
        assert peer.read_until(b"\r\n\r\n").endswith(b"transfer-encoding: chunked\r\n\r\n")
        assert peer.read_until(b"hello\r\n") == b"5\r\nhello\r\n"  # before the request has ended
        peer.send(b"6\r\n world\r\n0\r\n\r\n")
        assert peer.read_until(b"0\r\n\r\n") == b"6\r\n world\r\n0\r\n\r\n"


def test_a_stream_without_length_is_chunked_or_ends_with_the_connection() -> None:  # RFC 9112 §6.3
    with serve(stream) as served:
        status, fields, body = served.ask(get())
        assert (status, fields["transfer-encoding"], body) == (200, "chunked", b"onetwothree")
        with served.connect() as peer:
            peer.send(get(b"Connection: keep-alive", line=b"GET / HTTP/1.0"))
            assert peer.read_to_end().endswith(b"connection: close\r\n\r\nonetwothree")


def test_head_has_no_body() -> None:  # RFC 9110 §9.3.2
    with serve(stream) as served, served.connect() as peer:
        peer.send(get(line=b"HEAD / HTTP/1.1") + get())
        assert peer.read_response(has_body=False)[0] == 200
        assert peer.read_response()[2] == b"onetwothree"


def test_rule_19_100_continue_is_said_only_when_the_application_reads() -> None:  # RFC 9110 §10.1.1
    async def picky(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        if scope["path"] == "/no":
            await respond(send, b"too big", 413)
        else:
            await respond(send, await read_body(receive))

    expecting = (b"Content-Length: 5", b"Expect: 100-continue")
    with serve(picky) as served:
        with served.connect() as peer:
            peer.send(get(*expecting, line=b"PUT /yes HTTP/1.1"))
            assert peer.read_until(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
            peer.send(b"hello")
            assert peer.read_response()[2] == b"hello"
        with served.connect() as peer:
            peer.send(get(*expecting, line=b"PUT /no HTTP/1.1"))
            status, fields, _ = peer.read_response()
            assert (status, fields["connection"]) == (413, "close")  # whether the body still comes is unknown
            assert peer.read_to_end() == b""


def test_rule_17_an_unread_body_is_thrown_away_up_to_a_limit() -> None:
    async def deaf(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        await respond(send, b"ok")

    with serve(deaf, unread_body_limit_octets=1000) as served:
        with served.connect() as peer:
            peer.send(post(b"", b"Content-Length: 1000"))
            assert peer.read_response()[2] == b"ok"
            peer.send(b"a" * 1000 + get())
            assert peer.read_response()[2] == b"ok"
        with served.connect() as peer:
            peer.send(post(b"", b"Content-Length: 1001"))
            assert peer.read_response()[1]["connection"] == "close"
            assert peer.read_to_end() == b""
        with served.connect() as peer:
            peer.send(post(b"", b"Transfer-Encoding: chunked"))
            assert peer.read_response()[2] == b"ok"
            peer.send(b"3e9\r\n" + b"a" * 1001 + b"\r\n0\r\n\r\n" + get())
            assert peer.read_to_end() == b""


@pytest.mark.parametrize(
    ("octets", "status"),
    [
        (b"BAD\r\n\r\n", 400),
        (b"GET / HTTP/1.1\nHost: a\n\n", 400),
        (b"GET / HTTP/2.0\r\n\r\n", 505),
        (get(b"Transfer-Encoding: gzip"), 501),
        (get(b"Expect: tea"), 417),
    ],
)
def test_rule_16_a_malformed_request_is_answered_and_nothing_after_it_is_read(
    octets: bytes, status: int
) -> None:  # §9.6
    with serve(echo) as served, served.connect() as peer:
        peer.send(octets + get())
        answer = peer.read_to_end()
        assert answer.startswith(b"HTTP/1.1 %d " % status)
        assert answer.count(b"\r\n\r\n") == 1
        assert b"connection: close\r\n" in answer
        assert served.server.requests_served == 0


@pytest.mark.parametrize("size", [1, 1000])
def test_rule_01_a_lone_carriage_return_does_not_wait_for_the_head_s_deadline(size: int) -> None:  # RFC 9112 §2.2
    octets = b"GET / HTTP/1.1\r\nHost: a\rb"
    with serve(echo) as served, served.connect() as peer:
        peer.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(0, len(octets), size):
            peer.send(octets[at : at + size])
        assert peer.read_response()[0] == 400  # 408 when nobody has noticed


def test_rule_16_a_large_error_response_survives_what_the_peer_still_sends() -> None:  # RFC 9112 §9.6: no reset
    with serve(echo, body_limit_octets=10) as served, served.connect() as peer:
        peer.send(post(b"a" * 50_000, b"Content-Length: 50000"))
        assert peer.read_response()[0] == 413


def test_rule_15_a_request_that_is_cut_short_is_not_served() -> None:  # RFC 9112 §8
    seen: list[str] = []

    async def reads(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        message = await receive()
        while message["type"] == "http.request":
            message = await receive()
        seen.append(message["type"])

    with serve(reads) as served, served.connect() as peer:
        peer.send(post(b"abc", b"Content-Length: 5"))
        peer.socket.shutdown(socket.SHUT_WR)
        assert peer.read_to_end().startswith(b"HTTP/1.1 400 ")
        wait_for(lambda: seen == ["http.disconnect"])


def test_a_client_that_only_ended_its_own_side_gets_its_answers() -> None:
    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        await asyncio.sleep(0.05)
        await respond(send, b"done")

    with serve(slow) as served, served.connect() as peer:
        peer.send(get() + get())
        peer.socket.shutdown(socket.SHUT_WR)
        assert peer.read_to_end().count(b"done") == 2


def test_an_application_error_is_a_500_and_a_log_entry() -> None:
    async def fails(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        raise LookupError("no such thing")

    with serve(fails) as served, served.connect() as peer:
        for _ in range(2):  # the connection can be kept
            peer.send(get(line=b"GET /where?x HTTP/1.1"))
            status, _, body = peer.read_response()
            assert (status, body) == (500, b"Internal Server Error\n")
        message, level, fields = served.log.entries[0]
        assert (message, level) == ("the application failed", Level.ERROR)
        assert (fields["method"], fields["target"]) == ("GET", "/where?x")
        assert "no such thing" in str(fields["traceback"])


def test_rule_20_an_error_after_the_start_cuts_the_response_visibly() -> None:
    async def fails_late(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"half", "more_body": True})
        raise LookupError("too late")

    with serve(fails_late) as served:
        with served.connect() as peer:
            peer.send(get())
            assert peer.read_to_end().endswith(b"4\r\nhalf\r\n")  # no last chunk
        with served.connect() as peer:
            peer.send(get(line=b"GET / HTTP/1.0"))
            with pytest.raises(ConnectionResetError):
                while peer.socket.recv(1000):
                    pass


@pytest.mark.parametrize(
    "headers", [[(b"x", b"a\r\nSet-Cookie: b=c")], [(b"x\n", b"a")], [(b"x", b"\x00")], [("x", "y")], [(b"x", None)]]
)
def test_rule_20_a_response_is_never_split(headers: Any) -> None:  # RFC 9110 §5.5
    async def splits(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        await respond(send, b"", headers=headers)

    with serve(splits) as served:
        status, fields, _ = served.ask(get())
        assert status == 500
        assert "set-cookie" not in fields
        assert "traceback" in served.log.entries[0][2]


@pytest.mark.parametrize(
    "messages",
    [
        [],
        [{"type": "http.response.start", "status": 200}],
        [{"type": "http.response.body", "body": b"x"}],
        [{"type": "http.response.start", "status": 200}] * 2,
        [{"type": "nonsense"}],
        [{"type": "http.response.start", "status": 99}],
        [
            {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"3")]},
            {"type": "http.response.body", "body": b"toolong"},
        ],
    ],
)
def test_rule_20_an_application_that_breaks_the_rules_gets_a_500(messages: list[dict[str, Any]]) -> None:
    async def breaks(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        for message in messages:
            await send(message)

    with serve(breaks) as served:
        assert served.ask(get())[0] == 500
        assert len(served.log.messages(Level.ERROR)) == 1


def test_a_message_after_the_end_is_an_error_that_harms_nobody() -> None:
    errors: list[str] = []

    async def talks_on(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        await respond(send, b"done")
        try:
            await send({"type": "http.response.body", "body": b"evil"})
        except RuntimeError as error:
            errors.append(str(error))

    with serve(talks_on) as served, served.connect() as peer:
        for _ in range(2):
            peer.send(get())
            assert peer.read_response()[2] == b"done"
        wait_for(lambda: len(errors) == 2, "both errors")


def test_a_unix_socket_is_served(tmp_path: Any) -> None:
    scopes: list[Scope] = []

    async def keeps_scope(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        scopes.append(scope)
        await respond(send, b"ok")

    with serve(keeps_scope) as served:
        path = str(tmp_path / "socket")
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        listener.listen()

        async def add() -> None:
            served.server.close_doors()
            served.server.add_listener(listener)
            served.server.open_doors()

        served.submit(add()).result(5)
        with Peer(path, socket.AF_UNIX) as peer:
            peer.send(get())
            assert peer.read_response()[2] == b"ok"
        assert scopes[0]["client"] is None
        assert scopes[0]["server"] == (path, None)
        assert served.ask(get())[2] == b"ok"
        assert scopes[1]["client"][0] == "127.0.0.1"
    listener.close()
