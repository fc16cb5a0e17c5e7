"""The address of a request, as the client sees it.

One job: put the parts of a scope together to a URL.
Must not know: routes, proxies (the server has already put what a trusted proxy says into the scope).
"""

import re
from typing import Final
from urllib.parse import quote

from msgspec import Struct

from veche.asgi import Scope
from veche.http import Headers

# A Host that is no host would become part of links and e-mails: it is replaced by the server's own address.
HOST: Final = re.compile(r"(?:[A-Za-z0-9._~-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
PATH_SAFE: Final = "/:@!$&'()*+,;=~-._"


def quote_path(path: str) -> str:
    """Return the path percent-encoded (RFC 3986 §3.3)."""
    return quote(path, safe=PATH_SAFE)


class URL(Struct, frozen=True):
    """scheme, host (with its port where it has one), path (percent-encoded) and query without "?"."""

    scheme: str
    host: str
    path: str
    query: str = ""

    @property
    def origin(self) -> str:
        """Scheme and host (RFC 6454 §6.2)."""
        return f"{self.scheme}://{self.host}"

    def __str__(self) -> str:
        return f"{self.origin}{self.path}" + (f"?{self.query}" if self.query else "")


def url_of(scope: Scope, headers: Headers) -> URL:
    """Return the URL of an http or websocket scope."""
    host = headers.get("host", "")
    if not HOST.fullmatch(host):
        server = scope.get("server") or ("localhost", None)
        host = server[0] if server[1] is None else f"{server[0]}:{server[1]}"
    return URL(
        scheme=scope.get("scheme", "http"),
        host=host,
        path=quote_path(scope["path"]),
        query=scope.get("query_string", b"").decode("latin-1"),
    )
