"""One response as header blocks (RFC 9113 §8.2, §8.3.2; RFC 9110 §6.4, §8.6).

One job: what an application says, checked and encoded.
Must not know: frames, streams, clocks (the Date line comes in).
"""

from collections.abc import Iterable
from typing import Any, Final

from veche.wire.h1 import ResponseRefused
from veche.wire.h1.said_fields import (
    REMEMBERED_FIELDS,
    REMEMBERED_OCTETS,
    check_field,
    check_trailer,
    not_bytes,
    read_length,
    remember,
)
from veche.wire.h2.hpack import Field, HpackEncoder

# §8.2.2: they speak of an HTTP/1 connection. An application that was written for one says them; they are left out.
CONNECTION_FIELDS: Final = frozenset(
    {b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade"}
)
UNKNOWN_LENGTH: Final = -1


class ResponseHead:
    """A checked head: its block without Date, and what it says about the body."""

    __slots__ = ("block", "content_length", "has_date", "status")

    def __init__(self, status: int, block: list[bytes]) -> None:
        self.status = status
        self.block = block
        self.content_length = UNKNOWN_LENGTH
        self.has_date = False


class ResponseEncoder:
    """Encode heads; one encoder serves all responses of a worker. What it remembers is bounded in number and length.

    `known` maps a field to its octets, b"" for one that is left out or that says something about the body.
    """

    def __init__(self) -> None:
        self.known: dict[Field, bytes] = {}
        self._hpack = HpackEncoder()
        self._statuses = {status: self._hpack.encode(b":status", b"%d" % status) for status in range(100, 600)}
        self._length_blocks: dict[int, bytes] = {}
        self._lengths: dict[Field, int] = {}  # of content-length fields
        self._date_line = b""
        self._date_block = b""

    def head(self, status: Any, fields: Iterable[Any]) -> ResponseHead:
        """Return the checked head of a final response. Raises ResponseRefused.

        An application may say anything: a compiled function would refuse other types in words of its own.
        """
        if status not in self._statuses or status < 200:
            raise ResponseRefused(f"status {status!r} is not a final status code (200 to 599)")
        block = [self._statuses[status]]
        head = ResponseHead(status, block)
        known = self.known
        try:
            for field in fields:
                if type(field) is not tuple:
                    name, value = field  # ASGI allows any iterable of two
                    field = (name, value)  # noqa: PLW2901
                octets = known.get(field)
                if octets is None:
                    octets = self._checked(field)
                block.append(octets or self._read_ours(head, field))
        except TypeError as error:
            raise not_bytes(error) from None
        return head

    def informational(self, status: int, fields: Iterable[Any]) -> bytes:
        """Return the block of an interim response (1xx, never 101). Raises ResponseRefused."""
        if status not in self._statuses or status >= 200 or status == 101:
            raise ResponseRefused(f"status {status!r} is not one of an interim response in HTTP/2 (§8.6)")
        return self._statuses[status] + b"".join([self._checked((name, value)) for name, value in fields])

    def trailers(self, fields: Iterable[Any]) -> bytes:
        """Return the block of a trailer section. Raises ResponseRefused."""
        block = []
        for name, value in fields:
            check_trailer(name)
            block.append(self._checked((name, value)))
        return b"".join(block)

    def length(self, octets: int) -> bytes:
        """Return a content-length field."""
        block = self._length_blocks.get(octets)
        if block is None:
            if len(self._length_blocks) >= REMEMBERED_FIELDS:
                self._length_blocks.clear()
            block = self._length_blocks[octets] = self._hpack.encode(b"content-length", b"%d" % octets)
        return block

    def date(self, date_line: bytes) -> bytes:
        """Return the field of an HTTP/1 Date line; there is a new one each second."""
        if date_line is not self._date_line:
            self._date_line = date_line
            self._date_block = self._hpack.encode(b"date", date_line.partition(b":")[2].strip())
        return self._date_block

    def _checked(self, field: Any) -> bytes:
        name, value = field
        check_field(name, value)
        name = name.lower()
        octets = b""
        if name not in CONNECTION_FIELDS and name not in {b"content-length", b"date"}:
            octets = self._hpack.encode(name, value.strip(b" \t"))
        if len(octets) <= REMEMBERED_OCTETS:
            remember(self.known, field, octets)
        return octets

    def _read_ours(self, head: ResponseHead, field: Field) -> bytes:
        """Take note of a field that says something about the response; return its octets where it is sent."""
        length = self._lengths.get(field)
        if length is None:
            name, value = field[0].lower(), field[1]
            if name == b"date":
                head.has_date = True
                return self._hpack.encode(name, value.strip(b" \t"))
            if name != b"content-length":
                return b""
            length = read_length(field[1])
            remember(self._lengths, field, length)
        if head.content_length >= 0 and head.content_length != length:
            raise ResponseRefused("two Content-Length fields differ (RFC 9110 §8.6)")
        head.content_length = length
        return b""
