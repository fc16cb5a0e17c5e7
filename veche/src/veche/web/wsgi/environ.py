"""environ → scope (PEP 3333 to ASGI).

One job: translate one dictionary into the other.
Must not know: threads, loops, bodies.
"""

from collections.abc import Mapping
from urllib.parse import quote, urlsplit

from veche.asgi import Environ, Scope
from veche.http import RawHeaders
from veche.web.responses import WSGI_EXTENSION


def scope_of(environ: Environ, state: Mapping[str, object]) -> Scope:
    """Return the http scope. Its extension "veche.wsgi" says that neither WebSockets nor long streams are possible."""
    root_path = _text(environ.get("SCRIPT_NAME", ""))
    path = root_path + _text(environ.get("PATH_INFO", "")) or "/"
    port = str(environ.get("SERVER_PORT", ""))
    remote_port = str(environ.get("REMOTE_PORT", ""))
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": str(environ.get("SERVER_PROTOCOL", "HTTP/1.1")).partition("/")[2] or "1.1",
        "method": str(environ["REQUEST_METHOD"]).upper(),
        "scheme": environ.get("wsgi.url_scheme", "http"),
        "path": path,
        "raw_path": _raw_path(environ, path),
        "query_string": str(environ.get("QUERY_STRING", "")).encode("latin-1"),
        "root_path": root_path,
        "headers": _headers(environ),
        "client": (environ["REMOTE_ADDR"], int(remote_port) if remote_port.isdigit() else 0)
        if environ.get("REMOTE_ADDR")
        else None,
        "server": (environ.get("SERVER_NAME", "localhost"), int(port) if port.isdigit() else None),
        "state": dict(state),
        "extensions": {WSGI_EXTENSION: {}},
    }


def _text(native: str) -> str:
    """A "native string" holds octets as latin-1; those of a path are UTF-8 (PEP 3333, "Unicode Issues")."""
    return native.encode("latin-1").decode("utf-8", "replace")


def _raw_path(environ: Environ, path: str) -> bytes:
    """The path as it was sent, where the server tells it (gunicorn, uWSGI); otherwise quoted again."""
    target = environ.get("RAW_URI") or environ.get("REQUEST_URI")
    return (urlsplit(target).path if target else quote(path)).encode("latin-1")


def _headers(environ: Environ) -> RawHeaders:
    headers = [
        (name[5:].replace("_", "-").lower().encode("latin-1"), str(value).encode("latin-1"))
        for name, value in environ.items()
        if name.startswith("HTTP_") and name not in ("HTTP_CONTENT_TYPE", "HTTP_CONTENT_LENGTH")
    ]
    for key, name in (("CONTENT_TYPE", b"content-type"), ("CONTENT_LENGTH", b"content-length")):
        if environ.get(key):
            headers.append((name, str(environ[key]).encode("latin-1")))
    return headers
