"""`wsgi.input` (PEP 3333, "Input and Error Streams"): in memory, on disk, and as a stream past the disk's bound."""

import io
import tempfile
import threading
from collections.abc import Iterable
from pathlib import Path

import httpx
import pytest

from fixtures.requests import get, post
from fixtures.serving import Peer, serve, wait_for
from veche.asgi import Environ, StartResponse
from veche.log import Level

BODY = bytes(range(256)) * 2000


def chunked(body: bytes, size: int = 10_000) -> bytes:
    parts = (body[at : at + size] for at in range(0, len(body), size))
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


def size_of_body(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    size = len(environ["wsgi.input"].read())
    start_response("200 OK", [])
    return [b"%d of %s" % (size, environ.get("CONTENT_LENGTH", "nothing").encode())]


class Reader:
    """An application that reads a body when it is told to, and keeps what happened."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.entered = threading.Event()
        self.read = io.BytesIO()
        self.error: BaseException | None = None

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        self.entered.set()
        self.go_on.wait(10)
        try:
            while part := environ["wsgi.input"].read(10_000):
                self.read.write(part)
        except OSError as error:
            self.error = error
            raise
        start_response("200 OK", [])
        return [environ.get("CONTENT_LENGTH", "none").encode()]


def send_what_fits(peer: Peer, octets: bytes) -> int:
    """Return how much the server and the kernel between us take; more does not fit for a while."""
    peer.socket.settimeout(0.5)
    sent = 0
    try:
        while sent < len(octets):
            sent += peer.socket.send(octets[sent : sent + 65536])
    except TimeoutError:
        pass
    peer.socket.settimeout(10)
    return sent


def test_a_bodiless_request_reads_nothing_and_can_leave_nothing() -> None:
    def meddler(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        body = environ["wsgi.input"]
        told = [body.read(), body.readline(), b"".join(body), b"".join(body.readlines())]
        with pytest.raises(OSError, match="reading"):
            body.write(b"left")
        with pytest.raises(OSError, match="reading"):
            body.writelines([b"left"])
        body.close()
        start_response("200 OK", [])
        return [repr(told).encode(), environ.get("CONTENT_LENGTH", "none").encode()]

    with serve(meddler) as served, served.connect() as peer:
        for _ in range(2):
            peer.send(get())
            assert peer.read_response()[2] == b"[b'', b'', b'', b'']none"


def test_a_body_of_length_0_is_none() -> None:
    with serve(size_of_body) as served:
        assert served.ask(post(b"", b"Content-Length: 0"))[2] == b"0 of nothing"


@pytest.mark.parametrize("size", [1, 10_000])
@pytest.mark.parametrize("spool_octets", [0, 20_000, 10_000_000])
def test_a_chunked_body_is_whole_and_has_a_length(spool_octets: int, size: int) -> None:
    body = BODY[:50_000]
    with serve(size_of_body, spool_octets=spool_octets) as served:
        octets = get(b"Transfer-Encoding: chunked", line=b"POST / HTTP/1.1") + chunked(body, size)
        assert served.ask(octets)[2] == b"50000 of 50000"


def test_lines_are_read_as_lines_wherever_the_body_waits() -> None:
    def lines(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        body = environ["wsgi.input"]
        start_response("200 OK", [])
        return [body.readline(), b"|", body.readline(3), b"|", b"+".join(body.readlines(3)), b"|", b"+".join(body)]

    body = b"first\nsecond\nthird\nfourth\nfifth"
    for spool_octets, spool_disk_octets in ((100, 100), (3, 100), (3, 9)):
        with serve(lines, spool_octets=spool_octets, spool_disk_octets=spool_disk_octets) as served:
            assert served.ask(post(body, b"Content-Length: 31"))[2] == b"first\n|sec|ond\n|third\n+fourth\n+fifth"


def test_an_upload_that_is_not_whole_holds_no_thread_also_when_it_is_on_disk() -> None:
    with serve(size_of_body, threads=1, spool_octets=1000) as served, served.connect() as slow:
        slow.send(post(BODY[:100_000], b"Content-Length: 100001"))
        assert served.ask(get())[2] == b"0 of nothing"
        slow.send(b"!")
        assert slow.read_response()[2] == b"100001 of 100001"


def test_a_body_past_the_disks_bound_is_read_while_it_arrives() -> None:
    reader = Reader()
    with serve(reader, spool_octets=1000, spool_disk_octets=50_000) as served, served.connect() as peer:
        peer.send(post(BODY[:49_000], b"Content-Length: %d" % len(BODY)))
        assert not reader.entered.wait(0.1)
        peer.send(BODY[49_000:60_000])
        assert reader.entered.wait(10)
        reader.go_on.set()
        wait_for(lambda: reader.read.tell() == 60_000, "the part that has arrived")
        peer.send(BODY[60_000:])
        assert peer.read_response()[2] == b"%d" % len(BODY)
    assert reader.read.getvalue() == BODY


def test_a_chunked_stream_has_no_length_and_an_end() -> None:
    reader = Reader()
    reader.go_on.set()
    with serve(reader, spool_octets=0, spool_disk_octets=1000) as served:
        answer = served.ask(get(b"Transfer-Encoding: chunked", line=b"POST / HTTP/1.1") + chunked(BODY))
        assert answer[2] == b"none"
    assert reader.read.getvalue() == BODY


def test_the_socket_is_not_read_while_the_application_does_not_read() -> None:
    reader = Reader()
    big = b"x" * 40_000_000
    with serve(reader, spool_octets=1000, spool_disk_octets=50_000) as served, served.connect() as peer:
        peer.send(post(b"", b"Content-Length: %d" % len(big)))
        sent = send_what_fits(peer, big)
        assert sent < len(big) / 2  # the rest would be in somebody's memory
        reader.go_on.set()
        peer.send(big[sent:])
        assert peer.read_response()[0] == 200
    assert reader.read.tell() == len(big)


def test_a_stalled_upload_is_an_error_for_its_reader_and_frees_the_thread() -> None:
    reader = Reader()
    reader.go_on.set()
    with (
        serve(reader, threads=1, spool_octets=0, spool_disk_octets=1000, body_stall_seconds=0.2) as served,
        served.connect() as peer,
    ):
        peer.send(post(BODY[:50_000], b"Content-Length: %d" % len(BODY)))
        assert peer.read_response()[0] == 408
        wait_for(lambda: reader.error, "the reader's error")
        assert served.ask(get())[0] == 200  # the only thread is back
        assert served.log.messages(Level.ERROR) == []  # it is nobody's fault here


def test_a_client_that_leaves_in_the_middle_of_a_stream_is_an_error_for_its_reader() -> None:
    reader = Reader()
    reader.go_on.set()
    with serve(reader, threads=1, spool_octets=0, spool_disk_octets=1000) as served:
        with served.connect() as peer:
            peer.send(post(BODY[:50_000], b"Content-Length: %d" % len(BODY)))
            wait_for(lambda: reader.read.tell() == 50_000, "the reader")
        wait_for(lambda: reader.error, "the reader's error")
        assert served.ask(get())[0] == 200


def test_an_application_that_does_not_read_its_stream_answers_all_the_same() -> None:
    def refuser(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        start_response("403 Forbidden", [])
        return [b"no"]

    with serve(refuser, threads=1, spool_octets=0, spool_disk_octets=1000) as served:
        for _ in range(2):
            with served.connect() as peer:
                peer.send(post(BODY[:50_000], b"Content-Length: %d" % len(BODY)))
                assert peer.read_response()[2] == b"no"


def test_a_disk_that_takes_nothing_is_answered_500_and_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serve(size_of_body, spool_octets=1000) as served:
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "not there"))
        assert served.ask(post(BODY, b"Content-Length: %d" % len(BODY)))[0] == 500
        assert served.log.messages(Level.ERROR) == ["a request's body cannot be kept"]
        monkeypatch.undo()
        assert served.ask(post(BODY, b"Content-Length: %d" % len(BODY)))[0] == 200


def test_a_body_past_the_disks_bound_streams_over_http2_too() -> None:
    reader = Reader()
    reader.go_on.set()
    octets = BODY * 2
    with (
        serve(reader, spool_octets=1000, spool_disk_octets=50_000) as served,
        httpx.Client(http1=False, http2=True) as client,
    ):
        assert client.post(served.url, content=octets).content == b"%d" % len(octets)
        assert reader.read.getvalue() == octets
        reader.read = io.BytesIO()
        assert client.post(served.url, content=iter([octets, octets])).content == b"none"
        assert reader.read.getvalue() == octets * 2
