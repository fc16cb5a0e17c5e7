"""Files of a folder: which may be asked for, how long they are kept, and in what parts they go."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from veche.web import Application, FileResponse, Mount, Response, Route, StaticFiles
from veche.web.responses.file import CHUNK_OCTETS, content_disposition
from veche.web.testing import Client


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    static = tmp_path / "static"
    (static / "deep").mkdir(parents=True)
    (static / "site.css").write_text("body { color: #222 }")
    (static / "deep" / "picture.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    (static / ".env").write_text("SECRET=1")
    (static / "large.txt").write_bytes(bytes(range(256)) * 4096)
    (tmp_path / "outside.txt").write_text("outside")
    (static / "leak.txt").symlink_to(tmp_path / "outside.txt")
    os.mkfifo(static / "pipe.txt")
    return static


def in_client(application: Application, test: Callable[[Client], Awaitable[None]]) -> None:
    async def run() -> None:
        async with Client(application) as client:
            await test(client)

    asyncio.run(run())


def mounted(folder: Path, *, sandbox: bool = False) -> Application:
    return Application([Mount("/static", StaticFiles(folder, sandbox=sandbox), name="static")])


def test_an_address_has_the_fingerprint_of_the_content_and_is_kept_for_a_year(folder: Path) -> None:
    application = mounted(folder)

    async def test(client: Client) -> None:
        address = application.url_for("static", path="site.css")
        assert address.startswith("/static/site.css?v=")
        answer = await client.get(address)
        assert (answer.status_code, answer.text) == (200, "body { color: #222 }")
        assert answer.headers["content-type"] == "text/css; charset=utf-8"
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert (await client.get("/static/site.css?v=old")).headers["cache-control"] == "no-cache"
        (folder / "site.css").write_text("body { color: #333 }")
        os.utime(folder / "site.css", ns=(1, 1))
        assert application.url_for("static", path="site.css") != address

    in_client(application, test)


@pytest.mark.parametrize(
    "path",
    [
        "../outside.txt",
        "deep/../../outside.txt",
        "%2e%2e/outside.txt",
        "..%2foutside.txt",
        "/etc/passwd",
        "//etc/passwd",
        "deep/..%5c..%5coutside.txt",
        "site.css%00.txt",
        ".env",
        "leak.txt",
        "pipe.txt",
        "deep",
        "deep/",
        "",
        "missing.css",
    ],
)
def test_nothing_but_the_files_of_the_folder_is_given(folder: Path, path: str) -> None:
    assert (folder.parent / "outside.txt").is_file()  # somebody is outside, or this proves nothing

    async def test(client: Client) -> None:
        answer = await client.get("/static/" + path)
        assert answer.status_code == 404
        assert "outside" not in answer.text

    in_client(mounted(folder), test)


def test_a_known_file_is_304_and_a_changed_one_is_sent(folder: Path) -> None:  # RFC 9110 §13.1.2, §13.1.3
    async def test(client: Client) -> None:
        first = await client.get("/static/site.css")
        again = await client.get("/static/site.css", headers={"if-none-match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert "content-type" not in again.headers
        assert again.headers["etag"] == first.headers["etag"]
        since = {"if-modified-since": first.headers["last-modified"]}
        assert (await client.get("/static/site.css", headers=since)).status_code == 304
        assert (await client.get("/static/site.css", headers={"if-none-match": '"other"'})).status_code == 200
        assert (await client.get("/static/site.css", headers={"if-match": '"other"'})).status_code == 412

    in_client(mounted(folder), test)


@pytest.mark.parametrize(
    ("asked", "status", "start", "end"),
    [
        ("bytes=0-0", 206, 0, 1),
        ("bytes=10-", 206, 10, 20),
        ("bytes=-5", 206, 15, 20),
        ("bytes=-500", 206, 0, 20),
        ("bytes=5-9999", 206, 5, 20),
        ("bytes=0-1,5-6", 200, 0, 20),  # several: the whole, as RFC 9110 §14.2 allows
        ("bytes=9-5", 200, 0, 20),
        ("lines=1-2", 200, 0, 20),
        ("bytes=+1-2", 200, 0, 20),
    ],
)
def test_a_range_is_answered_with_that_part(folder: Path, asked: str, status: int, start: int, end: int) -> None:
    whole = (folder / "site.css").read_bytes()

    async def test(client: Client) -> None:
        answer = await client.get("/static/site.css", headers={"range": asked})
        assert (answer.status_code, answer.content) == (status, whole[start:end])
        if status == 206:
            assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/20"

    in_client(mounted(folder), test)


def test_a_range_beyond_the_end_is_416_and_if_range_guards_against_mixing_two_files(folder: Path) -> None:
    async def test(client: Client) -> None:
        answer = await client.get("/static/site.css", headers={"range": "bytes=20-"})
        assert (answer.status_code, answer.headers["content-range"]) == (416, "bytes */20")
        etag = (await client.get("/static/site.css")).headers["etag"]
        same = await client.get("/static/site.css", headers={"range": "bytes=1-2", "if-range": etag})
        other = await client.get("/static/site.css", headers={"range": "bytes=1-2", "if-range": '"old"'})
        assert (same.status_code, other.status_code) == (206, 200)

    in_client(mounted(folder), test)


def test_head_has_the_fields_and_no_body_and_only_reading_is_allowed(folder: Path) -> None:
    async def test(client: Client) -> None:
        head = await client.request("HEAD", "/static/site.css")
        assert (head.status_code, head.headers["content-length"], head.content) == (200, "20", b"")
        refused = await client.post("/static/site.css", form={})
        assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD")

    in_client(mounted(folder), test)


def test_a_large_file_goes_in_pieces_and_its_middle_too(folder: Path) -> None:
    whole = (folder / "large.txt").read_bytes()
    assert len(whole) > 2 * CHUNK_OCTETS

    async def test(client: Client) -> None:
        assert (await client.get("/static/large.txt")).content == whole
        middle = await client.get("/static/large.txt", headers={"range": "bytes=1000-900000"})
        assert middle.content == whole[1000:900001]

    in_client(mounted(folder), test)


def test_an_imported_picture_is_put_into_a_sandbox(folder: Path) -> None:
    async def test(client: Client) -> None:
        answer = await client.get("/static/deep/picture.svg")
        assert answer.headers["content-type"] == "image/svg+xml"
        assert "sandbox" in answer.headers["content-security-policy"]

    in_client(mounted(folder, sandbox=True), test)


def test_a_download_keeps_its_name_in_any_script(folder: Path) -> None:  # RFC 6266 §4.3
    assert content_disposition("attachment", "report.pdf") == 'attachment; filename="report.pdf"'
    assert content_disposition("attachment", 'a"b\r\n.txt') == (
        "attachment; filename=\"a_b__.txt\"; filename*=UTF-8''a%22b%0D%0A.txt"
    )

    async def lesson() -> Response:
        return FileResponse(folder / "site.css", filename="урок.css")

    async def gone() -> Response:
        return FileResponse(folder / "gone.css")

    async def test(client: Client) -> None:
        answer = await client.get("/lesson")
        assert "filename*=UTF-8''%D1%83%D1%80%D0%BE%D0%BA.css" in answer.headers["content-disposition"]
        assert (await client.get("/gone")).status_code == 404

    in_client(Application([Route("/lesson", lesson), Route("/gone", gone)]), test)


def test_a_server_that_offers_pathsend_gets_the_path_of_a_large_file(folder: Path) -> None:
    messages: list[object] = []

    async def run() -> None:
        async def send(message: object) -> None:
            messages.append(message)

        async def receive() -> dict[str, object]:
            return {"type": "http.disconnect"}

        scope = {"type": "http", "method": "GET", "headers": [], "extensions": {"http.response.pathsend": {}}}
        await FileResponse(folder / "large.txt")(scope, receive, send)

    asyncio.run(run())
    assert messages[1] == {"type": "http.response.pathsend", "path": str(folder / "large.txt")}


def test_a_folder_that_is_not_there_is_said_at_start(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="make it"):
        StaticFiles(tmp_path / "nothing")
