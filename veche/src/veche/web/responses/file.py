"""A file as an answer: whole, a part of it, or "you have it already".

One job: conditions, ranges and octets of one file (RFC 9110 §13, §14).
Must not know: which files may be asked for (static_files.py).
"""

import asyncio
import os
import stat
from collections.abc import AsyncIterator, Mapping
from typing import Final, Literal
from urllib.parse import quote

from msgspec import Struct

from veche.asgi import Receive, Scope, Send
from veche.http import Headers, Selection, http_date, media_type_of, select
from veche.web.errors import HTTPException
from veche.web.responses.response import Response

CHUNK_OCTETS: Final = 256 * 1024
# A document that somebody uploaded (an SVG is one) may hold scripts; opened by itself it gets an origin of its own.
SANDBOX_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox"
PATHSEND: Final = "http.response.pathsend"


class _OpenFile(Struct, frozen=True):
    """What is being served: its descriptor, and what was true when it was opened."""

    descriptor: int
    octets: int
    etag: str
    modified: float


class FileResponse(Response):
    """The file at `path`; 404 where there is none.

    filename: makes the browser save it under this name. sandbox: for files that are not ours.
    etag: with its quotes, where a better one is known than time and size.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        status_code: int = 200,
        headers: Mapping[str, str] | None = None,
        media_type: str | None = None,
        *,
        filename: str | None = None,
        sandbox: bool = False,
        etag: str | None = None,
    ) -> None:
        self.path = os.path.abspath(path)
        super().__init__(b"", status_code, headers, media_type or media_type_of(self.path))
        del self.headers["content-length"]
        if filename is not None:
            self.headers["content-disposition"] = content_disposition("attachment", filename)
        if sandbox:
            self.headers["content-security-policy"] = SANDBOX_POLICY
            self.headers["x-content-type-options"] = "nosniff"
        self._etag = etag

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        file = _open(self.path, self._etag)
        try:
            await self._serve(file, scope, send)
        finally:
            os.close(file.descriptor)

    async def _serve(self, file: _OpenFile, scope: Scope, send: Send) -> None:
        request_headers = Headers(scope["headers"])
        self.headers["etag"] = file.etag
        self.headers["last-modified"] = http_date(file.modified)
        self.headers["accept-ranges"] = "bytes"
        if self.status_code == 200:
            selection = select(
                scope["method"],
                request_headers,
                etag=file.etag,
                last_modified_timestamp=file.modified,
                complete_length=file.octets,
            )
        else:
            selection = Selection(self.status_code, 0, file.octets)  # conditions are about 200 (RFC 9110 §13.2.1)
        if selection.status == 412:
            raise HTTPException(412, "The file is not the one that the request is about.")
        if selection.status == 304:
            del self.headers["content-type"]
            await send({"type": "http.response.start", "status": 304, "headers": self.headers.raw})
            await send({"type": "http.response.body", "body": b""})
            return
        if selection.content_range is not None:
            if selection.status == 416:
                reason = f"The file has {file.octets} octets, none of which was asked for."
                raise HTTPException(416, reason, headers={"content-range": selection.content_range})
            self.headers["content-range"] = selection.content_range
        self.status_code, start, end = selection.status, selection.start, selection.end
        self.headers["content-length"] = str(end - start)
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.headers.raw})
        if scope["method"] == "HEAD":
            await send({"type": "http.response.body", "body": b""})
        elif self.status_code == 200 and file.octets > CHUNK_OCTETS and PATHSEND in scope.get("extensions", {}):
            await send({"type": PATHSEND, "path": self.path})
        else:
            await _send_octets(file.descriptor, start, end, send)


def content_disposition(kind: Literal["attachment", "inline"], filename: str) -> str:
    """Return a Content-Disposition whose filename may hold any characters (RFC 6266 §4.3, RFC 8187)."""
    plain = "".join(char if " " <= char <= "~" and char not in '"\\%' else "_" for char in filename)
    if plain == filename:
        return f'{kind}; filename="{plain}"'
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(filename, safe='')}"


def _open(path: str, etag: str | None) -> _OpenFile:
    try:
        # O_NONBLOCK: opening a FIFO must not wait for its writer; a regular file takes no notice.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError, PermissionError) as error:
        raise HTTPException(404, "There is no such file.") from error
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        raise HTTPException(404, "There is no such file.")
    known = etag if etag is not None else f'"{status.st_mtime_ns:x}-{status.st_size:x}"'
    return _OpenFile(descriptor, status.st_size, known, status.st_mtime)


async def _send_octets(descriptor: int, start: int, end: int, send: Send) -> None:
    async for octets in _octets(descriptor, start, end):
        start += len(octets)
        await send({"type": "http.response.body", "body": octets, "more_body": start < end})
    if start < end:
        raise OSError(f"the file became shorter while it was sent: {end - start} octets are missing")


async def _octets(descriptor: int, start: int, end: int) -> AsyncIterator[bytes]:
    """Yield the octets of [start, end); one piece is read here, more of them in a thread.

    A thread costs some 100 µs, a piece from the page cache some 30; only a large file is likely to wait for the disk.
    """
    if end - start <= CHUNK_OCTETS:
        yield os.pread(descriptor, end - start, start)
        return
    while start < end:
        octets = await asyncio.to_thread(os.pread, descriptor, min(CHUNK_OCTETS, end - start), start)
        if not octets:
            return
        start += len(octets)
        yield octets
