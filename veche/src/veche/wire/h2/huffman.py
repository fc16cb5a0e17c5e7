"""The Huffman code of header compression (RFC 7541 §5.2, Appendix B).

One job: coded octets → octets, or a refusal.
Must not know: header fields, tables, connections.

The code is canonical, so that the lengths of its 257 codes are the whole of it. It is read one octet at a time: what
an octet means in the middle of a code is worked out when it is first met there, and remembered. There are at most 256
octets × 256 places in the tree, however hostile the input.
"""

from typing import Final

from veche.wire.h2.errors import ConnectionBroken, ErrorCode

# The length in bits of each octet's code, and of the end of string (EOS), the last (Appendix B).
CODE_BITS: Final = (
    *(13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28),
    *(28, 28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8),
    *(15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13),
    *(14, 6, 15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28),
    *(20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23),
    *(22, 23, 23, 24, 22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23),
    *(20, 22, 22, 22, 23, 22, 22, 23, 26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27),
    *(27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23),
    *(26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, 30),
)
EOS: Final = 256
LONGEST_PADDING_BITS: Final = 7

REMEMBERED_STRINGS: Final = 4096
REMEMBERED_OCTETS: Final = 256

Step = tuple[bytes, int]  # what an octet brings to its end, and the place in the tree after it


class HuffmanDecoder:
    """Decode strings; one decoder serves all connections of a worker, so that they share what it remembers."""

    def __init__(self) -> None:
        # The tree: of each inner node the two nodes below it, or ~symbol for a leaf. Node 0 is the root.
        self._below: list[list[int]] = [[0, 0]]
        # Only the beginning of EOS may pad: the nodes on its way, at most seven bits deep.
        self._may_end: set[int] = {0}
        self._steps: list[dict[int, Step]] = []
        self._known: dict[bytes, bytes] = {}
        self._grow()

    def decode(self, coded: bytes, *, remember: bool = True) -> bytes:
        """Return the decoded octets. Raises ConnectionBroken for EOS in the string and for wrong padding (§5.2).

        remember: False for what should leave no trace, such as credentials that are sent as never indexed.
        """
        text = self._known.get(coded)
        if text is not None:
            return text
        node = 0
        parts = []
        steps = self._steps
        for octet in coded:
            step = steps[node].get(octet)
            if step is None:
                step = self._learn(node, octet)
            part, node = step
            parts.append(part)
        if node not in self._may_end:
            raise ConnectionBroken(ErrorCode.COMPRESSION_ERROR, "a Huffman string is not padded with the start of EOS")
        text = b"".join(parts)
        if remember and len(coded) <= REMEMBERED_OCTETS:
            if len(self._known) >= REMEMBERED_STRINGS:
                self._known.clear()
            self._known[coded] = text
        return text

    def _learn(self, node: int, octet: int) -> Step:
        start, symbols = node, bytearray()
        for shift in range(7, -1, -1):
            node = self._below[node][octet >> shift & 1]
            if node < 0:
                symbol = ~node
                if symbol == EOS:
                    raise ConnectionBroken(ErrorCode.COMPRESSION_ERROR, "a Huffman string contains EOS")
                symbols.append(symbol)
                node = 0
        step = self._steps[start][octet] = (bytes(symbols), node)
        return step

    def _grow(self) -> None:
        """Make the tree: shorter codes first, then smaller symbols, each the one before it plus one."""
        code, bits_before = 0, 0
        for symbol in sorted(range(len(CODE_BITS)), key=lambda symbol: (CODE_BITS[symbol], symbol)):
            bits = CODE_BITS[symbol]
            code <<= bits - bits_before
            bits_before = bits
            self._plant(symbol, code, bits)
            code += 1
        node = 0
        for _ in range(LONGEST_PADDING_BITS):
            node = self._below[node][1]
            self._may_end.add(node)
        self._steps.extend({} for _ in self._below)

    def _plant(self, symbol: int, code: int, bits: int) -> None:
        node = 0
        for shift in range(bits - 1, 0, -1):
            below = self._below[node]
            side = code >> shift & 1
            if not below[side]:
                below[side] = len(self._below)
                self._below.append([0, 0])
            node = below[side]
        self._below[node][code & 1] = ~symbol
