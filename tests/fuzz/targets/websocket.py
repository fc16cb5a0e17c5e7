"""WebSocket: messages are read alike however their octets arrive, and no handshake raises anything but its refusal.

One job: what must hold for any octets, and seeds. Must not know: who makes the octets.
"""

import zlib
from collections.abc import Iterable
from typing import Final

from veche.wire.websocket import (
    CloseCode,
    DeflateChoices,
    FrameMakers,
    FrameRefused,
    HandshakeRefused,
    MessageReader,
    Received,
    read_handshake,
)

LIMIT_OCTETS: Final = 5000
LIMIT_FRAGMENTS: Final = 20
KEY: Final = b"\0\0\0\0"  # masks nothing, so that a fuzzer sees what it changes
OFFER: Final = (b"sec-websocket-extensions", b"permessage-deflate")
GOOD: Final = [(b"sec-websocket-key", b"dGhlIHNhbXBsZSBub25jZQ=="), (b"sec-websocket-version", b"13")]


def frame(first: int, payload: bytes) -> bytes:
    """Return a client's frame; first: FIN, RSV and opcode."""
    length = len(payload)
    if length < 126:
        return bytes((first, 0x80 | length)) + KEY + payload
    return bytes((first, 0xFE)) + length.to_bytes(2, "big") + KEY + payload


def _compressed(payload: bytes) -> bytes:
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    return (deflate.compress(payload) + deflate.flush(zlib.Z_SYNC_FLUSH))[:-4]


HELLO: Final = _compressed(b"Hello")
# The first octet chooses what was agreed on.
SEEDS: Final = [
    b"\0" + frame(0x81, b"Hello") + frame(0x82, b"\xff\0") + frame(0x89, b"ping") + frame(0x88, b"\x03\xe8bye"),
    b"\0" + frame(0x01, "Пр".encode()[:3]) + frame(0x8A, b"") + frame(0x00, b"") + frame(0x80, "р".encode()[1:]),
    b"\0" + frame(0x82, bytes(300)) + frame(0x81, "я".encode() * 200),
    b"\x01" + frame(0xC1, HELLO) + frame(0xC1, HELLO) + frame(0x81, b"plain"),
    b"\x02"
    + frame(0xC1, HELLO)
    + frame(0xC1, b"\xf2\x00\x11\x00\x00")
    + frame(0x41, HELLO[:3])
    + frame(0x80, HELLO[3:]),
    b"\x01" + frame(0xC2, _compressed(bytes(4000))) + frame(0xC2, _compressed(bytes(6000))),
    b"\x01" + frame(0xC1, b"\xf3\x48\xcd\xc9\xc9\x07\x00\x00") + frame(0xC2, b"\x03\x00" * 17),
]
HANDSHAKE_SEEDS: Final = [
    b"sec-websocket-extensions\0permessage-deflate; client_max_window_bits; server_max_window_bits=10\0",
    b'sec-websocket-extensions\0a; b="c", permessage-deflate;server_no_context_takeover\0',
    b"sec-websocket-protocol\0chat, superchat\0sec-websocket-protocol\0\xff\0",
    b"sec-websocket-key\0short\0sec-websocket-version\0" + b"8\0",
]


def _reader(kind: int) -> MessageReader:
    choices = DeflateChoices(context_takeover=kind == 2, ratio_limit=100)
    makers = FrameMakers(choices)
    agreement = read_handshake("GET", "1.1", [*GOOD, OFFER], deflate=choices).deflate if kind else None
    return MessageReader(
        limit_octets=LIMIT_OCTETS, limit_fragments=LIMIT_FRAGMENTS, inflater=makers.inflater(agreement)
    )


def _read(kind: int, pieces: Iterable[bytes]) -> tuple[list[Received], CloseCode | None]:
    """Return the events, and the code of the refusal that ended them."""
    reader = _reader(kind)
    events: list[Received] = []
    for piece in pieces:
        try:
            events += reader.receive(piece)
        except FrameRefused as refusal:
            assert reader.buffered_octets == 0
            return [*events, *refusal.args[1]], refusal.code
        assert reader.buffered_octets <= LIMIT_OCTETS + 140
    return events, None


def check(octets: bytes) -> None:
    """Whole, octet by octet and in pieces: the same events and the same refusal; each message within the limit."""
    kind, octets = (octets[0] % 3, octets[1:]) if octets else (0, octets)
    whole = _read(kind, [octets])
    assert _read(kind, (octets[at : at + 1] for at in range(len(octets)))) == whole
    size = 2 + len(octets) % 13
    assert _read(kind, (octets[at : at + size] for at in range(0, len(octets), size))) == whole
    assert all(len(event) <= LIMIT_OCTETS for event in whole[0] if isinstance(event, (str, bytes)))


def check_handshake(octets: bytes) -> None:
    """Whatever the fields hold, they are agreed on or refused; what we answer is ASCII without line ends."""
    parts = octets.split(b"\0")
    fields = [*GOOD, *zip(parts[::2], parts[1::2], strict=False)]
    for version in ("1.1", "2"):
        try:
            handshake = read_handshake("GET", version, fields, deflate=DeflateChoices())
        except HandshakeRefused as refusal:
            assert refusal.status in {400, 426}  # noqa: PT017  both endings are right
            continue
        for subprotocol in (None, *handshake.subprotocols):
            for _, value in handshake.answer(subprotocol):
                assert value.isascii()
                assert not {*value} & {*b"\r\n\0"}
