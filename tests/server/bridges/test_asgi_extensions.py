"""The extensions of ASGI's HTTP messages, over real sockets, in the order of its specification."""

import errno
import os
import socket
from array import array
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from fixtures.certificates import TLS_NAME, Authority
from fixtures.requests import get
from fixtures.serving import Peer, Served, serve, wait_for
from veche.asgi import Message, Receive, Scope, Send
from veche.log import Level
from veche.server.manner import Manner

START: Message = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]}


class Way:
    """How octets travel: on which loop, with TLS or without."""

    def __init__(self, authority: Authority, *, plain_asyncio: bool, tls: bool) -> None:
        self._authority = authority
        self._plain_asyncio = plain_asyncio
        self._tls = tls

    def serve(self, application: Any, **settings: Any) -> AbstractContextManager[Served]:
        if self._tls:
            certificate, key = self._authority.issue(TLS_NAME)
            settings |= {"manner": Manner(tls=True), "tls_certificate": (certificate,), "tls_key": (key,)}
        return serve(application, plain_asyncio=self._plain_asyncio, **settings)

    def connect(self, served: Served) -> Peer:
        peer = served.connect()
        if self._tls:
            peer.socket = self._authority.client().wrap_socket(peer.socket, server_hostname=TLS_NAME)
        return peer

    def ask(self, served: Served) -> tuple[int, dict[str, str], bytes]:
        with self.connect(served) as peer:
            peer.send(get())
            return peer.read_response()


@pytest.fixture(params=["uvloop", "asyncio", "uvloop and TLS", "asyncio and TLS"])
def way(request: pytest.FixtureRequest, tmp_path: Path) -> Way:
    loop, _, tls = request.param.partition(" and ")
    return Way(Authority(tmp_path), plain_asyncio=loop == "asyncio", tls=bool(tls))


def sends(*messages: Message) -> Any:
    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        for message in messages:
            await send(message)

    return application


# Path send


def path_sent(path: object, *headers: tuple[bytes, bytes], status: int = 200) -> Any:
    return sends(
        {"type": "http.response.start", "status": status, "headers": list(headers)},
        {"type": "http.response.pathsend", "path": str(path)},
    )


def test_a_file_is_sent_by_its_path(tmp_path: Path, way: Way) -> None:
    content = os.urandom(5_000_000)
    path = tmp_path / "file"
    path.write_bytes(content)
    with way.serve(path_sent(path)) as served, way.connect(served) as peer:
        peer.send(get() * 3)  # pipelined: the order of what is written past the transport and through it is kept
        for _ in range(3):
            status, fields, body = peer.read_response()
            assert (status, fields["content-length"]) == (200, "5000000")
            assert body == content
        peer.send(get(line=b"HEAD / HTTP/1.1"))
        assert peer.read_response(has_body=False)[1]["content-length"] == "5000000"
        peer.send(get(line=b"GET / HTTP/1.0"))
        assert peer.read_response()[2] == content
        assert peer.read_to_end() == b""
        assert served.log.entries == []


def test_an_empty_file_and_a_status_without_body(tmp_path: Path) -> None:
    path = tmp_path / "empty"
    path.write_bytes(b"")
    with serve(path_sent(path)) as served:
        assert served.ask(get())[1:] == (
            {"date": served.ask(get())[1]["date"], "content-length": "0"},
            b"",
        )
    path.write_bytes(b"something")
    with serve(path_sent(path, status=304)) as served, served.connect() as peer:
        peer.send(get() * 2)
        assert peer.read_response(has_body=False)[0] == 304
        assert peer.read_response(has_body=False)[0] == 304


@pytest.mark.parametrize("kind", ["missing", "folder", "pipe", "other length"])
def test_what_cannot_be_sent_is_a_500(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "thing"
    headers = []
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "other length":
        path.write_bytes(b"short")
        headers = [(b"content-length", b"9")]
    with serve(path_sent(path, *headers)) as served:
        assert served.ask(get())[0] == 500
        assert served.log.messages(Level.ERROR) == ["the application failed"]


def test_an_application_may_answer_otherwise_when_its_file_is_gone(tmp_path: Path) -> None:
    async def falls_back(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        await send(START)
        try:
            await send({"type": "http.response.pathsend", "path": str(tmp_path / "missing")})
        except FileNotFoundError:
            await send({"type": "http.response.body", "body": b"gone"})

    with serve(falls_back) as served:
        assert served.ask(get())[2] == b"gone"


def test_a_file_that_shrinks_on_the_way_is_cut_visibly(tmp_path: Path, way: Way) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"a" * 50_000_000)
    with way.serve(path_sent(path)) as served:
        with way.connect(served) as peer:
            peer.send(get())
            peer.read_until(b"\r\n\r\n")
            os.truncate(path, 10_000_000)  # the kernels' buffers hold less
            assert len(peer.read_to_end()) < 50_000_000
        wait_for(lambda: served.log.messages(Level.ERROR) == ["the application failed"])
        assert way.ask(served)[0] == 200


def test_a_client_that_leaves_amid_a_file_harms_nobody(tmp_path: Path, way: Way) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"a" * 50_000_000)
    with way.serve(path_sent(path)) as served:
        assert len(way.ask(served)[2]) == 50_000_000  # what is opened once is open now
        wait_for(lambda: served.server.open_connections == 0)
        descriptors = len(os.listdir("/proc/self/fd"))
        for _ in range(5):
            with way.connect(served) as peer:
                peer.send(get())
                peer.read_until(b"\r\n\r\n")
        wait_for(lambda: served.server.open_connections == 0)
        wait_for(lambda: len(os.listdir("/proc/self/fd")) <= descriptors, "the files to be closed")
        assert len(way.ask(served)[2]) == 50_000_000
        assert served.log.entries == []


def test_a_client_that_does_not_read_its_file_is_cut(tmp_path: Path, way: Way) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"a" * 50_000_000)
    with way.serve(path_sent(path), write_stall_seconds=0.2) as served:
        with way.connect(served) as peer:
            peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            peer.send(get())
            peer.read_until(b"\r\n\r\n")
            wait_for(lambda: served.server.open_connections == 0, "the cut")
        assert served.log.entries == []


def test_a_file_of_a_file_system_without_sendfile_is_sent_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(*_: object) -> int:
        raise OSError(errno.EINVAL, "Invalid argument")

    monkeypatch.setattr(os, "sendfile", refuses)
    path = tmp_path / "file"
    path.write_bytes(b"a" * 3_000_000)
    with serve(path_sent(path)) as served:
        assert served.ask(get())[2] == b"a" * 3_000_000


@pytest.mark.parametrize(("number", "logged"), [(errno.ETIMEDOUT, 0), (errno.EHOSTUNREACH, 0), (errno.EIO, 1)])
def test_a_network_that_fails_is_no_fault_of_the_application_a_disk_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, logged: int
) -> None:
    def fails(*_: object) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "sendfile", fails)
    path = tmp_path / "file"
    path.write_bytes(b"a" * 3_000_000)
    with serve(path_sent(path)) as served, served.connect() as peer:
        peer.send(get())
        peer.read_to_end()
        wait_for(lambda: served.server.open_connections == 0)
        assert len(served.log.entries) == logged


def test_a_slow_reader_of_a_file_is_served(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"a" * 50_000_000)
    with serve(path_sent(path), write_stall_seconds=30.0) as served, served.connect() as peer:
        peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        peer.send(get())
        peer.read_until(b"\r\n\r\n")
        for _ in range(10):  # more each time than our kernel keeps: the server has sent something since
            peer.read_exactly(4_900_000)
            served.pass_time(20.0)


# Early hints


def hints(*links: bytes) -> Message:
    return {"type": "http.response.early_hint", "links": list(links)}


BODY: Message = {"type": "http.response.body", "body": b"hello"}


def test_early_hints_come_before_the_response() -> None:  # RFC 8297
    with serve(sends(hints(b"</a>; rel=preload"), hints(b"</b>", b"</c>"), START, BODY)) as served:
        with served.connect() as peer:
            peer.send(get())
            assert peer.read_until(b"\r\n\r\n") == b"HTTP/1.1 103 Early Hints\r\nlink: </a>; rel=preload\r\n\r\n"
            assert peer.read_until(b"\r\n\r\n") == b"HTTP/1.1 103 Early Hints\r\nlink: </b>\r\nlink: </c>\r\n\r\n"
            assert peer.read_response()[2] == b"hello"
        assert served.ask(get(line=b"GET / HTTP/1.0"))[0] == 200  # RFC 9110 §15.2


def test_early_hints_leave_before_the_application_answers() -> None:
    async def thinks(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        await send(hints(b"</a>"))
        assert (await receive())["type"] == "http.request"
        assert (await receive())["type"] == "http.disconnect"

    with serve(thinks) as served, served.connect() as peer:
        peer.send(get())
        assert peer.read_until(b"\r\n\r\n").startswith(b"HTTP/1.1 103 ")


@pytest.mark.parametrize("link", [b"a\r\nset-cookie: b=c", b"a\n", b"\x00", "text"])
def test_rule_20_an_early_hint_never_splits_the_response(link: Any) -> None:  # CVE-2020-5249, of puma
    with serve(sends(hints(link), START, BODY)) as served:
        status, fields, _ = served.ask(get())
        assert status == 500
        assert "set-cookie" not in fields


@pytest.mark.parametrize("messages", [[START, hints(b"</a>"), BODY], [START, BODY, hints(b"</a>")]])
def test_an_early_hint_after_the_start_is_an_error(messages: list[Message]) -> None:
    with serve(sends(*messages)) as served:
        served.ask(get())
        wait_for(lambda: served.log.entries)
        assert "http.response.early_hint" in str(served.log.entries[0][2]["traceback"])


# Trailers

TRAILED: Message = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"trailer", b"x-sum"), (b"content-length", b"10")],
    "trailers": True,
}
PART: Message = {"type": "http.response.body", "body": b"hello", "more_body": True}


def trailers(*fields: tuple[bytes, bytes], more: bool = False) -> Message:
    return {"type": "http.response.trailers", "headers": list(fields), "more_trailers": more}


SUM = (b"x-sum", b"1")


def test_trailers_follow_the_body_for_a_client_that_wants_them() -> None:  # RFC 9110 §6.5, RFC 9112 §7.1.2
    application = sends(TRAILED, PART, BODY, trailers(SUM, more=True), trailers((b"x-end", b"2")))
    with serve(application) as served, served.connect() as peer:
        for _ in range(2):
            peer.send(get(b"TE: deflate;q=0.5, Trailers", b"Connection: TE"))
            head = peer.read_until(b"\r\n\r\n")
            assert b"transfer-encoding: chunked\r\n" in head
            assert b"content-length" not in head
            assert peer.read_until(b"\r\n\r\n") == (b"5\r\nhello\r\n5\r\nhello\r\n0\r\nx-sum: 1\r\nx-end: 2\r\n\r\n")


@pytest.mark.parametrize("body", [bytearray(b"same" * 4), memoryview(array("I", [0x656D6173] * 4))])
def test_a_body_before_trailers_may_be_any_kind_of_octets(body: Any) -> None:  # RFC 9112 §7.1: a chunk's size is octets
    started: Message = {"type": "http.response.start", "status": 200, "headers": [], "trailers": True}
    application = sends(started, {"type": "http.response.body", "body": body}, trailers(SUM))
    with serve(application) as served, served.connect() as peer:
        peer.send(get(b"TE: trailers"))
        peer.read_until(b"\r\n\r\n")
        assert peer.read_until(b"\r\n\r\n") == b"10\r\n" + b"same" * 4 + b"\r\n0\r\nx-sum: 1\r\n\r\n"


@pytest.mark.parametrize(
    "request_octets",
    [get(), get(b"TE: gzip"), get(b"TE: trailers", line=b"GET / HTTP/1.0")],
    ids=["no", "other", "1.0"],
)
def test_trailers_are_for_nobody_else(request_octets: bytes) -> None:  # RFC 9110 §6.5.1
    with serve(sends(TRAILED, PART, BODY, trailers(SUM))) as served:
        status, fields, body = served.ask(request_octets)
        assert (status, fields["content-length"], body) == (200, "10", b"hellohello")
        assert "trailer" not in fields


def test_a_body_may_be_nothing_but_trailers() -> None:
    nothing: Message = {"type": "http.response.body", "body": b""}
    with serve(sends(TRAILED, nothing, trailers(SUM))) as served, served.connect() as peer:
        peer.send(get(b"TE: trailers"))
        peer.read_until(b"\r\n\r\n")
        assert peer.read_until(b"\r\n\r\n") == b"0\r\nx-sum: 1\r\n\r\n"
        peer.send(get(b"TE: trailers", line=b"HEAD / HTTP/1.1"))
        assert peer.read_response(has_body=False)[0] == 200
        peer.send(get(b"TE: trailers"))
        assert peer.read_response(has_body=False)[0] == 200


@pytest.mark.parametrize(
    "field",
    [(b"x", b"a\r\nevil: 1"), (b"content-length", b"1"), (b"Transfer-Encoding", b"chunked"), (b"set-cookie", b"a")],
)
def test_rule_20_a_trailer_that_must_not_be_one_cuts_the_response(
    field: tuple[bytes, bytes],
) -> None:  # RFC 9110 §6.5.1
    with serve(sends(TRAILED, BODY, trailers(field))) as served, served.connect() as peer:
        peer.send(get(b"TE: trailers"))
        assert peer.read_to_end().endswith(b"\r\n\r\n5\r\nhello\r\n")
        assert served.log.messages(Level.ERROR) == ["the application failed"]


@pytest.mark.parametrize(
    "messages",
    [
        [START, PART, trailers(SUM)],
        [TRAILED, PART, trailers(SUM)],
        [TRAILED, BODY, PART],
        [TRAILED, BODY],
    ],
)
def test_trailers_out_of_order_are_an_error(messages: list[Message]) -> None:
    with serve(sends(*messages)) as served, served.connect() as peer:
        peer.send(get(b"TE: trailers"))
        peer.read_to_end()
        assert len(served.log.messages(Level.ERROR)) == 1
