"""RFC 7541: vectors of Appendix C, what a decoder must refuse, and another library as the oracle."""

import random

import hpack
import pytest

from veche.wire.h2 import ConnectionBroken
from veche.wire.h2.hpack import HpackDecoder, HpackEncoder, judged_static_table
from veche.wire.h2.huffman import HuffmanDecoder
from veche.wire.h2.static_table import STATIC_FIELDS

HUFFMAN = HuffmanDecoder()


def plain(_name: bytes, _value: bytes) -> int:
    return 0


STATIC = judged_static_table(plain)


def decoder() -> HpackDecoder:
    return HpackDecoder(HUFFMAN, plain, STATIC)


def decoded(one: HpackDecoder, octets: bytes) -> list[tuple[str, str]]:
    return [(name.decode(), value.decode()) for name, value in one.decode(octets).plain]


FIRST = [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "www.example.com")]
SECOND = [*FIRST, ("cache-control", "no-cache")]
THIRD = [
    *[(":method", "GET"), (":scheme", "https"), (":path", "/index.html"), (":authority", "www.example.com")],
    ("custom-key", "custom-value"),
]


@pytest.mark.parametrize(
    ("octets", "fields"),
    [
        ("400a637573746f6d2d6b65790d637573746f6d2d686561646572", [("custom-key", "custom-header")]),  # C.2.1
        ("040c2f73616d706c652f70617468", [(":path", "/sample/path")]),  # C.2.2
        ("100870617373776f726406736563726574", [("password", "secret")]),  # C.2.3
        ("82", [(":method", "GET")]),  # C.2.4
    ],
)
def test_appendix_c_2_each_representation(octets: str, fields: list[tuple[str, str]]) -> None:
    assert decoded(decoder(), bytes.fromhex(octets)) == fields


@pytest.mark.parametrize(
    "blocks",
    [
        (  # C.3: without Huffman
            "828684410f7777772e6578616d706c652e636f6d",
            "828684be58086e6f2d6361636865",
            "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565",
        ),
        (  # C.4: with Huffman
            "828684418cf1e3c2e5f23a6ba0ab90f4ff",
            "828684be5886a8eb10649cbf",
            "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf",
        ),
    ],
)
def test_appendix_c_3_and_c_4_three_requests_on_one_connection(blocks: tuple[str, str, str]) -> None:
    one = decoder()
    assert [decoded(one, bytes.fromhex(octets)) for octets in blocks] == [FIRST, SECOND, THIRD]


@pytest.mark.parametrize("huffman", [False, True])
def test_every_block_of_another_encoder_is_read_as_the_oracle_reads_it(huffman: bool) -> None:
    chance = random.Random(7541 + huffman)
    names = [b"x-%d" % number for number in range(30)] + [name for name, _ in STATIC_FIELDS]
    encoder, oracle, ours = hpack.Encoder(), hpack.Decoder(), decoder()
    for turn in range(400):
        if turn % 50 == 25:
            encoder.header_table_size = chance.choice([0, 60, 300, 1000, 4096])
        fields = [
            (chance.choice(names), bytes(chance.choices(range(32, 127), k=chance.choice([0, 3, 40, 300]))))
            for _ in range(chance.randrange(12))
        ]
        octets = encoder.encode(fields, huffman=huffman)
        expected = [(bytes(name), bytes(value)) for name, value in oracle.decode(octets, raw=True)]
        assert ours.decode(octets).plain == expected == fields


def test_octets_that_the_oracle_refuses_are_refused_and_nothing_else_is_raised() -> None:
    chance = random.Random(1)
    for _ in range(3000):
        octets = bytes(chance.choices(range(256), k=chance.randrange(1, 30)))
        ours: list[tuple[bytes, bytes]] | str
        try:
            ours = decoder().decode(octets).plain
        except ConnectionBroken as broken:
            ours = broken.reason
        try:
            fields = hpack.Decoder(max_header_list_size=10**9).decode(octets, raw=True)
        except hpack.HPACKError:
            assert isinstance(ours, str)
        else:
            stricter = isinstance(ours, str) and ("2^31" in ours or "4.2" in ours)
            assert stricter or ours == [(bytes(name), bytes(value)) for name, value in fields]


@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        (b"\x80", "index is 0"),  # §6.1
        (b"\xbe", "beyond the tables"),  # §2.3.3: the dynamic table is empty
        (b"\x7f\x00\x01a", "beyond the tables"),
        (b"\xff\xff\xff\xff\xff\x0f", "integer"),  # §5.1: over 2^31
        (b"\xff\x80\x80\x80\x80\x80\x01", "integer"),  # any number of octets without end
        (b"\xff\x80", "integer"),
        (b"\x00\x05ab", "string is cut off"),  # §5.2
        (b"\x00", "string is cut off"),
        (b"\x00\x01a", "string is cut off"),
        (b"\x00\x01a\x82\xff\xff", "padded"),  # padding of more than seven bits
        (b"\x00\x01a\x81\x00", "padded"),  # padded with zeros
        (b"\x00\x01a\x84\xff\xff\xff\xff", "EOS"),
        (b"\x82\x20", "start of its block"),  # §4.2
        (b"\x3f\xe2\x1f", "over what we allow"),  # §6.3: 4097
    ],
)
def test_a_block_that_cannot_be_read_is_a_compression_error(octets: bytes, reason: str) -> None:  # RFC 9113 §4.3
    with pytest.raises(ConnectionBroken, match=reason) as caught:
        decoder().decode(octets)
    assert caught.value.code.name == "COMPRESSION_ERROR"


@pytest.mark.parametrize("more", [b"\x80", b"\xff"])
@pytest.mark.parametrize("start", [b"\xff", b"\x7f", b"\x3f", b"\x00\x7f", b"\x00\xff", b"\x00\x01a\x7f"])
def test_an_integer_of_endless_octets_is_refused_at_its_first_ones_CVE_2026_59248(start: bytes, more: bytes) -> None:
    # Of an index, a size and lengths. It has an end, and may even be small: who read it all would find another fault.
    with pytest.raises(ConnectionBroken, match="integer") as caught:
        decoder().decode(start + more * 10_000 + b"\x00")
    assert len(str(caught.value)) < 200


def test_two_size_updates_at_the_start_are_allowed_and_evict() -> None:  # §4.2, §4.3
    one = decoder()
    one.decode(b"\x40\x01a\x01b")
    assert decoded(one, b"\xbe") == [("a", "b")]
    assert decoded(one, b"\x20\x3f\xe1\x1f\x82") == [(":method", "GET")]
    with pytest.raises(ConnectionBroken):
        one.decode(b"\xbe")


def test_an_entry_larger_than_the_table_empties_it() -> None:  # §4.4
    one = decoder()
    one.decode(b"\x40\x01a\x01b")
    one.decode(b"\x3f\x21\x40\x01c" + b"\x64" + b"x" * 100)  # 64 octets of table
    with pytest.raises(ConnectionBroken):
        one.decode(b"\xbe")


def test_what_is_never_indexed_is_not_remembered() -> None:  # §7.1.3
    huffman = HuffmanDecoder()
    one = HpackDecoder(huffman, plain, STATIC)
    secret = hpack.Encoder().huffman_coder.encode(b"secret")
    one.decode(b"\x10\x01a" + bytes([0x80 | len(secret)]) + secret)
    assert secret not in huffman._known
    one.decode(b"\x00\x01a" + bytes([0x80 | len(secret)]) + secret)
    assert secret in huffman._known


def test_what_a_huffman_decoder_remembers_is_bounded() -> None:
    huffman, encode = HuffmanDecoder(), hpack.Encoder().huffman_coder.encode
    for number in range(5000):
        assert huffman.decode(encode(b"%d" % number)) == b"%d" % number
    assert len(huffman._known) <= 4096
    long = encode(b"x" * 1000)
    assert huffman.decode(long) == b"x" * 1000
    assert long not in huffman._known


def test_the_size_of_a_list_is_known_only_where_it_matters() -> None:  # RFC 9113 §10.5.1
    one = decoder()
    block = b"\x40\x01a\x7f\xa9\x06" + b"x" * 936  # one entry of 969 octets
    one.decode(block)
    bomb = b"\xbe" * 100
    result = one.decode(bomb)
    assert one.may_exceed(bomb, result, 96_899)
    assert not one.may_exceed(bomb, result, 96_900)
    small = one.decode(b"\x82")
    assert not one.may_exceed(b"\x82", small, 42)
    assert one.may_exceed(b"\x82", small, 41)


@pytest.mark.parametrize(
    "field",
    [
        (b":status", b"200"),
        (b":status", b"403"),
        (b"content-type", b"text/html"),
        (b"x-own", b"x" * 300),
        (b"x" * 200, b""),
        (b"set-cookie", b"a=b"),
    ],
)
def test_our_encoder_leaves_no_trace(field: tuple[bytes, bytes]) -> None:
    oracle = hpack.Decoder()
    octets = HpackEncoder().encode(*field)
    assert [(bytes(n), bytes(v)) for n, v in oracle.decode(octets, raw=True)] == [field]
    assert not oracle.header_table.dynamic_entries


def test_credentials_are_sent_as_never_indexed() -> None:  # §7.1.3
    assert HpackEncoder().encode(b"set-cookie", b"a=b")[0] & 0xF0 == 0x10
