"""The opening handshake on HTTP/1.1 (RFC 6455 §4.2) and on HTTP/2 (RFC 8441 §5).

One job: the fields of a request → the answer, or why not.
Must not know: sockets, applications, HTTP's own syntax (wire.h1 has read it).
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable, Sequence
from typing import Final

from veche.wire.websocket.deflate_offers import DeflateAgreement, DeflateChoices, agree
from veche.wire.websocket.errors import HandshakeRefused
from veche.wire.websocket.extensions import read_offers

GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # §1.3
VERSION: Final = b"13"
KEY_OCTETS: Final = 16
SUBPROTOCOL: Final = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
# What says that and how the connection changes; a body's fields do not belong to a 101 (RFC 9110 §8.6).
OURS: Final = frozenset(
    {
        b"upgrade",
        b"connection",
        b"sec-websocket-accept",
        b"sec-websocket-protocol",
        b"sec-websocket-extensions",
        b"content-length",
        b"transfer-encoding",
    }
)

Field = tuple[bytes, bytes]


class Handshake:
    """A request that may become a WebSocket.

    key: None on HTTP/2, which needs no proof that the server speaks WebSocket (RFC 8441 §5).
    deflate: what is agreed on when it does.
    """

    def __init__(self, key: bytes | None, subprotocols: tuple[str, ...], deflate: DeflateAgreement | None) -> None:
        self.key = key
        self.subprotocols = subprotocols
        self.deflate = deflate

    def answer(self, subprotocol: str | None = None, others: Iterable[Field] = ()) -> list[Field]:
        """Return the fields of the 101 response, on HTTP/2 those of the 200.

        others: the application's own fields. Raises ValueError for a subprotocol that was not offered (§4.2.2), and for
        a field that is the server's to say.
        """
        if subprotocol is not None and subprotocol not in self.subprotocols:
            raise ValueError(f"subprotocol {subprotocol!r} was not offered; expected one of {self.subprotocols}")
        fields: list[Field] = []
        if self.key is not None:
            fields += [
                (b"upgrade", b"websocket"),
                (b"connection", b"Upgrade"),
                (b"sec-websocket-accept", accept_value(self.key)),
            ]
        if subprotocol is not None:
            fields.append((b"sec-websocket-protocol", subprotocol.encode("ascii")))
        if self.deflate is not None:
            fields.append((b"sec-websocket-extensions", self.deflate.answer))
        for name, value in others:
            if name.lower() in OURS:
                raise ValueError(f"field {name!r} of an accepted WebSocket is the server's; leave it out")
            fields.append((name, value))
        return fields


def read_handshake(
    method: str, version: str, fields: Iterable[Field], *, deflate: DeflateChoices | None = None
) -> Handshake:
    """Return the handshake of a request whose Connection names Upgrade and whose Upgrade is websocket.

    version: "2" for an extended CONNECT whose :protocol is websocket. fields: names in lower case. deflate: None
    declines compression. Raises HandshakeRefused: 426 for another version of the protocol, 400 for the rest.
    """
    found: dict[bytes, list[bytes]] = {}
    for name, value in fields:
        if name.startswith(b"sec-websocket-"):
            found.setdefault(name, []).append(value)
    if version != "2" and (method != "GET" or version == "1.0"):
        raise HandshakeRefused(400, "a WebSocket begins with GET and HTTP/1.1 (RFC 6455 §4.1)")
    if found.get(b"sec-websocket-version") != [VERSION]:
        raise HandshakeRefused(426, "expected Sec-WebSocket-Version: 13", ((b"sec-websocket-version", VERSION),))
    key = None
    if version != "2":
        keys = found.get(b"sec-websocket-key", [])
        if len(keys) != 1 or not _is_key(keys[0]):
            raise HandshakeRefused(400, "Sec-WebSocket-Key is not 16 octets in base64 (RFC 6455 §4.1)")
        key = keys[0]
    offers = read_offers(found.get(b"sec-websocket-extensions", []))
    agreement = agree(offers, deflate) if deflate is not None else None
    return Handshake(key, _subprotocols(found.get(b"sec-websocket-protocol", [])), agreement)


def accept_value(key: bytes) -> bytes:
    """Return the value of Sec-WebSocket-Accept for a key (§4.2.2)."""
    # SHA-1 is the protocol's choice; it proves that the server speaks WebSocket, not who it is.
    return base64.b64encode(hashlib.sha1(key + GUID, usedforsecurity=False).digest())


def _is_key(key: bytes) -> bool:
    try:
        return len(base64.b64decode(key, validate=True)) == KEY_OCTETS
    except binascii.Error:
        return False


def _subprotocols(values: Sequence[bytes]) -> tuple[str, ...]:
    names = [name.strip(b" \t") for value in values for name in value.split(b",")]
    if any(not SUBPROTOCOL.fullmatch(name) for name in names):
        raise HandshakeRefused(400, "Sec-WebSocket-Protocol is not a list of tokens (RFC 6455 §4.1)")
    return tuple(name.decode("ascii") for name in names)
