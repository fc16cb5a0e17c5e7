"""Files of a mount: what is found and what never is, conditions, ranges, compressed siblings, large files."""

import gzip
import os
import socket
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from fixtures.certificates import Authority
from fixtures.serving import PATIENCE_SECONDS, Served, serve, wait_for
from veche.asgi import Environ, Receive, Scope, Send, StartResponse
from veche.log import Level
from veche.server.errors import AddressError
from veche.server.files.mounts import parse_mount
from veche.server.manner import Manner

LARGE = os.urandom(3_000_000)


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"the application"})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / "empty").mkdir()
    (folder / "site.css").write_text("body { color: black }")
    (folder / "Привет мир.txt").write_text("здравствуй")
    (folder / "nothing.txt").touch()
    (folder / "large.bin").write_bytes(LARGE)
    (folder / "deep" / "index.html").write_text("<p>deep")
    (folder / ".git").write_text("hidden")
    (folder / "deep" / ".env").write_text("hidden")
    (tmp_path / "secret.txt").write_text("secret")
    (folder / "inside.css").symlink_to("site.css")
    (folder / "outside.txt").symlink_to(tmp_path / "secret.txt")
    (folder / "up").symlink_to(tmp_path)
    os.mkfifo(folder / "pipe")
    return folder


def ask(served: Served, path: str, *fields: str, method: str = "GET") -> tuple[int, dict[str, str], bytes]:
    request = "\r\n".join([f"{method} {path} HTTP/1.1", "Host: a", *fields, "", ""])
    return served.ask(request.encode(), has_body=method != "HEAD")


def holds_open(path: Path) -> bool:
    """Return whether this process has the file open."""
    for descriptor in Path("/proc/self/fd").iterdir():
        try:
            if descriptor.readlink() == path:
                return True
        except OSError:  # closed meanwhile
            continue
    return False


def mounted(folder: Path, **settings: Any) -> Any:
    return serve(application, static=(f"/static={folder}",), **settings)


def test_a_file_is_served_with_its_type_and_its_validators(folder: Path) -> None:
    with mounted(folder) as served:
        status, fields, body = ask(served, "/static/site.css")
        assert (status, body) == (200, b"body { color: black }")
        stat = (folder / "site.css").stat()
        assert fields["etag"] == f'"{stat.st_mtime_ns:x}-{stat.st_size:x}"'
        assert fields["content-type"] == "text/css; charset=utf-8"
        assert fields["cache-control"] == "no-cache"
        assert fields["accept-ranges"] == "bytes"
        assert fields["x-content-type-options"] == "nosniff"
        assert "last-modified" in fields
        assert ask(served, "/static/%D0%9F%D1%80%D0%B8%D0%B2%D0%B5%D1%82%20%D0%BC%D0%B8%D1%80.txt")[2].decode() == (
            "здравствуй"
        )
        assert ask(served, "/static/site.css?v=1")[2] == body
        assert ask(served, "/static/inside.css")[2] == body  # a link that stays inside
        assert ask(served, "/static/nothing.txt")[1]["content-length"] == "0"


def test_head_says_the_same_without_the_body(folder: Path) -> None:
    with mounted(folder) as served:
        for path in ("/static/site.css", "/static/large.bin"):
            _, got, body = ask(served, path)
            status, told, _ = ask(served, path, method="HEAD")
            assert (status, told["content-length"], told["etag"]) == (200, str(len(body)), got["etag"])


@pytest.mark.parametrize(
    "path",
    [
        "/static/missing.css",
        "/static",
        "/static/",
        "/staticsite.css",
        "/static/empty/",
        "/static/empty",
        "/static/../secret.txt",
        "/static/deep/../../secret.txt",
        "/static/%2e%2e/secret.txt",
        "/static/..%2fsecret.txt",
        "/static/deep%2findex.html",
        "/static/deep%2Findex.html",
        "/static/..%5csecret.txt",
        "/static//etc/passwd",
        "/static//site.css",
        "/static/site.css/",
        "/static/outside.txt",
        "/static/up/secret.txt",
        "/static/.git",
        "/static/deep/.env",
        "/static/pipe",
        "/static/./site.css",
    ],
)
def test_whatever_is_no_file_of_the_folder_is_asked_of_the_application(folder: Path, path: str) -> None:
    with mounted(folder) as served:
        assert ask(served, "/static/site.css")[0] == 200
        assert ask(served, path)[2] == b"the application"


def test_nul_in_a_path_is_refused(folder: Path) -> None:
    with mounted(folder) as served:
        assert ask(served, "/static/site.css%00.txt")[0] == 400


def test_a_folder_is_its_index_and_nothing_is_listed(folder: Path) -> None:
    with mounted(folder) as served:
        status, fields, body = ask(served, "/static/deep/")
        assert (status, fields["content-type"], body) == (200, "text/html; charset=utf-8", b"<p>deep")
        status, fields, _ = ask(served, "/static/deep?a=b")
        assert (status, fields["location"]) == (308, "/static/deep/?a=b")
        assert ask(served, "/static/deep/er")[2] == b"the application"


def test_a_mount_s_own_address_leads_to_its_index_too(folder: Path) -> None:
    with mounted(folder) as served:
        assert ask(served, "/static")[2] == b"the application"  # there is none
        (folder / "index.html").write_bytes(b"<p>all")
        status, fields, _ = ask(served, "/static?a=b")
        assert (status, fields["location"]) == (308, "/static/?a=b")
        assert ask(served, "/statics")[2] == b"the application"


def test_files_can_only_be_read(folder: Path) -> None:
    with mounted(folder) as served:
        for method in ("POST", "PUT", "DELETE", "OPTIONS"):
            status, fields, _ = ask(served, "/static/site.css", "Content-Length: 0", method=method)
            assert (status, fields["allow"]) == (405, "GET, HEAD")
        assert ask(served, "/static/other", "Content-Length: 0", method="POST")[2] == b"the application"


def test_a_mount_at_the_root_stands_before_the_application_and_the_longest_mount_counts(
    folder: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "site.css").write_text("other")
    with serve(application, static=(f"/={other}", f"/static/={folder}")) as served:
        assert ask(served, "/site.css")[2] == b"other"
        assert ask(served, "/static/site.css")[2] == b"body { color: black }"
        assert ask(served, "/page")[2] == b"the application"


def test_conditions_are_answered(folder: Path) -> None:
    with mounted(folder) as served:
        _, first, body = ask(served, "/static/site.css")
        status, fields, none = ask(served, "/static/site.css", f"If-None-Match: {first['etag']}")
        assert (status, none, fields["etag"]) == (304, b"", first["etag"])
        assert "content-length" not in fields
        assert "content-type" not in fields
        assert ask(served, "/static/site.css", f"If-None-Match: W/{first['etag']}")[0] == 304
        assert ask(served, "/static/site.css", 'If-None-Match: "another"')[2] == body
        assert ask(served, "/static/site.css", f"If-Modified-Since: {first['last-modified']}")[0] == 304
        assert ask(served, "/static/site.css", "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT")[2] == body
        assert ask(served, "/static/site.css", 'If-Match: "another"')[0] == 412
        os.utime(folder / "site.css", (1, 1))
        assert ask(served, "/static/site.css", f"If-None-Match: {first['etag']}")[0] == 200


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [("0-9", 0, 10), ("10-", 10, None), ("-5", -5, None), ("0-", 0, None), ("2999999-9999999", 2_999_999, None)],
)
def test_a_range_is_answered_with_that_part(folder: Path, asked: str, start: int, end: int | None) -> None:
    with mounted(folder) as served:
        status, fields, body = ask(served, "/static/large.bin", f"Range: bytes={asked}")
        expected = LARGE[start:end]
        first = start % len(LARGE)
        assert (status, body) == (206, expected)
        assert fields["content-range"] == f"bytes {first}-{first + len(expected) - 1}/{len(LARGE)}"


def test_a_range_that_cannot_be_answered_is_416_and_several_get_the_whole(folder: Path) -> None:
    with mounted(folder) as served:
        status, fields, _ = ask(served, "/static/large.bin", "Range: bytes=3000000-")
        assert (status, fields["content-range"]) == (416, "bytes */3000000")
        for ignored in ("bytes=0-1,5-6", "lines=1-2", "bytes=9-1", "bytes=a-b"):
            status, fields, body = ask(served, "/static/large.bin", f"Range: {ignored}")
            assert (status, len(body)) == (200, len(LARGE)), ignored
        etag = fields["etag"]
        assert ask(served, "/static/large.bin", "Range: bytes=0-1", f"If-Range: {etag}")[0] == 206
        assert ask(served, "/static/large.bin", "Range: bytes=0-1", 'If-Range: "another"')[0] == 200
        assert ask(served, "/static/large.bin", "Range: bytes=0-1", method="HEAD")[0] == 200


def test_a_compressed_file_beside_it_is_sent_to_whoever_takes_it(folder: Path) -> None:
    plain, compressed = folder / "site.css", folder / "site.css.gz"
    compressed.write_bytes(gzip.compress(plain.read_bytes()))
    (folder / "site.css.br").write_bytes(b"brotli")
    with mounted(folder) as served:
        for accepted, coding in {
            "gzip": "gzip",
            "gzip, br": "br",
            "br;q=0, gzip": "gzip",
            "*": "br",
            "deflate": None,
            "": None,
        }.items():
            _, fields, body = ask(served, "/static/site.css", f"Accept-Encoding: {accepted}")
            assert fields.get("content-encoding") == coding, accepted
            assert (fields["vary"], fields["content-type"]) == ("accept-encoding", "text/css; charset=utf-8")
        assert fields["etag"] != ask(served, "/static/site.css", "Accept-Encoding: gzip")[1]["etag"]
        body = ask(served, "/static/site.css", "Accept-Encoding: gzip")[2]
        assert gzip.decompress(body) == plain.read_bytes()
        assert "vary" not in ask(served, "/static/large.bin")[1]
        os.utime(compressed, (1, 1))  # made of an older site.css
        assert "content-encoding" not in ask(served, "/static/site.css", "Accept-Encoding: gzip")[1]


@pytest.mark.parametrize("plain_asyncio", [False, True], ids=["uvloop", "asyncio"])
@pytest.mark.parametrize("tls", [False, True])
def test_large_files_arrive_whole_on_one_connection(
    folder: Path, tmp_path: Path, *, plain_asyncio: bool, tls: bool
) -> None:
    authority = Authority(tmp_path)
    certificate, key = authority.issue("localhost")
    settings = {"tls_certificate": (certificate,), "tls_key": (key,)} if tls else {}
    with mounted(folder, plain_asyncio=plain_asyncio, manner=Manner(tls=tls), **settings) as served:
        with served.connect() as peer:
            if tls:
                peer.socket = authority.client().wrap_socket(peer.socket, server_hostname="localhost")
            for _ in range(3):
                peer.send(b"GET /static/large.bin HTTP/1.1\r\nHost: a\r\n\r\n")
                status, _, body = peer.read_response()
                assert (status, body) == (200, LARGE)
            peer.send(b"GET /static/site.css HTTP/1.1\r\nHost: a\r\n\r\n")
            assert peer.read_response()[2] == b"body { color: black }"
        wait_for(lambda: not holds_open(folder / "large.bin"), "the file to be closed")


def test_a_reader_that_leaves_in_the_middle_costs_nothing(folder: Path) -> None:
    with mounted(folder) as served:
        for _ in range(5):
            with served.connect() as peer:
                peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                peer.send(b"GET /static/large.bin HTTP/1.1\r\nHost: a\r\n\r\n")
                peer.read_exactly(1000)
        wait_for(lambda: served.server.open_connections == 0, "the connections to be forgotten")
        wait_for(lambda: not holds_open(folder / "large.bin"), "the files to be closed")
        assert ask(served, "/static/site.css")[0] == 200
        assert not served.log.messages(Level.ERROR)


def test_a_file_that_shrinks_while_it_is_sent_is_visibly_cut_and_told(folder: Path) -> None:
    sparse, octets = folder / "sparse.bin", 200_000_000  # more than the kernel takes at once
    sparse.touch()
    os.truncate(sparse, octets)
    with mounted(folder) as served, served.connect() as peer:
        peer.send(b"GET /static/sparse.bin HTTP/1.1\r\nHost: a\r\n\r\n")
        peer.read_exactly(1000)
        os.truncate(sparse, 100)
        assert len(peer.read_to_end()) < octets - 1000
        wait_for(lambda: served.log.messages(Level.ERROR), "the fault to be told")
        assert served.log.messages(Level.ERROR) == ["a file could not be sent"]


def test_a_drain_lets_a_file_end(folder: Path) -> None:
    with mounted(folder) as served, served.connect() as peer:
        peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 131072)
        peer.send(b"GET /static/large.bin HTTP/1.1\r\nHost: a\r\n\r\n")
        head = peer.read_until(b"\r\n\r\n")
        draining = served.submit(served.server.drain(10))
        wait_for(lambda: served.server._service.draining, "the drain to begin")
        assert b"content-length: 3000000" in head.lower()
        assert peer.read_exactly(len(LARGE)) == LARGE
        draining.result(10)


@pytest.mark.parametrize("large", [False, True])
def test_files_are_served_over_http2_that_was_agreed_on_by_alpn(folder: Path, tmp_path: Path, *, large: bool) -> None:
    authority = Authority(tmp_path)
    certificate, key = authority.issue("localhost")
    path = "large.bin" if large else "site.css"
    with mounted(folder, manner=Manner(tls=True), tls_certificate=(certificate,), tls_key=(key,)) as served:
        url = f"https://localhost:{served.address[1]}/static/{path}"
        told = tmp_path / "body"
        command = f"curl -sS --http2 --cacert {authority.file} -o {told} -w %{{http_version}} {url}".split()
        answer = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECONDS)
        assert answer.stdout == "2", answer.stderr
        assert told.read_bytes() == (folder / path).read_bytes()


def test_a_wsgi_application_may_have_mounts_too(folder: Path) -> None:
    def wsgi(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [])
        return [b"the application"]

    with serve(wsgi, static=(f"/static={folder}",)) as served:
        assert ask(served, "/static/site.css")[2] == b"body { color: black }"
        assert ask(served, "/static/other")[2] == b"the application"


def test_cache_control_is_the_operators(folder: Path) -> None:
    with mounted(folder, static_cache_control="public, max-age=3600") as served:
        assert ask(served, "/static/site.css")[1]["cache-control"] == "public, max-age=3600"
    with mounted(folder, static_cache_control="") as served:
        assert "cache-control" not in ask(served, "/static/site.css")[1]


@pytest.mark.parametrize(
    "text", ["", "/static", "static=.", "/static=", "/a//b=.", "/../a=.", "/static=/no/such/folder"]
)
def test_what_is_no_mount_is_refused(text: str) -> None:
    with pytest.raises(AddressError, match="--static"):
        parse_mount(text)


def test_the_folder_of_challenges_can_be_mounted(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("proof")
    with serve(application, static=(f"/.well-known/acme-challenge={tmp_path}",), redirect_to_https=True) as served:
        assert ask(served, "/.well-known/acme-challenge/token")[2] == b"proof"
        assert ask(served, "/other")[0] == 308
