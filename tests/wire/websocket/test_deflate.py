"""RFC 7692: permessage-deflate, in the order of the standard."""

import tracemalloc
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from veche.wire.websocket import (
    CloseCode,
    DeflateAgreement,
    DeflateChoices,
    FrameMakers,
    FrameRefused,
    HandshakeRefused,
    MessageReader,
    Received,
    read_handshake,
)
from veche.wire.websocket.frames import Opcode, unmask_in_python
from veche.wire.websocket.inflate import LAST_BLOCKS_LIMIT, TAIL

KEY = b"\x37\xfa\x21\x3d"
LIMIT = 1_000_000
REQUEST = [(b"sec-websocket-key", b"dGhlIHNhbXBsZSBub25jZQ=="), (b"sec-websocket-version", b"13")]
TAKES_OVER = DeflateChoices(context_takeover=True, least_octets=1)
FORGETS = DeflateChoices(least_octets=1)


def agreed(*offers: bytes, choices: DeflateChoices = TAKES_OVER) -> bytes | None:
    """Return our Sec-WebSocket-Extensions for these fields."""
    fields = [*REQUEST, *((b"sec-websocket-extensions", offer) for offer in offers)]
    answer = dict(read_handshake("GET", "1.1", fields, deflate=choices).answer())
    return answer.get(b"sec-websocket-extensions")


def agreement(offer: bytes = b"permessage-deflate", choices: DeflateChoices = FORGETS) -> DeflateAgreement:
    found = read_handshake("GET", "1.1", [*REQUEST, (b"sec-websocket-extensions", offer)], deflate=choices).deflate
    assert found is not None
    return found


def frame(opcode: int, payload: bytes, *, final: bool = True, compressed: bool = True) -> bytes:
    """Return a client's frame."""
    head = bytes(((0x80 if final else 0) | (0x40 if compressed else 0) | opcode,))
    length = len(payload)
    head += bytes((0x80 | length,)) if length < 126 else b"\xff" + length.to_bytes(8, "big")
    if 126 <= length <= 0xFFFF:
        head = head[:1] + b"\xfe" + length.to_bytes(2, "big")
    return head + KEY + unmask_in_python(payload, KEY)


def compressed(payload: bytes, *, bits: int = 15) -> bytes:
    deflate = zlib.compressobj(9, zlib.DEFLATED, -bits)
    return (deflate.compress(payload) + deflate.flush(zlib.Z_SYNC_FLUSH)).removesuffix(TAIL)


def reader(
    offer: bytes = b"permessage-deflate", *, limit: int = LIMIT, choices: DeflateChoices = FORGETS
) -> MessageReader:
    inflater = FrameMakers(choices).inflater(agreement(offer, choices))
    return MessageReader(limit_octets=limit, limit_fragments=100, inflater=inflater)


def read(octets: bytes, *, limit: int = LIMIT) -> list[Received]:
    """Return what whole octets give, having checked that they give the same one by one."""
    whole = reader(limit=limit).receive(octets)
    slow = reader(limit=limit)
    assert [event for octet in octets for event in slow.receive(bytes((octet,)))] == whole
    return whole


def refusal(octets: bytes, *, limit: int = LIMIT) -> CloseCode:
    with pytest.raises(FrameRefused) as whole:
        reader(limit=limit).receive(octets)
    slow = reader(limit=limit)
    with pytest.raises(FrameRefused) as by_octet:
        for octet in octets:
            slow.receive(bytes((octet,)))
    assert whole.value.code is by_octet.value.code
    return whole.value.code


@pytest.mark.parametrize(
    "value",
    [b";", b"a;", b"a b", b"a;b=", b'a;b="', b'a;b=""', b'a;b="c d"', b"a,,b", b"a;=1", b"\xd0\xba", b"a,", b"x," * 50],
)
def test_what_is_no_list_of_extensions_is_refused(value: bytes) -> None:  # RFC 6455 §9.1
    with pytest.raises(HandshakeRefused) as refused:
        agreed(value)
    assert refused.value.status == 400


@pytest.mark.parametrize(
    "offer",
    [
        b"permessage-bzip2",
        b"x-webkit-deflate-frame",
        b"permessage-deflate; unknown",
        b"permessage-deflate; server_no_context_takeover; server_no_context_takeover",
        b"permessage-deflate; server_no_context_takeover=1",
        b"permessage-deflate; client_no_context_takeover=true",
        b"permessage-deflate; server_max_window_bits",
        b"permessage-deflate; server_max_window_bits=7",
        b"permessage-deflate; server_max_window_bits=16",
        b"permessage-deflate; server_max_window_bits=010",
        b"permessage-deflate; server_max_window_bits=8",  # zlib cannot
        b"permessage-deflate; client_max_window_bits=99",
    ],
)
def test_an_offer_that_cannot_be_taken_is_declined_and_the_next_one_is(offer: bytes) -> None:  # §5.1, §7.1
    assert agreed(offer) is None
    assert agreed(offer + b", permessage-deflate") == b"permessage-deflate"
    assert agreed(offer, b"permessage-deflate") == b"permessage-deflate"


@pytest.mark.parametrize(
    ("offer", "answer"),
    [
        (b"permessage-deflate", b"permessage-deflate"),
        (b"permessage-deflate ;\tclient_max_window_bits", b"permessage-deflate"),
        (b"permessage-deflate; client_max_window_bits=10", b"permessage-deflate; client_max_window_bits=10"),
        (b"permessage-deflate; client_max_window_bits=8", b"permessage-deflate; client_max_window_bits=8"),
        (b'permessage-deflate; server_max_window_bits="9"', b"permessage-deflate; server_max_window_bits=9"),
        (b"permessage-deflate; server_no_context_takeover", b"permessage-deflate; server_no_context_takeover"),
        (b"permessage-deflate; client_no_context_takeover", b"permessage-deflate; client_no_context_takeover"),
    ],
)
def test_each_parameter_is_answered(offer: bytes, answer: bytes) -> None:  # §7.1.1, §7.1.2
    assert agreed(offer) == answer


def test_our_own_wishes_are_in_the_answer() -> None:  # §7.1.1.2, §7.1.2.2: the client's window only where it offers
    forgets = b"permessage-deflate; server_no_context_takeover; client_no_context_takeover"
    assert agreed(b"permessage-deflate", choices=DeflateChoices()) == forgets
    small = DeflateChoices(window_bits=10)
    assert agreed(b"permessage-deflate", choices=small) == forgets + b"; server_max_window_bits=10"
    both = forgets + b"; server_max_window_bits=10; client_max_window_bits=10"
    assert agreed(b"permessage-deflate; client_max_window_bits", choices=small) == both


def test_nothing_is_agreed_where_it_is_off() -> None:
    fields = [*REQUEST, (b"sec-websocket-extensions", b"permessage-deflate")]
    assert read_handshake("GET", "1.1", fields, deflate=None).deflate is None


def test_the_examples_of_the_standard_are_read() -> None:  # §7.2.3
    hello = b"\xf2\x48\xcd\xc9\xc9\x07\x00"
    assert read(frame(Opcode.TEXT, hello)) == ["Hello"]  # .1
    parts = frame(Opcode.TEXT, hello[:3], final=False) + frame(Opcode.CONTINUATION, hello[3:], compressed=False)
    assert read(parts) == ["Hello"]
    assert read(frame(Opcode.TEXT, b"\x00\x05\x00\xfa\xffHello\x00")) == ["Hello"]  # .3
    assert read(frame(Opcode.TEXT, b"\xf3\x48\xcd\xc9\xc9\x07\x00\x00")) == ["Hello"]  # .4
    assert read(frame(Opcode.TEXT, b"\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00")) == ["Hello"]  # .5
    assert read(frame(Opcode.BINARY, b"\x00")) == [b""]  # §7.2.3.6


def test_a_window_that_is_taken_over_is_kept() -> None:  # §7.2.3.2
    both = frame(Opcode.TEXT, b"\xf2\x48\xcd\xc9\xc9\x07\x00") + frame(Opcode.TEXT, b"\xf2\x00\x11\x00\x00")
    assert reader(choices=TAKES_OVER).receive(both) == ["Hello", "Hello"]
    with pytest.raises(FrameRefused) as refused:  # and one that is not taken over is not
        reader().receive(both)
    assert refused.value.args[1] == ("Hello",)


def test_messages_that_are_not_compressed_are_still_read() -> None:  # §6
    assert read(frame(Opcode.TEXT, b"plain", compressed=False) + frame(Opcode.BINARY, compressed(b"x"))) == [
        "plain",
        b"x",
    ]


@pytest.mark.parametrize("opcode", [Opcode.CONTINUATION, Opcode.PING, Opcode.PONG, Opcode.CLOSE])
def test_only_the_first_frame_of_a_message_is_marked(opcode: Opcode) -> None:  # §6
    octets = frame(Opcode.TEXT, b"", final=False) + frame(opcode, b"")
    assert refusal(octets) is CloseCode.PROTOCOL_ERROR


@pytest.mark.parametrize("reserved", [0x20, 0x10, 0x60, 0x50, 0x70])
def test_other_reserved_bits_are_refused(reserved: int) -> None:  # RFC 6455 §5.2
    octets = bytes((0x81 | reserved, 0x80)) + KEY
    assert refusal(octets) is CloseCode.PROTOCOL_ERROR


def test_what_is_no_compressed_data_is_refused() -> None:  # §7.2.2
    assert refusal(frame(Opcode.BINARY, b"\xff" * 40)) is CloseCode.NOT_UTF_8


def test_compressed_text_is_utf_8() -> None:  # RFC 6455 §8.1
    assert refusal(frame(Opcode.TEXT, compressed(b"ab\xff"))) is CloseCode.NOT_UTF_8
    assert refusal(frame(Opcode.TEXT, compressed(b"ab\xc3"))) is CloseCode.NOT_UTF_8
    assert read(frame(Opcode.TEXT, compressed("Привет".encode()))) == ["Привет"]


def test_cve_2026_39804_a_message_is_not_inflated_beyond_the_limit() -> None:  # §8
    fits, bomb = compressed(b"ab" * 500), compressed(b"ab" * 500 + b"c")
    assert read(frame(Opcode.BINARY, fits), limit=1000) == [b"ab" * 500]
    assert refusal(frame(Opcode.BINARY, bomb), limit=1000) is CloseCode.TOO_LARGE
    parts = frame(Opcode.TEXT, bomb[:4], final=False) + frame(Opcode.CONTINUATION, bomb[4:], compressed=False)
    assert refusal(parts, limit=1000) is CloseCode.TOO_LARGE


def test_cve_2026_39804_a_bomb_is_not_inflated_at_all() -> None:
    bomb = frame(Opcode.BINARY, compressed(bytes(10_000_000)))
    receiver = reader(limit=100_000_000)
    with pytest.raises(FrameRefused, match="many times its size"):
        receiver.receive(bomb)
    assert receiver.buffered_octets == 0
    generous = reader(limit=100_000_000, choices=DeflateChoices(ratio_limit=2000))
    assert generous.receive(bomb) == [bytes(10_000_000)]


def test_cve_2026_39804_no_more_memory_is_taken_than_the_limit_allows() -> None:
    bomb = frame(Opcode.BINARY, compressed(bytes(40_000_000)))
    receiver = reader(limit=100_000, choices=DeflateChoices(ratio_limit=2000))
    tracemalloc.start()
    try:
        with pytest.raises(FrameRefused, match="over 100000 octets"):
            receiver.receive(bomb)
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()


def test_a_message_of_last_blocks_only_is_refused() -> None:  # §7.2.3.4: each one needs a new inflater
    assert read(frame(Opcode.BINARY, b"\x03\x00" * LAST_BLOCKS_LIMIT)) == [b""]
    assert refusal(frame(Opcode.BINARY, b"\x03\x00" * (LAST_BLOCKS_LIMIT + 1))) is CloseCode.TOO_LARGE


def client_reads(frames: list[bytes], *, takes_over: bool) -> list[bytes]:
    """Return the payloads of server frames as a client inflates them."""
    inflate = zlib.decompressobj(-15)
    payloads = []
    for octets in frames:
        if not takes_over:
            inflate = zlib.decompressobj(-15)
        length, start = octets[1], 2
        if length >= 126:
            start = 4 if length == 126 else 10
        assert octets[0] & 0x80
        payload = octets[start:]
        payloads.append(inflate.decompress(payload + TAIL) if octets[0] & 0x40 else payload)
    return payloads


@given(st.lists(st.one_of(st.text(max_size=40), st.binary(max_size=40)), max_size=8), st.booleans())
@settings(deadline=None)
def test_a_client_reads_what_we_compress(messages: list[str | bytes], takes_over: bool) -> None:  # §7.2.1
    choices = TAKES_OVER if takes_over else FORGETS
    makers = FrameMakers(choices)
    one, other = makers.maker(agreement(choices=choices)), makers.maker(agreement(choices=choices))
    frames = []
    for message in messages:
        for maker in (one, other):  # in turn: windows that are kept must not mix
            frames.append(maker.text(message) if isinstance(message, str) else maker.binary(message))
    payloads = [message.encode() if isinstance(message, str) else message for message in messages]
    assert client_reads(frames[::2], takes_over=takes_over) == payloads
    assert client_reads(frames[1::2], takes_over=takes_over) == payloads


def test_short_messages_and_those_that_grow_are_sent_as_they_are() -> None:
    maker = FrameMakers(DeflateChoices(least_octets=100)).maker(agreement())
    assert maker.text("a" * 99)[0] == 0x81
    assert maker.text("a" * 100)[0] == 0xC1
    assert maker.binary(bytes(range(256)))[0] == 0x82


def test_a_broadcast_is_compressed_once() -> None:
    makers = FrameMakers(FORGETS)
    message = "news " * 1000
    one, other = makers.maker(agreement()), makers.maker(agreement())
    frame_of_one = one.text(message)
    assert other.text("news " * 1000) is frame_of_one
    plain = FrameMakers(None).maker(None)
    assert plain.text(message) is plain.text(message)


def test_messages_to_different_sockets_do_not_refer_to_each_other() -> None:  # §7.1.1.1
    maker = FrameMakers(FORGETS).maker(agreement())
    messages = [b"the same news again and again " * 20 + bytes((number,)) for number in range(5)]
    assert client_reads([maker.binary(message) for message in messages], takes_over=False) == messages


def test_few_messages_are_remembered() -> None:
    maker = FrameMakers(FORGETS).maker(agreement())
    first = maker.text("news " * 100)
    for number in range(15):
        maker.text(f"other news {number} " * 100)
    assert maker.text("news " * 100) is first
    maker.text("one too many " * 100)
    again = maker.text("news " * 100)
    assert again == first
    assert again is not first


def test_an_idle_connection_keeps_no_window() -> None:  # uvicorn#1862: 37 KB each
    makers = FrameMakers(DeflateChoices())
    first = makers.maker(agreement())
    assert all(makers.maker(agreement()) is first for _ in range(10))
    inflater = makers.inflater(agreement())
    assert inflater is not None
    receiver = MessageReader(limit_octets=LIMIT, limit_fragments=100, inflater=inflater)
    receiver.receive(frame(Opcode.TEXT, compressed(b"x" * 5000)))
    assert inflater._inflate is None
