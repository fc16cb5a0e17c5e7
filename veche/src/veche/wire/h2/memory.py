"""What the HTTP/2 connections of one worker share.

One job: hold what was learnt of fields, Huffman strings and request lines, all of it bounded.
Must not know: connections.
"""

from veche.wire.h2.hpack import Entry, judged_static_table
from veche.wire.h2.huffman import HuffmanDecoder
from veche.wire.h2.requests import FieldJudge, RequestParser


class Memory:
    """One for all connections of a worker."""

    def __init__(self, *, limit_fields: int, path_limit_octets: int) -> None:
        self.huffman = HuffmanDecoder()
        self.judge = FieldJudge().judge
        self.static_entries: list[Entry] = judged_static_table(self.judge)
        self.parser = RequestParser(limit_fields=limit_fields, path_limit_octets=path_limit_octets)
