"""HTTP/2: frames are taken alike however they arrive, and header blocks are read as another library reads them.

One job: what must hold for any octets, and seeds. Must not know: who makes the octets.
"""

from typing import Final

import hpack

from fixtures.http2 import (
    ACK,
    CONTINUATION,
    END_HEADERS,
    END_STREAM,
    GET,
    HEADERS,
    OPENING,
    PADDED,
    PING,
    POST,
    PRIORITY,
    PRIORITY_FLAG,
    SETTINGS,
    Conversation,
    Frame,
    KeptStream,
    block,
    data,
    frame,
    headers,
    rst_stream,
    settings,
    window_update,
)
from veche.wire.h1 import RequestHead
from veche.wire.h2 import ConnectionBroken, HuffmanDecoder, Memory
from veche.wire.h2.hpack import HpackDecoder, judged_static_table

MEMORY: Final = Memory(limit_fields=20, path_limit_octets=1000)
HUFFMAN: Final = HuffmanDecoder()
ENCODER: Final = hpack.Encoder()

SEEDS: Final = [
    headers(1) + headers(3, POST, ended=False) + data(3, b"abc") + data(3, b"def", ended=True),
    headers(1, POST, ended=False) + window_update(1, 5) + headers(1, [("x", "y")]),
    frame(HEADERS, END_STREAM, 1, block(GET)[:9]) + frame(CONTINUATION, END_HEADERS, 1, block(GET)[9:]),
    frame(HEADERS, END_HEADERS | END_STREAM, 1, b"\x82\x86\x41\x05a.org\x04\x01/")
    + frame(HEADERS, END_HEADERS | END_STREAM, 3, b"\x82\x86\xbe\x04\x01/")
    + frame(HEADERS, END_HEADERS | END_STREAM, 5, b"\x82\x86\xbe\x04\x01/"),
    frame(PING, 0, 0, b"12345678") + settings(window=10, frame_size=16384) + frame(SETTINGS, ACK),
    headers(1) + rst_stream(1) + settings(window=0) + headers(3) + window_update(0, 7) + window_update(3, 30),
    frame(HEADERS, 0x2D, 1, b"\x02" + bytes(5) + block(GET) + bytes(2))
    + frame(0, PADDED, 1, b"\x01x\x00")
    + frame(PRIORITY, PRIORITY_FLAG, 3, bytes(5)),
    headers(1, [(":method", "CONNECT"), (":protocol", "websocket"), *GET[1:]], ended=False) + data(1, b"\x81\x80abcd"),
]
BLOCK_SEEDS: Final = [
    ENCODER.encode([("cache-control", "no-cache"), ("x-own", "a value"), ("cookie", "a=b; c=d")], huffman=huffman)
    for huffman in (False, True, True)
] + [b"\x20\x3f\xe1\x1f\x82\x86\x84\xbe", b"\x10\x01a\x01b", b"\x7f\x80\x00\x01a"]


class AnsweringStream(KeptStream):
    """A stream that takes its request's body and answers at once."""

    talk: "AnsweringConversation"

    def start(self) -> None:
        engine = self.talk.engine
        engine.send_head(self, b"\x88")
        engine.send_body(self, b"0123456789" * 3, more=self.number % 4 == 1)

    def body_received(self, octets: bytes) -> None:
        super().body_received(octets)
        self.talk.engine.consumed(self)


class AnsweringConversation(Conversation):
    """An engine whose streams answer."""

    def open_stream(self, stream_id: int, head: RequestHead) -> AnsweringStream:
        super().open_stream(stream_id, head)
        stream = AnsweringStream(self.events, stream_id)
        stream.talk = self
        return stream


def outcome(pieces: list[bytes]) -> tuple[list[tuple[object, ...]], list[Frame], bool]:
    """Return the events, the frames in answer, and whether the connection is over."""
    talk = AnsweringConversation(memory=MEMORY)
    frames = talk.receive(*pieces)
    if not talk.is_over:
        talk.engine.send_waiting(10**6)
        frames += talk.sent()
    return talk.events, frames, talk.is_over


def check(octets: bytes) -> None:
    """Whole, octet by octet and in pieces: the same events and the same answer. Nothing is raised."""
    octets = OPENING + octets
    whole = outcome([octets])
    assert outcome([octets[at : at + 1] for at in range(len(octets))]) == whole
    size = 2 + len(octets) % 13
    assert outcome([octets[at : at + size] for at in range(0, len(octets), size)]) == whole


def check_block(octets: bytes) -> None:
    """Two blocks of one connection: what the oracle reads is read alike, what it refuses is refused."""
    decoder = HpackDecoder(HUFFMAN, lambda _name, _value: 0, judged_static_table(lambda _name, _value: 0))
    oracle = hpack.Decoder(max_header_list_size=10**9)
    middle = len(octets) // 2
    for one in (octets[:middle], octets[middle:]):
        try:
            expected = [(bytes(name), bytes(value)) for name, value in oracle.decode(one, raw=True)]
        except hpack.HPACKError:
            expected = None
        refused = ""
        try:
            fields = decoder.decode(one).plain
        except ConnectionBroken as broken:
            refused = broken.reason
        if refused:
            assert expected is None or "2^31" in refused or "4.2" in refused  # where we are stricter
            return
        assert fields == expected
