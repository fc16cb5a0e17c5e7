"""Requests that differ from an earlier one of their connection in their path alone.

One job: such a block → its RequestHead, without reading the fields again.
Must not know: streams, what is wrong with a request (whoever reads it in full says so).

Most clients, Chromium's and nghttp2's among them, send :path as a literal that is not indexed and everything that they
repeat as an index. Such a block is a run of one-octet indices, the literal, and another run. As long as the dynamic
table stays as it is, equal runs mean equal fields, and the path is looked up like a request line of HTTP/1.
"""

import re
from typing import Final

from veche.wire.h1 import RequestHead
from veche.wire.h2.hpack import ENTRY_OVERHEAD_OCTETS, Field, HpackDecoder
from veche.wire.h2.huffman import HuffmanDecoder
from veche.wire.h2.requests import RequestParser

INDICES: Final = re.compile(rb"[\x81-\xfe]*")
PATH_LITERAL: Final = 0x04  # without indexing, its name the static table's :path
PATH_OCTETS: Final = len(b":path") + ENTRY_OVERHEAD_OCTETS
REMEMBERED: Final = 32

Template = tuple[bytes, list[Field], int]  # the method, the fields, and the size of the list without the path's value


class Shortcuts:
    """What one connection has asked for, but for the path. Bounded, and forgotten when the table changes."""

    def __init__(
        self, decoder: HpackDecoder, huffman: HuffmanDecoder, parser: RequestParser, *, list_octets: int
    ) -> None:
        self._decoder = decoder
        self._huffman = huffman
        self._parser = parser
        self._list_octets = list_octets
        self._known: dict[bytes, Template] = {}
        self._generation = 0

    def find(self, block: bytes) -> RequestHead | None:
        """Return the request of a block that has no body behind it; None when it must be read in full."""
        if self._generation != self._decoder.generation:
            return None
        match = INDICES.match(block)
        start = match.end() if match is not None else 0
        try:
            if block[start] != PATH_LITERAL:
                return None
            length = block[start + 1]
        except IndexError:
            return None
        end = start + 2 + (length & 0x7F)
        template = self._known.get(block[:start] + block[end:])
        if template is None or end > len(block) or length & 0x7F == 0x7F:
            return None
        path = block[start + 2 : end]
        if length > 0x7F:
            path = self._huffman.decode(path)
        method, fields, octets = template
        line = self._parser.known_line(method, path)
        if line is None or octets + len(path) > self._list_octets:
            return None
        return RequestHead(line, fields.copy(), True, 0, False, False, b"")  # noqa: FBT003

    def learn(self, block: bytes, head: RequestHead) -> None:
        """Remember a request that was read in full and has no body."""
        if head.upgrade or head.forwarded is not None or head.expects_continue:
            return
        match = INDICES.match(block)
        start = match.end() if match is not None else 0
        if len(block) < start + 2 or block[start] != PATH_LITERAL or block[start + 1] & 0x7F == 0x7F:
            return
        end = start + 2 + (block[start + 1] & 0x7F)
        if end > len(block) or INDICES.fullmatch(block, end) is None:
            return
        if self._generation != self._decoder.generation or len(self._known) >= REMEMBERED:
            self._known.clear()
            self._generation = self._decoder.generation
        # As many as the client sent, at the least: cookies were joined, and the pseudo-header fields are not there.
        octets = self._decoder.octets_of(block[:start] + block[end:]) + PATH_OCTETS
        self._known[block[:start] + block[end:]] = (head.line.method.encode("ascii"), head.fields.copy(), octets)
