"""Header compression for HTTP/2 (RFC 7541): blocks of a peer in, checked fields out; our own fields as blocks.

One job: the decoder with its dynamic table, and an encoder that keeps no state.
Must not know: frames, what a field means (a judge says it once for each field, and its word is kept beside the field).

The encoder uses the static table and literals without indexing only: a field's octets are then always the same, so
that whoever sends it often can keep them, and no peer can make us keep a table for it.
"""

from collections.abc import Callable
from typing import Final, TypeAlias

from veche.wire.h2.errors import ConnectionBroken, ErrorCode
from veche.wire.h2.huffman import HuffmanDecoder
from veche.wire.h2.static_table import STATIC_FIELDS

Field: TypeAlias = tuple[bytes, bytes]
Entry: TypeAlias = tuple[Field, int]  # a field, and what the judge said of it: 0 is "nothing to say"
Judge: TypeAlias = Callable[[bytes, bytes], int]

TABLE_LIMIT_OCTETS: Final = 4096  # SETTINGS_HEADER_TABLE_SIZE, left as it is
ENTRY_OVERHEAD_OCTETS: Final = 32  # §4.1
FIRST_DYNAMIC: Final = len(STATIC_FIELDS) + 1
LARGEST_INTEGER: Final = 2**31 - 1
INTEGER_LIMIT_OCTETS: Final = 5
LARGEST_STATIC_OCTETS: Final = 64  # no entry of the static table counts more

NEVER_INDEXED: Final = frozenset({b"authorization", b"cookie", b"set-cookie", b"proxy-authorization"})


class DecodedBlock:
    """The fields of one block: `plain` of which there is nothing to say, `marked` with the judge's word."""

    __slots__ = ("marked", "octets", "plain", "straying")

    def __init__(self, plain: list[Field], marked: list[Entry], straying: list[Entry] | None) -> None:
        self.plain = plain
        self.marked = marked
        self.straying = straying  # those of `marked` that came after the first of `plain`
        self.octets = -1  # the size of the list (§4.1) when it may be over the limit

    def size_octets(self) -> int:
        """Return the size of the field list as RFC 9113 §10.5.1 counts it."""
        fields = [*self.plain, *(entry[0] for entry in self.marked)]
        return sum(len(name) + len(value) + ENTRY_OVERHEAD_OCTETS for name, value in fields)


class HpackDecoder:
    """Decode the blocks of one connection, each exactly once and in their order: the table follows from all of them."""

    def __init__(self, huffman: HuffmanDecoder, judge: Judge, static_entries: list[Entry]) -> None:
        """static_entries: of `judged_static_table`, shared by all connections."""
        self._huffman = huffman
        self._judge = judge
        self._table = static_entries.copy()  # then the dynamic entries, the newest first
        self._table_octets = 0
        self._limit_octets = TABLE_LIMIT_OCTETS
        self._largest_octets = LARGEST_STATIC_OCTETS  # of all entries there ever were
        self.generation = 0  # grows when the table changes

    def decode(self, block: bytes) -> DecodedBlock:
        """Return the fields of one block. Raises ConnectionBroken: after it the table is not what the peer thinks."""
        table = self._table
        plain: list[Field] = []
        marked: list[Entry] = []
        straying: list[Entry] | None = None
        position, end = 0, len(block)
        while position < end:
            octet = block[position]
            position += 1
            if octet > 0x80:
                if octet == 0xFF:
                    octet, position = self._integer(block, position, 0x7F)
                else:
                    octet &= 0x7F
                if octet >= len(table):
                    raise _broken("an index is beyond the tables")
                entry = table[octet]
            elif octet < 0x20:
                entry, position = self._literal(block, position, octet & 0x0F, 0x0F, remember=octet < 0x10)
            elif octet >= 0x40:
                if octet == 0x80:
                    raise _broken("an index is 0")
                entry, position = self._literal(block, position, octet & 0x3F, 0x3F, remember=True)
                self._insert(entry)
            else:
                if plain or marked:
                    raise _broken("a table size update is not at the start of its block (§4.2)")
                position = self._resize(block, position, octet & 0x1F)
                continue
            if entry[1]:
                marked.append(entry)
                if plain:
                    straying = straying or []
                    straying.append(entry)
            else:
                plain.append(entry[0])
        return DecodedBlock(plain, marked, straying)

    def may_exceed(self, block: bytes, decoded: DecodedBlock, limit_octets: int) -> bool:
        """Return whether the decoded list is over the limit; most lists are known to be far below it at a glance."""
        fields = len(decoded.plain) + len(decoded.marked)
        # A coded octet is at least five bits long, so that a literal at most doubles.
        if fields * self._largest_octets + 2 * len(block) <= limit_octets:
            return False
        return decoded.size_octets() > limit_octets

    def octets_of(self, indices: bytes) -> int:
        """Return the size of the fields that one-octet indices stand for."""
        fields = [self._table[octet & 0x7F][0] for octet in indices]
        return sum([len(name) + len(value) + ENTRY_OVERHEAD_OCTETS for name, value in fields])

    def _integer(self, block: bytes, position: int, value: int) -> tuple[int, int]:
        """Return an integer whose prefix is full, and the position after it (§5.1). Bounded in octets and in value."""
        shift = 0
        for octet in block[position : position + INTEGER_LIMIT_OCTETS]:
            position += 1
            value += (octet & 0x7F) << shift
            shift += 7
            if octet < 0x80:
                if value > LARGEST_INTEGER:
                    break
                return value, position
        raise _broken("an integer is cut off, or larger than 2^31 - 1")

    def _string(self, block: bytes, position: int, *, remember: bool) -> tuple[bytes, int]:
        if position >= len(block):
            raise _broken("a string is cut off")
        octet = block[position]
        position += 1
        length = octet & 0x7F
        if length == 0x7F:
            length, position = self._integer(block, position, length)
        end = position + length
        if end > len(block):
            raise _broken("a string is cut off")
        text = block[position:end]
        if octet >= 0x80:
            text = self._huffman.decode(text, remember=remember)
        return text, end

    def _literal(self, block: bytes, position: int, index: int, prefix: int, *, remember: bool) -> tuple[Entry, int]:
        if index == prefix:
            index, position = self._integer(block, position, index)
        if index:
            if index >= len(self._table):
                raise _broken("an index is beyond the tables")
            name = self._table[index][0][0]
        else:
            name, position = self._string(block, position, remember=True)
        value, position = self._string(block, position, remember=remember)
        return ((name, value), self._judge(name, value)), position

    def _insert(self, entry: Entry) -> None:
        self.generation += 1
        name, value = entry[0]
        octets = len(name) + len(value) + ENTRY_OVERHEAD_OCTETS
        self._largest_octets = max(self._largest_octets, octets)
        self._evict(self._limit_octets - octets)
        if octets <= self._limit_octets:  # else it has emptied the table, and is not kept (§4.4)
            self._table.insert(FIRST_DYNAMIC, entry)
            self._table_octets += octets

    def _resize(self, block: bytes, position: int, size: int) -> int:
        if size == 0x1F:
            size, position = self._integer(block, position, size)
        if size > TABLE_LIMIT_OCTETS:
            raise _broken("a table size update is over what we allow (§6.3)")
        self.generation += 1
        self._limit_octets = size
        self._evict(size)
        return position

    def _evict(self, room_octets: int) -> None:
        table = self._table
        while self._table_octets > room_octets and len(table) > FIRST_DYNAMIC:
            name, value = table.pop()[0]
            self._table_octets -= len(name) + len(value) + ENTRY_OVERHEAD_OCTETS


def judged_static_table(judge: Judge) -> list[Entry]:
    """Return the static table with the judge's word; nothing stands at index 0."""
    return [((b"", b""), 0), *((field, judge(*field)) for field in STATIC_FIELDS)]


def _broken(reason: str) -> ConnectionBroken:
    return ConnectionBroken(ErrorCode.COMPRESSION_ERROR, reason)


class HpackEncoder:
    """Fields as octets that mean the same in every block of every connection."""

    def __init__(self) -> None:
        self._indices: dict[bytes, int] = {}
        self._whole: dict[Field, bytes] = {}
        for index, field in enumerate(STATIC_FIELDS, start=1):
            self._indices.setdefault(field[0], index)
            if field[1]:
                self._whole[field] = bytes([0x80 | index])

    def encode(self, name: bytes, value: bytes) -> bytes:
        """Return one field as an index, or as a literal without indexing; credentials as never indexed (§7.1.3)."""
        whole = self._whole.get((name, value))
        if whole is not None:
            return whole
        index = self._indices.get(name, 0)
        head = _integer_octets(index, 0x0F, 0x10 if name in NEVER_INDEXED else 0x00)
        if not index:
            head += _integer_octets(len(name), 0x7F, 0x00) + name
        return head + _integer_octets(len(value), 0x7F, 0x00) + value


def _integer_octets(value: int, prefix: int, pattern: int) -> bytes:
    """Return an integer behind the bits of `pattern` (§5.1); prefix: the largest value that fits beside them."""
    if value < prefix:
        return bytes([pattern | value])
    octets = bytearray([pattern | prefix])
    value -= prefix
    while value >= 0x80:
        octets.append(0x80 | value & 0x7F)
        value >>= 7
    octets.append(value)
    return bytes(octets)
