"""Files of a folder, under addresses that change when the file changes.

One job: which file an address means, and how long it may be kept.
Must not know: what an answer with a file looks like (responses/file.py).
"""

import hashlib
import os
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs

from veche.asgi import Receive, Scope, Send
from veche.web.errors import HTTPException
from veche.web.requests import quote_path
from veche.web.responses import FileResponse

# `immutable`: not even a reload asks again (RFC 8246). A year is the longest that caches believe.
FOREVER: Final = "public, max-age=31536000, immutable"
ASK_AGAIN: Final = "no-cache"  # kept, but asked about each time: 304 is the answer
HASHED_OCTETS: Final = 8 * 1024 * 1024  # a larger file is known by its time and size
FINGERPRINT_DIGITS: Final = 12


class StaticFiles:
    """An ASGI application to mount: `Mount("/static", StaticFiles(folder), name="static")`.

    `url_for("static", path="site.css")` gives "/static/site.css?v=…"; that address is kept for a year, any other is
    asked about each time. sandbox: for files that are not ours, such as pictures somebody imported.
    """

    def __init__(self, directory: str | os.PathLike[str], *, sandbox: bool = False) -> None:
        self._directory = os.path.realpath(directory)
        self._sandbox = sandbox
        self._known: dict[str, tuple[tuple[int, int], str]] = {}
        if not os.path.isdir(self._directory):
            raise FileNotFoundError(f"static folder {self._directory} is not there; make it, or take the mount away")

    def address(self, path: str) -> str:
        """Return the path below the mount, with its fingerprint where the file is there."""
        file = self._file(path)
        fingerprint = None if file is None else self._fingerprint(file)
        return "/" + quote_path(path) + ("" if fingerprint is None else f"?v={fingerprint}")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise HTTPException(404, "There is nothing at this address.")
        if scope["method"] not in ("GET", "HEAD"):
            raise HTTPException(405, "Files can only be read.", headers={"allow": "GET, HEAD"})
        file = self._file(scope["path"].removeprefix(scope.get("root_path", "")).lstrip("/"))
        if file is None:
            raise HTTPException(404, "There is no such file.")
        fingerprint = self._fingerprint(file)
        asked = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("v")
        current = fingerprint is not None and asked == [fingerprint]
        response = FileResponse(
            file,
            headers={"cache-control": FOREVER if current else ASK_AGAIN},
            sandbox=self._sandbox,
            etag=None if fingerprint is None else f'"{fingerprint}"',
        )
        await response(scope, receive, send)

    def _file(self, path: str) -> str | None:
        """Return the file's real path, None for whatever is not a file inside the folder."""
        parts = path.split("/")
        # A part that begins with "." is "..", or a file that nobody meant to publish (.git, .env).
        if any(not part or part.startswith(".") or "\\" in part or "\x00" in part for part in parts):
            return None
        real = os.path.realpath(os.path.join(self._directory, *parts))
        inside = real.startswith(self._directory + os.sep)  # a link that leads out of the folder does not count
        return real if inside and os.path.isfile(real) else None

    def _fingerprint(self, file: str) -> str | None:
        """Return a digest of the content, computed once for each change of the file; None for a large one."""
        status = os.stat(file)
        if status.st_size > HASHED_OCTETS:
            return None
        version = (status.st_mtime_ns, status.st_size)
        known = self._known.get(file)
        if known is None or known[0] != version:
            digest = hashlib.sha256(Path(file).read_bytes()).hexdigest()[:FINGERPRINT_DIGITS]
            known = self._known[file] = (version, digest)
        return known[1]
