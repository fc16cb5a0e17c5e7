"""From octets to messages: fragments joined, control frames between them, every rule of RFC 6455 §5 and §8.1 kept.

One job: the reading side of one connection that a server accepted.
Must not know: sockets, clocks, who writes the answers.

A data frame is consumed as it arrives: what is wrong with a text is seen at its first wrong octet, and what is kept is
the message so far and never more than one incomplete frame head or control frame beside it.
"""

from codecs import utf_8_decode
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from veche.wire.websocket.closing import CloseCode, read_close_payload
from veche.wire.websocket.errors import FrameRefused
from veche.wire.websocket.frames import (
    COMPRESSED,
    CONTROL_BIT,
    CONTROL_LIMIT_OCTETS,
    FINAL,
    KNOWN_OPCODES,
    LENGTH_BITS,
    LENGTH_IN_2_OCTETS,
    LENGTH_IN_8_OCTETS,
    MASKED,
    OPCODE_BITS,
    RESERVED_BITS,
    Opcode,
    find_unmask,
)
from veche.wire.websocket.inflate import Inflater

SHORT_HEAD_OCTETS: Final = 6  # two octets and the mask
NOT_NOW: Final = -1
# Plain numbers: an Enum's members cost a lookup with Python code behind it on 3.11.
CONTINUATION: Final = int(Opcode.CONTINUATION)
TEXT: Final = int(Opcode.TEXT)
WHOLE_TEXT: Final = FINAL | TEXT
WHOLE_BINARY: Final = FINAL | int(Opcode.BINARY)


@dataclass(frozen=True, slots=True)
class Ping:
    """Answer it with a Pong of the same payload (§5.5.3)."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class Pong:
    """The answer to a Ping of ours, or unasked (§5.5.3)."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class Close:
    """The peer's last frame; 1005 stands for one without a code."""

    code: int
    reason: str


Received: TypeAlias = str | bytes | Ping | Pong | Close
"""A text message, a binary message, or a control frame."""


class MessageReader:
    """Octets in, messages out, in order.

    limit_octets: of one message, whole or in fragments, inflated; limit_fragments: of one message. inflater: None where
    no compression was agreed on.
    """

    def __init__(
        self,
        *,
        limit_octets: int,
        limit_fragments: int,
        inflater: Inflater | None = None,
        unmask: Callable[[bytes, bytes], bytes] | None = None,
    ) -> None:
        self._limit = limit_octets
        self._limit_fragments = limit_fragments
        self._inflater = inflater
        self._unmask = unmask or find_unmask()
        self._rest = b""  # of what was received: an incomplete frame head or control frame
        self._message = bytearray()
        self._short = min(CONTROL_LIMIT_OCTETS, limit_octets)
        self._quick = self._short  # octets that a frame taken at once may have; NOT_NOW inside one
        self.closed = False  # a Close frame came, or something was refused: nothing more is read
        # Of the message that is incomplete; _opcode is CONTINUATION when there is none.
        self._opcode = CONTINUATION
        self._fragments = 0
        self._announced = 0  # octets, by the heads of its frames
        self._undecoded = b""  # the first octets of a character
        self._compressed = False
        # Of its frame that is incomplete.
        self._left = 0  # octets
        self._key = b""  # begins with the octet of the mask that is due
        self._final = False

    @property
    def buffered_octets(self) -> int:
        """What is kept until the rest of its frame or message arrives."""
        return len(self._rest) + len(self._message)

    def receive(self, octets: bytes) -> list[Received]:
        """Return what is complete now. After a Close nothing more is read (§5.5.1).

        Raises FrameRefused; what came before the fault in the same octets is in its `args[1]`, already received.
        """
        # What most reads hold: one short message, whole.
        length = len(octets) - SHORT_HEAD_OCTETS
        if 0 <= length <= self._quick and octets[1] == MASKED | length:
            first = octets[0]
            if first == WHOLE_TEXT:
                try:
                    return [str(self._unmask(octets[6:], octets[2:6]), "utf-8")]
                except UnicodeDecodeError:
                    pass  # refused below
            elif first == WHOLE_BINARY:
                return [self._unmask(octets[6:], octets[2:6])]
        return self._receive_any(octets)

    def _receive_any(self, octets: bytes) -> list[Received]:
        received: list[Received] = []
        if self.closed:
            return received
        if self._rest:
            octets = self._rest + octets
            self._rest = b""
        position = 0
        try:
            if self._left:
                position = self._read_payload(octets, 0, received)
            while len(octets) - position >= 2 and not self.closed:
                after = self._read_frame(octets, position, received)
                if after == NOT_NOW:
                    break
                position = after
        except FrameRefused as refusal:
            self.closed = True
            self._forget()
            refusal.args = (*refusal.args, tuple(received))
            raise
        if self.closed:
            self._forget()
            return received
        self._rest = octets[position:]
        between = not (self._rest or self._left or self._opcode)
        self._quick = self._short if between else NOT_NOW
        return received

    def _forget(self) -> None:
        self._rest, self._message, self._quick = b"", bytearray(), NOT_NOW

    def _read_frame(self, octets: bytes, position: int, received: list[Received]) -> int:
        """Take a control frame, or what is there of a data frame; return where it ends, NOT_NOW when more is needed."""
        first, second = octets[position], octets[position + 1]
        if (first & RESERVED_BITS) or first & OPCODE_BITS not in KNOWN_OPCODES or not second & MASKED:
            self._check_first_octets(first, second)
        if first & CONTROL_BIT:
            return self._read_control(octets, position, received)
        if (first & OPCODE_BITS == CONTINUATION) is (self._opcode == CONTINUATION):
            raise _wrong(
                "a message begins before the last one has ended (§5.4)"
                if self._opcode
                else "a continuation has nothing to continue (§5.4)"
            )
        length = second & LENGTH_BITS
        start = position + SHORT_HEAD_OCTETS
        if length >= LENGTH_IN_2_OCTETS:
            start += 2 if length == LENGTH_IN_2_OCTETS else 8
            if len(octets) < start - 4:
                return NOT_NOW
            length = _long_length(length, int.from_bytes(octets[position + 2 : start - 4], "big"))
        if len(self._message) + length > self._limit:
            raise FrameRefused(CloseCode.TOO_LARGE, f"a message is over {self._limit} octets")
        if len(octets) < start:
            return NOT_NOW
        key = octets[start - 4 : start]
        end = start + length
        if end <= len(octets) and first in (WHOLE_TEXT, WHOLE_BINARY):
            payload = self._unmask(octets[start:end], key)
            received.append(_text(payload) if first == WHOLE_TEXT else payload)
            return end
        self._begin_frame(first, length, key)
        return self._read_payload(octets, start, received)

    def _check_first_octets(self, first: int, second: int) -> None:
        opcode = first & OPCODE_BITS
        if first & RESERVED_BITS != COMPRESSED and first & RESERVED_BITS:
            raise _wrong("a reserved bit is set, and no extension for it was agreed on (§5.2)")
        if first & COMPRESSED and (self._inflater is None or opcode & CONTROL_BIT or opcode == CONTINUATION):
            raise _wrong("RSV1 is set on a frame that begins no compressed message (§5.2, RFC 7692 §6)")
        if opcode not in KNOWN_OPCODES:
            raise _wrong(f"opcode {opcode:#x} is reserved (§5.2)")
        if not second & MASKED:
            raise _wrong("a client's frame is not masked (§5.1)")

    def _read_control(self, octets: bytes, position: int, received: list[Received]) -> int:
        first, length = octets[position], octets[position + 1] & LENGTH_BITS
        if not first & FINAL:
            raise _wrong("a control frame is fragmented (§5.5)")
        if length > CONTROL_LIMIT_OCTETS:
            raise _wrong("a control frame is over 125 octets (§5.5)")
        start = position + SHORT_HEAD_OCTETS
        end = start + length
        if len(octets) < end:
            return NOT_NOW
        payload = self._unmask(octets[start:end], octets[start - 4 : start])
        opcode = first & OPCODE_BITS
        if opcode == Opcode.PING:
            received.append(Ping(payload))
        elif opcode == Opcode.PONG:
            received.append(Pong(payload))
        else:
            received.append(_close(payload))
            self.closed = True
            self._close_received()
        return end

    def _close_received(self) -> None:
        """A Close frame came; whoever puts reading and writing together has a use for that."""

    def _begin_frame(self, first: int, length: int, key: bytes) -> None:
        opcode = first & OPCODE_BITS
        if opcode != CONTINUATION:
            self._opcode = opcode
            self._compressed = bool(first & COMPRESSED)
            self._fragments = self._announced = 0
        self._fragments += 1
        if self._fragments > self._limit_fragments:
            raise FrameRefused(CloseCode.TOO_LARGE, f"a message is in over {self._limit_fragments} fragments")
        self._announced += length
        self._left, self._key, self._final = length, key, bool(first & FINAL)

    def _read_payload(self, octets: bytes, start: int, received: list[Received]) -> int:
        """Add what is there of the frame to its message; return where it ends."""
        end = min(start + self._left, len(octets))
        count = end - start
        payload = self._unmask(octets[start:end], self._key) if count else b""
        self._left -= count
        turn = count % 4
        self._key = self._key[turn:] + self._key[:turn]
        final = self._final and not self._left
        if self._compressed:
            self._add_compressed(payload, final=final)
        elif count or final:
            self._add(payload, final=final)
        if final:
            received.append(self._whole())
        return end

    def _add_compressed(self, payload: bytes, *, final: bool) -> None:
        inflater = self._inflater
        assert inflater is not None
        believable = inflater.believable_octets(self._announced)
        room = min(self._limit, believable) - len(self._message)
        inflated = inflater.inflate(payload, final=final, most_octets=room + 1)
        # What is wrong with the text comes first: it would have been seen first, had the octets come one by one.
        self._add(inflated, final=final and len(inflated) <= room)
        if len(inflated) > room:
            raise FrameRefused(
                CloseCode.TOO_LARGE,
                f"a message is over {self._limit} octets"
                if believable > self._limit
                else "a message inflates to many times its size (RFC 7692 §8)",
            )

    def _add(self, payload: bytes, *, final: bool) -> None:
        if self._opcode == TEXT:
            octets = self._undecoded + payload
            try:
                self._undecoded = octets[utf_8_decode(octets, "strict", final)[1] :]
            except UnicodeDecodeError as error:
                raise _not_text() from error
        self._message += payload

    def _whole(self) -> str | bytes:
        message, self._message = self._message, bytearray()
        text = self._opcode == TEXT
        self._opcode = CONTINUATION
        return message.decode("utf-8") if text else bytes(message)


def _text(payload: bytes) -> str:
    try:
        return str(payload, "utf-8")
    except UnicodeDecodeError as error:
        raise _not_text() from error


def _close(payload: bytes) -> Close:
    try:
        said = read_close_payload(payload)
    except UnicodeDecodeError as error:
        raise FrameRefused(CloseCode.NOT_UTF_8, "the reason of a Close frame is not UTF-8 (§5.5.1)") from error
    if said is None:
        raise _wrong("a Close frame has a code that may not be sent (§7.4)")
    return Close(*said)


def _long_length(kind: int, length: int) -> int:
    if length < LENGTH_IN_2_OCTETS or (kind == LENGTH_IN_8_OCTETS and length <= 0xFFFF):
        raise _wrong("a length is not in its shortest form (§5.2)")
    if length >> 63:
        raise _wrong("the highest bit of a length is set (§5.2)")
    return length


def _wrong(reason: str) -> FrameRefused:
    return FrameRefused(CloseCode.PROTOCOL_ERROR, reason)


def _not_text() -> FrameRefused:
    return FrameRefused(CloseCode.NOT_UTF_8, "a text message is not UTF-8 (§8.1)")
