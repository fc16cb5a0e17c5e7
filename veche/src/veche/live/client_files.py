"""The browser's half of live pages, as it is served: modules without comments, at an address of their content.

One job: from the folder client/ to octets that may be kept for ever.
Must not know: what the modules do. Nothing is built: a module differs from its source in whole-line comments only.
"""

import gzip
import re
from hashlib import blake2s
from pathlib import Path
from typing import Final

from veche.web import HTTPException, Request, Response

FOLDER: Final = Path(__file__).parent / "client"
ENTRY: Final = "live.js"
PREFIX: Final = "/static/live"
COMMENT_LINES: Final = re.compile(r"^[ \t]*(?:///?[^\n]*|/\*\*[\s\S]*?\*/)\n|^[ \t]+", re.MULTILINE)


class ClientFiles:
    """Reads the folder once. The relative imports of the modules stay inside the address of this version."""

    def __init__(self, folder: Path = FOLDER) -> None:
        sources = {path.name: path.read_text("utf-8") for path in sorted(folder.glob("*.js"))}
        self.modules = {name: COMMENT_LINES.sub("", text).encode() for name, text in sources.items()}
        self.fingerprint = blake2s(b"\0".join(self.modules.values()), digest_size=6).hexdigest()
        self._compressed: dict[str, bytes] = {}

    @property
    def path(self) -> str:
        """The pattern of the route that serves them."""
        return PREFIX + "/{fingerprint}/{name}"

    def address(self, name: str = ENTRY) -> str:
        return f"{PREFIX}/{self.fingerprint}/{name}"

    async def serve(self, request: Request, fingerprint: str, name: str) -> Response:
        """Answer with one module. Raises HTTPException(404) for another version: nobody may keep it by this name."""
        if fingerprint != self.fingerprint or name not in self.modules:
            raise HTTPException(404, "There is no such module.")
        headers = {"cache-control": "public, max-age=31536000, immutable", "vary": "accept-encoding"}
        content = self.modules[name]
        if "gzip" in request.headers.get("accept-encoding", ""):
            headers["content-encoding"] = "gzip"
            content = self.compressed(name)
        return Response(content, headers=headers, media_type="text/javascript; charset=utf-8")

    def compressed(self, name: str) -> bytes:
        if name not in self._compressed:
            self._compressed[name] = gzip.compress(self.modules[name], 9, mtime=0)
        return self._compressed[name]
