"""What a WSGI application is told of a request: `environ` (PEP 3333, RFC 3875).

One job: a request's head → environ; the application's status and headers → octets.
Must not know: threads, connections.
"""

import re
import sys
from collections.abc import Iterator
from typing import IO, Final

from veche.asgi import Environ
from veche.server.bridges.exchange import Address
from veche.wire.h1 import RequestHead, ResponseRefused

STATUS: Final = re.compile(r"[1-5][0-9][0-9](?: .*)?", re.DOTALL)
# The body is whole and without its coding when the application sees it.
NOT_HANDED_ON: Final = frozenset({b"transfer-encoding", b"content-length"})
BLOCK_OCTETS: Final = 65536
REMEMBERED_NAMES: Final = 1024


class FileWrapper:
    """`wsgi.file_wrapper`: an iterable over a file, in blocks; closing it closes the file."""

    def __init__(self, file: IO[bytes], block_octets: int = BLOCK_OCTETS) -> None:
        self._file = file
        self._block_octets = block_octets

    def __iter__(self) -> Iterator[bytes]:
        while block := self._file.read(self._block_octets):
            yield block

    def close(self) -> None:
        """Close the file, if it can be closed."""
        close = getattr(self._file, "close", None)
        if close is not None:
            close()


class Environs:
    """Makes environs; what is the same in all of them, and the keys of names seen before, are kept."""

    def __init__(self, *, multiprocess: bool) -> None:
        self._keys: dict[bytes, str] = {}
        self._same: Environ = {
            "SCRIPT_NAME": "",
            "SERVER_SOFTWARE": "veche",
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input_terminated": True,
            "wsgi.multithread": True,
            "wsgi.multiprocess": multiprocess,
            "wsgi.run_once": False,
            "wsgi.file_wrapper": FileWrapper,
        }

    def environ_of(
        self, head: RequestHead, *, client: Address | None, local: Address | None, body: IO[bytes], body_octets: int
    ) -> Environ:
        """Return a new environ. Texts are octets as Latin-1, which PEP 3333 calls "native strings"."""
        line = head.line
        environ = self._same.copy()
        environ["REQUEST_METHOD"] = line.method
        environ["PATH_INFO"] = line.path.decode("latin-1")
        environ["QUERY_STRING"] = line.query.decode("latin-1")
        environ["RAW_URI"] = line.target.decode("latin-1")
        environ["SERVER_PROTOCOL"] = "HTTP/1.1" if line.is_1_1 else "HTTP/1.0"
        environ["SERVER_NAME"] = local[0] if local else "localhost"
        environ["SERVER_PORT"] = str(local[1] or "") if local else ""
        environ["REMOTE_ADDR"] = client[0] if client else ""
        environ["REMOTE_PORT"] = str(client[1] or "") if client else ""
        environ["wsgi.input"] = body
        environ["wsgi.errors"] = sys.stderr
        if body_octets or head.content_length or head.chunked:
            environ["CONTENT_LENGTH"] = str(body_octets)
        self._add_fields(environ, head.fields)
        return environ

    def _add_fields(self, environ: Environ, fields: list[tuple[bytes, bytes]]) -> None:
        for name, value in fields:
            key = self._keys.get(name)
            if key is None:
                key = self._key_of(name)
            if not key:
                continue
            text = value.decode("latin-1")
            if key in environ and key != "CONTENT_TYPE":
                text = environ[key] + ("; " if name == b"cookie" else ", ") + text
            environ[key] = text

    def _key_of(self, name: bytes) -> str:
        """Return the key of a field's name, "" for one that is not handed on."""
        # "_" and "-" become the same name: who sends X_Forwarded_For could speak for the proxy's X-Forwarded-For.
        if name in NOT_HANDED_ON or b"_" in name:
            key = ""
        elif name == b"content-type":
            key = "CONTENT_TYPE"
        else:
            key = "HTTP_" + name.decode("ascii").upper().replace("-", "_")
        if len(self._keys) >= REMEMBERED_NAMES:
            self._keys.clear()
        self._keys[name] = key
        return key


def status_code(status: str) -> int:
    """Return the code of "404 Not Found". Raises ResponseRefused."""
    if not isinstance(status, str) or not STATUS.fullmatch(status):
        raise ResponseRefused(f"status {status!r} is not three digits and a reason (PEP 3333)")
    return int(status[:3])


def field_octets(name: str, value: str) -> tuple[bytes, bytes]:
    """Return a header as octets; whether HTTP can carry them is checked where they are written.

    Raises ResponseRefused for what is not Latin-1.
    """
    try:
        return name.encode("latin-1"), value.encode("latin-1")
    except (UnicodeEncodeError, AttributeError) as error:
        raise ResponseRefused(
            f"header {name!r}: {value!r} cannot be sent; expected texts of Latin-1 characters (PEP 3333)"
        ) from error
