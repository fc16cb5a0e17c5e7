"""The frames of messages that we send: as they are, or compressed (RFC 6455 §5.2, RFC 7692 §7.2.1).

One job: message → its one frame. What goes to many sockets is made once: connections that agreed on the same share one
maker, and it remembers what it made last.
Must not know: connections, who receives what.
"""

import zlib
from typing import Final, Protocol

from veche.wire.websocket.deflate_offers import DeflateAgreement, DeflateChoices
from veche.wire.websocket.frames import COMPRESSED, FINAL, LENGTH_IN_2_OCTETS, Opcode, encode_frame
from veche.wire.websocket.inflate import TAIL, Inflater

REMEMBERED_MESSAGES: Final = 16
REMEMBERED_OCTETS: Final = 1 << 20  # longer messages are not remembered, so this bounds each entry

TEXT_HEADS: Final = tuple(bytes((FINAL | Opcode.TEXT, length)) for length in range(LENGTH_IN_2_OCTETS))
BINARY_HEADS: Final = tuple(bytes((FINAL | Opcode.BINARY, length)) for length in range(LENGTH_IN_2_OCTETS))


class FrameMaker(Protocol):
    """Message in, frame out."""

    def text(self, text: str) -> bytes: ...

    def binary(self, octets: bytes) -> bytes: ...


class PlainFrames:
    """Frames as they are."""

    def __init__(self) -> None:
        self._last_text: str | None = None
        self._last_frame = b""

    def text(self, text: str) -> bytes:
        """Return the frame of a text message."""
        if text is self._last_text:  # the same object again: one message to many sockets
            return self._last_frame
        payload = text.encode()
        length = len(payload)
        if length < LENGTH_IN_2_OCTETS:
            return TEXT_HEADS[length] + payload
        frame = encode_frame(Opcode.TEXT, payload)
        if length <= REMEMBERED_OCTETS:
            self._last_text, self._last_frame = text, frame
        return frame

    def binary(self, octets: bytes) -> bytes:
        """Return the frame of a binary message."""
        length = len(octets)
        if length < LENGTH_IN_2_OCTETS:
            return BINARY_HEADS[length] + octets
        return encode_frame(Opcode.BINARY, octets)


class _Compressing:
    """What both ways to compress share."""

    _must_compress = False  # also what becomes longer

    def __init__(self, choices: DeflateChoices, window_bits: int, flush: int) -> None:
        self._least = choices.least_octets
        self._flush = flush
        self._deflate = zlib.compressobj(choices.level, zlib.DEFLATED, -window_bits)

    def _frame(self, opcode: Opcode, payload: bytes) -> bytes:
        if len(payload) < self._least:
            return encode_frame(opcode, payload)
        deflate = self._deflate
        compressed = (deflate.compress(payload) + deflate.flush(self._flush)).removesuffix(TAIL)
        if len(compressed) >= len(payload) and not self._must_compress:
            return encode_frame(opcode, payload)
        return encode_frame(opcode, compressed, reserved=COMPRESSED)


class DeflatedFrames(_Compressing):
    """Compressed frames of all connections whose messages do not refer to earlier ones."""

    def __init__(self, choices: DeflateChoices, window_bits: int) -> None:
        # A full flush forgets the window: one compressor serves everybody, and an idle socket keeps nothing.
        super().__init__(choices, window_bits, zlib.Z_FULL_FLUSH)
        self._made: dict[str | bytes, bytes] = {}

    def text(self, text: str) -> bytes:
        """Return the frame of a text message."""
        frame = self._made.get(text)
        return self._made_now(text, Opcode.TEXT, text.encode()) if frame is None else frame

    def binary(self, octets: bytes) -> bytes:
        """Return the frame of a binary message."""
        frame = self._made.get(octets)
        return self._made_now(octets, Opcode.BINARY, octets) if frame is None else frame

    def _made_now(self, message: str | bytes, opcode: Opcode, payload: bytes) -> bytes:
        frame = self._frame(opcode, payload)
        if self._least <= len(payload) <= REMEMBERED_OCTETS:
            if len(self._made) >= REMEMBERED_MESSAGES:
                del self._made[next(iter(self._made))]  # the oldest
            self._made[message] = frame
        return frame


class ContinuedFrames(_Compressing):
    """Compressed frames of one connection whose messages refer to earlier ones."""

    _must_compress = True  # later messages may refer to it

    def __init__(self, choices: DeflateChoices, window_bits: int) -> None:
        super().__init__(choices, window_bits, zlib.Z_SYNC_FLUSH)

    def text(self, text: str) -> bytes:
        """Return the frame of a text message."""
        return self._frame(Opcode.TEXT, text.encode())

    def binary(self, octets: bytes) -> bytes:
        """Return the frame of a binary message."""
        return self._frame(Opcode.BINARY, octets)


class FrameMakers:
    """The frame makers of one worker, and what each connection needs to read compressed messages.

    choices: None when nothing is to be compressed.
    """

    def __init__(self, choices: DeflateChoices | None) -> None:
        self.choices = choices
        self._plain = PlainFrames()
        self._shared: dict[int, DeflatedFrames] = {}  # by window bits: at most seven

    def maker(self, agreement: DeflateAgreement | None) -> FrameMaker:
        """Return who makes a connection's frames."""
        if agreement is None or self.choices is None:
            return self._plain
        bits = agreement.server_window_bits
        if agreement.server_takes_over:
            return ContinuedFrames(self.choices, bits)
        if bits not in self._shared:
            self._shared[bits] = DeflatedFrames(self.choices, bits)
        return self._shared[bits]

    def inflater(self, agreement: DeflateAgreement | None) -> Inflater | None:
        """Return who reads a connection's compressed messages; None when it has agreed to none."""
        if agreement is None or self.choices is None:
            return None
        return Inflater(
            window_bits=agreement.client_window_bits,
            takes_over=agreement.client_takes_over,
            ratio_limit=self.choices.ratio_limit,
        )
