"""What a WSGI application is told of a request: `environ` (PEP 3333, RFC 3875).

One job: a request's head and its connection's addresses → environ.
Must not know: threads, bodies, responses.

What is the same for all requests of one peer is a dict that is copied; a field that was seen
before is one lookup.
"""

import sys
from collections.abc import Mapping
from typing import IO, Any, Final

from veche.asgi import Environ
from veche.server.bridges.exchange import Address, Ends
from veche.server.bridges.wsgi.body import EMPTY
from veche.server.bridges.wsgi.file_wrapper import FileWrapper
from veche.wire.h1 import RequestHead, RequestLine

# The body is whole and without its coding when the application sees it. Proxy would become HTTP_PROXY, which programs
# take for the name of a proxy to use ("httpoxy", CVE-2016-5385).
NOT_HANDED_ON: Final = frozenset({b"transfer-encoding", b"content-length", b"proxy"})
NOT_REMEMBERED: Final = frozenset({b"authorization", b"proxy-authorization"})  # not kept longer than their request
TLS_VERSIONS: Final = {0x0303: "TLSv1.2", 0x0304: "TLSv1.3"}
PROTOCOLS: Final = {version: f"HTTP/{version}" for version in ("1.0", "2")}
REMEMBERED_FIELDS: Final = 2048
REMEMBERED_OCTETS: Final = 512
REMEMBERED_PEERS: Final = 512

Pair = tuple[str, str]


class Peer:
    """How one peer came here, and what all of its requests are told."""

    __slots__ = ("environ", "local", "scheme", "tls")

    def __init__(self, ends: Ends, environ: Environ) -> None:
        self.local = ends.local
        self.scheme = ends.scheme
        self.tls = ends.tls
        self.environ = environ


class Environs:
    """Makes environs for all requests of a worker; what it remembers is bounded in number and length."""

    def __init__(self, *, multithread: bool, multiprocess: bool) -> None:
        self._keys: dict[bytes, str] = {}
        self._pairs: dict[tuple[bytes, bytes], Pair] = {}
        self._pair_of = self._pairs.__getitem__
        self._targets: dict[bytes, Environ] = {}
        self._peers: dict[Address | None, Peer] = {}
        self._same: Environ = {
            "SERVER_PROTOCOL": "HTTP/1.1",  # most requests speak it
            "SCRIPT_NAME": "",
            "SERVER_SOFTWARE": "veche",
            "wsgi.version": (1, 0),
            "wsgi.errors": sys.stderr,
            "wsgi.input_terminated": True,
            "wsgi.multithread": multithread,
            "wsgi.multiprocess": multiprocess,
            "wsgi.run_once": False,
            "wsgi.file_wrapper": FileWrapper,
            "wsgi.input": EMPTY,
        }

    def environ_of(self, head: RequestHead, ends: Ends, body: IO[bytes], length: int) -> Environ:
        """Return a new environ. Texts are octets as Latin-1, which PEP 3333 calls "native strings".

        length: of the body, -1 where there is none, or while nobody knows it.
        """
        known = self._peers.get(ends.client)
        # TLS by identity: the next connection from the same port may be another person's, with another certificate.
        local = ends.local  # mostly the very tuple, which is seen without looking into it
        if (
            known is None
            or known.tls is not ends.tls
            or known.scheme != ends.scheme
            or (known.local is not local and known.local != local)
        ):
            known = self._meet(ends)
        line = head.line
        environ = known.environ | (self._targets.get(line.target) or self._read_target(line))
        environ["REQUEST_METHOD"] = line.method
        version = line.version
        if version != "1.1":
            environ["SERVER_PROTOCOL"] = PROTOCOLS[version]
        if body is not EMPTY:
            environ["wsgi.input"] = body
            if length >= 0:
                environ["CONTENT_LENGTH"] = str(length)
        fields = head.fields
        size = len(environ)
        try:
            environ.update(map(self._pair_of, fields))
        except KeyError:
            pass  # a field that was not seen before, or is not remembered
        else:
            if len(environ) == size + len(fields):
                return environ
        self._add_fields(environ, fields)
        return environ

    def _meet(self, ends: Ends) -> Peer:
        """Return what is the same for all requests of this peer."""
        client, local, scheme = ends.client, ends.local, ends.scheme
        environ: dict[str, Any] = self._same.copy()
        environ["wsgi.url_scheme"] = scheme
        environ["REMOTE_ADDR"] = client[0] if client else ""
        environ["REMOTE_PORT"] = str(client[1] or "") if client else ""
        # A Unix socket has a path; PEP 3333 wants a name and a port, never empty.
        has_port = local is not None and local[1] is not None
        environ["SERVER_NAME"] = local[0] if local and has_port else "localhost"
        environ["SERVER_PORT"] = str(local[1]) if local and has_port else "443" if scheme == "https" else "80"
        if scheme == "https":
            environ["HTTPS"] = "on"
        if ends.tls is not None:
            environ.update(_tls_variables(ends.tls))
        if len(self._peers) >= REMEMBERED_PEERS:
            self._peers.clear()
        known = self._peers[client] = Peer(ends, environ)
        return known

    def _read_target(self, line: RequestLine) -> Environ:
        """Return what the target of a request says."""
        path = line.path.decode("latin-1")
        told = {
            # OPTIONS * is about the server, and PEP 3333 has no way to say so: PATH_INFO begins with "/".
            "PATH_INFO": path if path != "*" else "/",
            "QUERY_STRING": line.query.decode("latin-1"),
            "RAW_URI": line.target.decode("latin-1"),
        }
        if len(line.target) <= REMEMBERED_OCTETS:
            if len(self._targets) >= REMEMBERED_FIELDS:
                self._targets.clear()
            self._targets[line.target] = told
        return told

    def _add_fields(self, environ: Environ, fields: list[tuple[bytes, bytes]]) -> None:
        """Add the fields one by one; those of one name become one text."""
        seen: set[str] = set()
        for field in fields:
            name, value = field
            key = self._keys.get(name)
            if key is None:
                key = self._key_of(name)
            if not key:
                continue
            text = value.decode("latin-1")
            if key not in seen:
                seen.add(key)
                if name not in NOT_REMEMBERED and len(name) + len(value) <= REMEMBERED_OCTETS:
                    if len(self._pairs) >= REMEMBERED_FIELDS:
                        self._pairs.clear()
                    self._pairs[field] = (key, text)
            elif key != "CONTENT_TYPE":
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
        if len(self._keys) >= REMEMBERED_FIELDS:
            self._keys.clear()
        self._keys[name] = key
        return key


def _tls_variables(tls: Mapping[str, Any]) -> dict[str, str]:
    """Return what the TLS extension of ASGI says under the names of Apache's mod_ssl, which applications know."""
    variables = {"SSL_PROTOCOL": TLS_VERSIONS.get(tls["tls_version"], ""), "SSL_CLIENT_VERIFY": "NONE"}
    if tls["client_cert_chain"]:
        variables["SSL_CLIENT_VERIFY"] = "SUCCESS"
        variables["SSL_CLIENT_S_DN"] = tls["client_cert_name"]
        variables["SSL_CLIENT_CERT"] = tls["client_cert_chain"][0]
    return variables
