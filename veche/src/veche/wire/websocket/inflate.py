"""Compressed messages made whole again, as far as the bounds allow (RFC 7692 §7.2.2).

One job: the compressed octets of one connection's messages → their payloads.
Must not know: frames, text, what was negotiated otherwise.
"""

import zlib
from typing import Final

from veche.wire.websocket.closing import CloseCode
from veche.wire.websocket.deflate_offers import LEAST_WINDOW_BITS
from veche.wire.websocket.errors import FrameRefused

TAIL: Final = b"\x00\x00\xff\xff"  # §7.2.1: left off by whoever compresses
UNSUSPICIOUS_OCTETS: Final = 1 << 20  # a message up to this size may be as repetitive as it likes
LAST_BLOCKS_LIMIT: Final = 16  # in one message; each costs a new inflater


class Inflater:
    """One connection's receiving side of permessage-deflate; between messages it keeps its window only if it must."""

    def __init__(self, *, window_bits: int, takes_over: bool, ratio_limit: int) -> None:
        self._window_bits = -max(window_bits, LEAST_WINDOW_BITS)  # negative: no zlib header
        self._takes_over = takes_over
        self._ratio_limit = ratio_limit
        self._inflate: zlib._Decompress | None = None
        self._last_blocks = 0

    def believable_octets(self, compressed_octets: int) -> int:
        """Return the size beyond which a message of this compressed size is an attack (§8: nothing else bounds it)."""
        return max(UNSUSPICIOUS_OCTETS, self._ratio_limit * compressed_octets)

    def inflate(self, octets: bytes, *, final: bool, most_octets: int) -> bytes:
        """Return what the next octets of a message mean, cut at most_octets; final: they are its last.

        Whoever gets as much as most_octets must not ask again. Raises FrameRefused for what is no compressed data.
        """
        inflated = self._inflated(octets + TAIL if final else octets, most_octets)
        if final:
            self._last_blocks = 0
            if not self._takes_over:
                self._inflate = None
        return inflated

    def _inflated(self, octets: bytes, most: int) -> bytes:
        parts: list[bytes] = []
        while True:
            inflate = self._inflate
            if inflate is None:
                inflate = self._inflate = zlib.decompressobj(self._window_bits)
            try:
                part = inflate.decompress(octets, most)
            except zlib.error as error:
                raise FrameRefused(CloseCode.NOT_UTF_8, "a message is not compressed data (RFC 7692 §7.2.2)") from error
            parts.append(part)
            most -= len(part)
            if inflate.eof:
                # §7.2.3.4: a block marked as the last one of a stream may stand in the middle of a message.
                octets = inflate.unused_data
                self._count_last_block()
            if not (inflate.eof and octets and most):  # a bound of 0 would be none
                return b"".join(parts) if len(parts) > 1 else part

    def _count_last_block(self) -> None:
        self._inflate = None
        self._last_blocks += 1
        if self._last_blocks > LAST_BLOCKS_LIMIT:
            raise FrameRefused(CloseCode.TOO_LARGE, f"a message has over {LAST_BLOCKS_LIMIT} last blocks")
