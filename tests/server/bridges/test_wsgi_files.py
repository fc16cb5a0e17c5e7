"""`wsgi.file_wrapper` (PEP 3333, "Optional Platform-Specific File Handling"): sendfile(2) where it can be used."""

import gzip
import io
import os
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, Any

import pytest

from fixtures.requests import get
from fixtures.serving import serve, wait_for
from veche.asgi import Environ, StartResponse
from veche.log import Level

OCTETS = bytes(range(256)) * 4000
BIG_OCTETS = 30_000_000  # more than all buffers between us

ways = pytest.mark.parametrize("threads", [0, 8])


class Sender:
    """An application that returns a file through the wrapper."""

    def __init__(self, opened: Callable[[], Any], *headers: tuple[str, str], status: str = "200 OK") -> None:
        self.opened = opened
        self.headers = list(headers)
        self.status = status
        self.file: IO[bytes] | None = None

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/hello":
            start_response("200 OK", [])
            return [b"hello"]
        self.file = self.opened()
        start_response(self.status, self.headers)
        wrapped: Iterable[bytes] = environ["wsgi.file_wrapper"](self.file, 8192)
        return wrapped

    def wait_until_closed(self) -> None:
        file = self.file
        assert file is not None
        wait_for(lambda: file.closed, "the file to be closed")


@pytest.fixture
def sent_by_kernel(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """What sendfile(2) has sent, call by call."""
    counts: list[int] = []
    real = os.sendfile

    def counting(out: int, source: int, offset: int, count: int) -> int:
        sent = real(out, source, offset, count)
        counts.append(sent)
        return sent

    monkeypatch.setattr(os, "sendfile", counting)
    return counts


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(OCTETS)
    return path


@ways
def test_a_file_is_sent_by_the_kernel_and_closed(threads: int, path: Path, sent_by_kernel: list[int]) -> None:
    sender = Sender(lambda: path.open("rb"))
    with serve(sender, threads=threads) as served, served.connect() as peer:
        for _ in range(2):
            peer.send(get())
            _status, fields, body = peer.read_response()
            assert body == OCTETS
            assert fields["content-length"] == str(len(OCTETS))
            sender.wait_until_closed()
    assert sum(sent_by_kernel) == 2 * len(OCTETS)


@ways
def test_it_begins_where_the_file_stands_and_ends_with_the_content_length(
    threads: int, path: Path, sent_by_kernel: list[int]
) -> None:
    def opened() -> IO[bytes]:
        file = path.open("rb")
        file.read(1000)  # the buffer is further than that
        return file

    with serve(Sender(opened), threads=threads) as served:
        assert served.ask(get())[2] == OCTETS[1000:]
    with serve(Sender(opened, ("Content-Length", "50000")), threads=threads) as served:
        assert served.ask(get())[2] == OCTETS[1000:51000]
    assert sum(sent_by_kernel) == len(OCTETS) - 1000 + 50000


@ways
def test_head_and_304_have_no_body(threads: int, path: Path, sent_by_kernel: list[int]) -> None:
    with serve(Sender(lambda: path.open("rb")), threads=threads) as served:
        status, fields, _ = served.ask(get(line=b"HEAD / HTTP/1.1"), has_body=False)
        assert (status, fields["content-length"]) == (200, str(len(OCTETS)))
    with serve(Sender(lambda: path.open("rb"), status="304 Not Modified"), threads=threads) as served:
        assert served.ask(get(), has_body=False)[0] == 304
    assert sent_by_kernel == []


class Changed(io.BufferedReader):
    """A file whose octets are not those of its descriptor."""

    def __init__(self, path: Path) -> None:
        super().__init__(_Upper(path, "rb"))


class _Upper(io.RawIOBase):
    def __init__(self, path: Path, mode: str) -> None:
        self._inner = path.open("rb")

    def readable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._inner.fileno()

    def readinto(self, buffer: Any, /) -> int:
        octets = self._inner.read(len(buffer)).replace(b"\x00", b"!")
        buffer[: len(octets)] = octets
        return len(octets)


class Proxy:
    """What frameworks wrap around files (Django's FileProxyMixin)."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file

    @property
    def read(self) -> Callable[[int], bytes]:
        return self.file.read

    @property
    def closed(self) -> bool:
        return self.file.closed

    def close(self) -> None:
        self.file.close()


class Translator(Proxy):
    @property
    def read(self) -> Callable[[int], bytes]:
        return lambda size: self.file.read(size).replace(b"\x00", b"!")


def test_what_only_looks_like_a_file_is_read(path: Path, tmp_path: Path, sent_by_kernel: list[int]) -> None:
    packed = tmp_path / "packed.gz"
    packed.write_bytes(gzip.compress(os.urandom(200_000) + OCTETS, 0))
    octets = gzip.decompress(packed.read_bytes())
    translated = OCTETS.replace(b"\x00", b"!")
    for opened, expected in (
        (lambda: io.BytesIO(OCTETS), OCTETS),
        (lambda: gzip.GzipFile(packed), octets),
        (lambda: Changed(path), translated),
        (lambda: Translator(path.open("rb")), translated),
    ):
        with serve(Sender(opened)) as served:
            assert served.ask(get())[2] == expected
    assert sent_by_kernel == []


def test_what_hands_on_a_file_is_as_good_as_the_file(path: Path, sent_by_kernel: list[int]) -> None:
    def temporary() -> Any:
        file = tempfile.NamedTemporaryFile()  # noqa: SIM115  # the server closes it
        file.write(OCTETS)
        file.flush()
        file.seek(0)
        return file

    for opened in (lambda: Proxy(Proxy(path.open("rb"))), temporary, lambda: path.open("rb", buffering=0)):  # type: ignore[arg-type]  # a Proxy is enough of a file
        before = sum(sent_by_kernel)
        with serve(Sender(opened)) as served:
            assert served.ask(get())[2] == OCTETS
        assert sum(sent_by_kernel) - before == len(OCTETS)


def test_a_small_file_leaves_with_its_head(tmp_path: Path, sent_by_kernel: list[int]) -> None:
    (tmp_path / "small").write_bytes(b"small")
    with serve(Sender(lambda: (tmp_path / "small").open("rb"))) as served:
        assert served.ask(get())[2] == b"small"
    assert sent_by_kernel == []


@ways
def test_a_slow_reader_of_a_file_holds_no_thread(threads: int, tmp_path: Path) -> None:
    path = tmp_path / "big"
    with path.open("wb") as file:
        file.truncate(BIG_OCTETS)
    sender = Sender(lambda: path.open("rb"))
    with serve(sender, threads=threads and 1) as served, served.connect() as slow:
        slow.send(get())
        slow.read_until(b"\r\n\r\n")
        assert served.ask(get(line=b"GET /hello HTTP/1.1"))[2] == b"hello"
        assert sender.file is not None
        assert not sender.file.closed
        assert len(slow.read_exactly(BIG_OCTETS)) == BIG_OCTETS
        sender.wait_until_closed()


@ways
def test_a_reader_that_leaves_hurts_nobody_and_the_file_is_closed(threads: int, tmp_path: Path) -> None:
    path = tmp_path / "big"
    with path.open("wb") as file:
        file.truncate(BIG_OCTETS)
    sender = Sender(lambda: path.open("rb"))
    descriptors = len(os.listdir("/proc/self/fd"))
    with serve(sender, threads=threads and 1) as served:
        for _ in range(3):
            with served.connect() as peer:
                peer.send(get())
                peer.read_until(b"\r\n\r\n")
            sender.wait_until_closed()
        assert served.ask(get(line=b"GET /hello HTTP/1.1"))[2] == b"hello"
        assert served.log.messages(Level.ERROR) == []
    wait_for(lambda: len(os.listdir("/proc/self/fd")) <= descriptors, "the descriptors to be closed")


@ways
def test_a_file_that_becomes_shorter_is_cut_and_named(threads: int, tmp_path: Path) -> None:
    path = tmp_path / "big"
    with path.open("wb") as file:
        file.truncate(BIG_OCTETS)
    sender = Sender(lambda: path.open("rb"))
    with serve(sender, threads=threads) as served, served.connect() as peer:
        peer.send(get())
        peer.read_until(b"\r\n\r\n")
        os.truncate(path, BIG_OCTETS // 2)
        assert len(peer.read_to_end()) < BIG_OCTETS
        wait_for(lambda: served.log.messages(Level.ERROR), "the log entry")
        sender.wait_until_closed()


@ways
def test_close_is_the_applications_and_may_fail(threads: int, path: Path) -> None:
    closed_in: list[int] = []

    class Failing(Proxy):
        def close(self) -> None:
            super().close()
            closed_in.append(threading.get_ident())
            raise ValueError("no")

    with serve(Sender(lambda: Failing(path.open("rb"))), threads=threads and 1) as served:
        for _ in range(2):
            assert served.ask(get())[2] == OCTETS
        wait_for(lambda: len(served.log.messages(Level.ERROR)) == 2, "the log entries")
        loop_thread = served.submit(_ident()).result(10)
    assert (closed_in[0] == loop_thread) is (threads == 0)


async def _ident() -> int:
    return threading.get_ident()


def test_a_file_after_write_is_sent_after_it(path: Path) -> None:
    def application(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [])(b"before ")
        wrapped: Iterable[bytes] = environ["wsgi.file_wrapper"](path.open("rb"))
        return wrapped

    with serve(application) as served:
        assert served.ask(get())[2] == b"before " + OCTETS


def test_a_wrapper_is_an_iterable_of_blocks() -> None:
    def application(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
        start_response("200 OK", [])
        yield b"|".join(environ["wsgi.file_wrapper"](io.BytesIO(b"abcdefgh"), 3))

    with serve(application) as served:
        assert served.ask(get())[2] == b"abc|def|gh"
