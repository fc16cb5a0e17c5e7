"""The chunked transfer coding of a request body (RFC 9112 §7.1).

One job: octets of a chunked body in, its content out, until the trailer section has ended.
Must not know: heads, connections, how large a whole body may be.
"""

from enum import IntEnum
from typing import Final

from veche.wire.h1.errors import RequestRefused
from veche.wire.h1.grammar import CHUNK_EXTENSIONS, CHUNK_SIZE, TOKEN, VALUE_OCTETS

# Extensions of all chunks of one body together: one per data octet would make us read much more than we deliver.
EXTENSIONS_LIMIT_OCTETS: Final = 16384
CHUNK_LINE_LIMIT_OCTETS: Final = 4096

CRLF: Final = b"\r\n"


class ChunkState(IntEnum):
    """What the next octets of a chunked body are."""

    SIZE_LINE = 0
    DATA = 1
    DATA_END = 2  # the CRLF after a chunk's data
    TRAILER = 3
    ENDED = 4


class ChunkedDecoder:
    """Decode one chunked body. Octets that are not enough for a step are kept; none after the end is touched.

    Trailer fields are checked and dropped (RFC 9110 §6.5.1): no interface of an application carries them.
    """

    def __init__(self, *, body_limit_octets: int, trailer_limit_octets: int, trailer_limit_fields: int) -> None:
        self.body_limit_octets = body_limit_octets
        self.trailer_limit_octets = trailer_limit_octets
        self.trailer_limit_fields = trailer_limit_fields
        self.state = ChunkState.SIZE_LINE
        self._remaining = 0
        self._body_octets = 0
        self._extension_octets = 0
        self._trailer_octets = 0
        self._trailer_fields = 0

    def decode(self, buffer: bytearray) -> bytes | None:
        """Take one step's octets from the front of `buffer`: return the content among them, None for too few octets.

        `self.state` is ENDED after the empty line that ends the trailer section. Raises RequestRefused.
        """
        if self.state is ChunkState.DATA:
            piece = bytes(buffer[: self._remaining])
            del buffer[: len(piece)]
            self._remaining -= len(piece)
            if not self._remaining:
                self.state = ChunkState.DATA_END
            return piece or None
        if self.state is ChunkState.DATA_END:
            if not CRLF.startswith(buffer[:2]):
                raise RequestRefused(400, "a chunk is not followed by CRLF")
            if len(buffer) < 2:
                return None
            del buffer[:2]
            self.state = ChunkState.SIZE_LINE
            return b""
        line = self._take_line(buffer)
        if line is None:
            return None
        if self.state is ChunkState.SIZE_LINE:
            self._read_size_line(line)
        else:
            self._read_trailer_line(line)
        return b""

    def _take_line(self, buffer: bytearray) -> bytes | None:
        """Remove one line from the buffer and return it without CRLF; None when it has not arrived whole."""
        trailer = self.state is ChunkState.TRAILER
        limit = self.trailer_limit_octets - self._trailer_octets if trailer else CHUNK_LINE_LIMIT_OCTETS
        end = buffer.find(b"\n", 0, limit)
        if end < 0:
            if len(buffer) >= limit:
                raise RequestRefused(431 if trailer else 400, "a line of the chunked body is too long")
            return None
        line = bytes(buffer[: end + 1])
        if not line.endswith(CRLF):
            raise RequestRefused(400, "a line of the chunked body ends without CR")
        del buffer[: end + 1]
        return line[:-2]

    def _read_size_line(self, line: bytes) -> None:
        size, extensions = line, b""
        for position, octet in enumerate(line):
            if octet in b"; \t":
                size, extensions = line[:position], line[position:]
                break
        if CHUNK_SIZE.fullmatch(size) is None:
            raise RequestRefused(400, "a chunk size is not 1*HEXDIG")
        if extensions:
            self._extension_octets += len(extensions)
            if self._extension_octets > EXTENSIONS_LIMIT_OCTETS:
                raise RequestRefused(400, "too many octets of chunk extensions")
            if CHUNK_EXTENSIONS.fullmatch(extensions) is None:
                raise RequestRefused(400, "a chunk extension is not ; name = value")
        self._remaining = int(size, 16)
        self._body_octets += self._remaining
        if self._body_octets > self.body_limit_octets:
            raise RequestRefused(413, f"the body is larger than {self.body_limit_octets} octets")
        self.state = ChunkState.DATA if self._remaining else ChunkState.TRAILER

    def _read_trailer_line(self, line: bytes) -> None:
        if not line:
            self.state = ChunkState.ENDED
            return
        self._trailer_octets += len(line) + 2
        self._trailer_fields += 1
        if self._trailer_fields > self.trailer_limit_fields:
            raise RequestRefused(431, f"more than {self.trailer_limit_fields} trailer fields")
        name, colon, value = line.partition(b":")
        if not colon or TOKEN.fullmatch(name) is None or value.translate(None, VALUE_OCTETS):
            raise RequestRefused(400, "a trailer line is not field-name : field-value")
