"""A request that differs from an earlier one in its path alone is read like any other."""

import random

import hpack
import pytest

from fixtures.http2 import END_HEADERS, END_STREAM, HEADERS, RST_STREAM, Conversation, frame


def as_clients_do(encoder: hpack.Encoder, fields: list[tuple[str, str]], *, huffman: bool) -> bytes:
    """The path as a literal that is not indexed, everything else as the encoder likes it."""
    octets = b""
    for name, value in fields:
        if name == ":path":
            text = encoder.huffman_coder.encode(value.encode()) if huffman else value.encode()
            octets += b"\x04" + bytes([len(text) | (0x80 if huffman else 0)]) + text
        else:
            octets += encoder.encode([(name, value)], huffman=huffman)
    return octets


@pytest.mark.parametrize("huffman", [False, True])
def test_many_requests_are_read_as_they_were_sent(huffman: bool) -> None:
    chance = random.Random(huffman)
    talk = Conversation(streams=2000, requests=10_000).opened()
    encoder = hpack.Encoder()
    found = 0
    for number in range(600):
        pseudo = [(":method", chance.choice(["GET", "HEAD"])), (":scheme", "http"), (":authority", "a.org")]
        pseudo.insert(chance.randrange(4), (":path", f"/{chance.randrange(20)}"))
        others = [("cookie", "a=1"), ("x-a", str(chance.randrange(2))), ("cookie", "b=2"), ("accept", "*/*")]
        if number % 100 == 50:
            others.append(("x-new", str(number)))
        block = as_clients_do(encoder, pseudo + others, huffman=huffman)
        found += talk.engine._shortcuts.find(block) is not None
        talk.receive(frame(HEADERS, END_HEADERS | END_STREAM, 2 * number + 1, block))
        head = talk.heads[-1]
        sent = dict(pseudo)
        assert (head.line.method, head.line.target.decode()) == (sent[":method"], sent[":path"])
        assert head.fields[0] == (b"host", b"a.org")
        expected = [(n.encode(), v.encode()) for n, v in others if n != "cookie"] + [(b"cookie", b"a=1; b=2")]
        assert sorted(head.fields[1:]) == sorted(expected)
        head.fields.clear()  # an application may do what it likes with its list
    assert len(talk.heads) == 600
    assert found > 200


def test_a_shortcut_is_forgotten_when_the_table_changes() -> None:
    talk = Conversation().opened()
    start = b"\x82\x86\x41\x05a.org\x04\x01/"
    talk.receive(frame(HEADERS, END_HEADERS | END_STREAM, 1, start + b"\x40\x01a\x01b"))
    same = b"\x82\x86\xbf\x04\x01/\xbe"  # the authority, and a: b
    talk.receive(frame(HEADERS, END_HEADERS | END_STREAM, 3, same), frame(HEADERS, END_HEADERS | END_STREAM, 5, same))
    assert talk.heads[-1].fields == [(b"host", b"a.org"), (b"a", b"b")]
    talk.receive(frame(HEADERS, END_HEADERS | END_STREAM, 7, b"\x82\x86\xbf\x04\x01/\x40\x01c\x01d"))
    [answer] = talk.receive(frame(HEADERS, END_HEADERS | END_STREAM, 9, same))  # now \xbf is a: b, and \xbe c: d
    assert answer.kind == RST_STREAM  # :path after a regular field
    assert len(talk.heads) == 4


@pytest.mark.parametrize("path", [b"\x04", b"\x04\x05/", b"\x04\x7f\x00/", b"\x04\x00"])
def test_a_path_that_is_cut_off_is_no_shortcut(path: bytes) -> None:
    talk = Conversation().opened()
    talk.receive(frame(HEADERS, END_HEADERS | END_STREAM, 1, b"\x82\x86\x41\x05a.org\x04\x01/"))
    talk.receive(frame(HEADERS, END_HEADERS | END_STREAM, 3, b"\x82\x86\xbe\x04\x01/"))
    assert len(talk.heads) == 2
    answer = talk.receive(frame(HEADERS, END_HEADERS | END_STREAM, 5, b"\x82\x86\xbe" + path))
    assert answer[-1].kind != HEADERS
    assert len(talk.heads) == 2


def test_a_shortcut_keeps_to_the_limit_of_the_list() -> None:
    path = b"/" + b"a" * 59
    size = sum(
        32 + len(n) + len(v) for n, v in [(b":method", b"GET"), (b":scheme", b"http"), (b":authority", b"a.org")]
    )
    size += 32 + len(b":path") + len(path)
    block = b"\x82\x86\xbe\x04" + bytes([len(path)]) + path
    for limit, served in ((size, 3), (size - 1, 1)):
        talk = Conversation(list_octets=limit).opened()
        talk.receive(frame(HEADERS, END_HEADERS | END_STREAM, 1, b"\x82\x86\x41\x05a.org\x04\x01/"))
        talk.receive(frame(HEADERS, END_HEADERS | END_STREAM, 3, block))
        talk.receive(frame(HEADERS, END_HEADERS | END_STREAM, 5, block))
        assert len(talk.heads) == served


def test_what_a_connection_remembers_is_bounded() -> None:
    talk = Conversation(streams=2000).opened()
    talk.receive(frame(HEADERS, END_HEADERS | END_STREAM, 1, b"\x82\x86\x41\x05a.org\x04\x01/"))
    for number in range(1, 500):
        extra = bytes([0x8F + number % 40, 0x8F + number % 37])  # fields of the static table
        talk.receive(frame(HEADERS, END_HEADERS | END_STREAM, 2 * number + 1, b"\x82\x86\xbe\x04\x01/" + extra))
        assert len(talk.engine._shortcuts._known) <= 32
