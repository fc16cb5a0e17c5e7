"""From octets to messages: fragments joined, control frames between them, every rule of RFC 6455 §5 and §8.1 kept.

One job: the reading side of one connection that a server accepted.
Must not know: sockets, clocks, who writes the answers.
"""

import codecs
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from veche.wire.websocket.closing import CloseCode, read_close_payload
from veche.wire.websocket.errors import FrameRefused
from veche.wire.websocket.frames import (
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

SHORT_HEAD_OCTETS: Final = 6  # two octets and the mask
FRAGMENT_LIMIT: Final = 4096  # a message in more pieces costs its receiver more than its sender


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

    message_limit_octets: of one message, whole or in fragments.
    """

    def __init__(self, *, message_limit_octets: int, unmask: Callable[[bytes, bytes], bytes] | None = None) -> None:
        self._limit = message_limit_octets
        self._unmask = unmask or find_unmask()
        self._buffer = bytearray()
        self._opcode = Opcode.CONTINUATION  # of the message in fragments; CONTINUATION when there is none
        self._fragments: list[bytes | str] = []
        self._size = 0
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._closed = False

    @property
    def buffered_octets(self) -> int:
        """What is kept until the rest of its frame or message arrives."""
        return len(self._buffer) + self._size

    def receive(self, octets: bytes) -> list[Received]:
        """Return what is complete now. After a Close nothing more is read (§5.5.1).

        Raises FrameRefused; what came before the fault in the same octets is in its `args[1]`, already received.
        """
        self._buffer += octets
        received: list[Received] = []
        try:
            while not self._closed and self._read_frame(received):
                pass
        except FrameRefused as refusal:
            self._closed = True
            refusal.args = (*refusal.args, tuple(received))
            raise
        if self._closed:
            self._buffer.clear()
        return received

    def _read_frame(self, received: list[Received]) -> bool:
        """Take one whole frame off the buffer; False when there is none."""
        buffer = self._buffer
        if len(buffer) < 2:
            return False
        first, second = buffer[0], buffer[1]
        self._check_head(first, second)
        length = second & LENGTH_BITS
        start = SHORT_HEAD_OCTETS
        if length >= LENGTH_IN_2_OCTETS:
            start = 8 if length == LENGTH_IN_2_OCTETS else 14
            if len(buffer) < start - 4:
                return False
            length = self._long_length(length, int.from_bytes(buffer[2 : start - 4], "big"))
        if not first & CONTROL_BIT and self._size + length > self._limit:
            raise FrameRefused(CloseCode.TOO_LARGE, f"a message is over {self._limit} octets")
        end = start + length
        if len(buffer) < end:
            return False
        payload = self._unmask(bytes(buffer[start:end]), bytes(buffer[start - 4 : start])) if length else b""
        del buffer[:end]
        if first & CONTROL_BIT:
            received.append(self._control(first & OPCODE_BITS, payload))
        else:
            self._data(first, payload, received)
        return True

    def _check_head(self, first: int, second: int) -> None:
        opcode = first & OPCODE_BITS
        if first & RESERVED_BITS:
            raise _wrong("a reserved bit is set, and no extension was negotiated (§5.2)")
        if opcode not in KNOWN_OPCODES:
            raise _wrong(f"opcode {opcode:#x} is reserved (§5.2)")
        if not second & MASKED:
            raise _wrong("a client's frame is not masked (§5.1)")
        if opcode & CONTROL_BIT:
            if not first & FINAL:
                raise _wrong("a control frame is fragmented (§5.5)")
            if second & LENGTH_BITS > CONTROL_LIMIT_OCTETS:
                raise _wrong("a control frame is over 125 octets (§5.5)")
        elif opcode == Opcode.CONTINUATION and self._opcode == Opcode.CONTINUATION:
            raise _wrong("a continuation has nothing to continue (§5.4)")
        elif Opcode.CONTINUATION not in (opcode, self._opcode):
            raise _wrong("a message begins before the last one has ended (§5.4)")

    @staticmethod
    def _long_length(kind: int, length: int) -> int:
        if length < LENGTH_IN_2_OCTETS or (kind == LENGTH_IN_8_OCTETS and length <= 0xFFFF):
            raise _wrong("a length is not in its shortest form (§5.2)")
        if length >> 63:
            raise _wrong("the highest bit of a length is set (§5.2)")
        return length

    def _control(self, opcode: int, payload: bytes) -> Received:
        if opcode == Opcode.PING:
            return Ping(payload)
        if opcode == Opcode.PONG:
            return Pong(payload)
        self._closed = True
        try:
            said = read_close_payload(payload)
        except UnicodeDecodeError as error:
            raise FrameRefused(CloseCode.NOT_UTF_8, "the reason of a Close frame is not UTF-8 (§5.5.1)") from error
        if said is None:
            raise _wrong("a Close frame has a code that may not be sent (§7.4)")
        return Close(*said)

    def _data(self, first: int, payload: bytes, received: list[Received]) -> None:
        final = bool(first & FINAL)
        opcode = first & OPCODE_BITS
        if final and opcode == Opcode.BINARY:
            received.append(payload)
            return
        if opcode != Opcode.CONTINUATION:
            self._opcode = Opcode(opcode)
        self._size += len(payload)
        if len(self._fragments) >= FRAGMENT_LIMIT:
            raise FrameRefused(CloseCode.TOO_LARGE, f"a message is in over {FRAGMENT_LIMIT} fragments")
        if self._opcode == Opcode.TEXT:
            self._fragments.append(self._decoded(payload, final=final))
        else:
            self._fragments.append(payload)
        if final:
            received.append(self._joined())

    def _decoded(self, payload: bytes, *, final: bool) -> str:
        try:
            return self._decoder.decode(payload, final)
        except UnicodeDecodeError as error:
            raise FrameRefused(CloseCode.NOT_UTF_8, "a text message is not UTF-8 (§8.1)") from error

    def _joined(self) -> str | bytes:
        fragments, text = self._fragments, self._opcode == Opcode.TEXT
        self._fragments, self._opcode, self._size = [], Opcode.CONTINUATION, 0
        if len(fragments) == 1:
            return fragments[0]
        return "".join(map(str, fragments)) if text else b"".join(part for part in fragments if isinstance(part, bytes))


def _wrong(reason: str) -> FrameRefused:
    return FrameRefused(CloseCode.PROTOCOL_ERROR, reason)
