"""One accepted WebSocket connection without I/O: octets ↔ messages, and who may still send what.

One job: put reading, writing and the closing handshake together.
Must not know: sockets, clocks, applications.
"""

from veche.wire.websocket.closing import TRANSITIONS, CloseCode, Event, State, close_payload
from veche.wire.websocket.deflate_offers import DeflateAgreement
from veche.wire.websocket.errors import ProtocolError
from veche.wire.websocket.frames import Opcode, encode_frame
from veche.wire.websocket.messages import MessageReader
from veche.wire.websocket.outgoing import FrameMakers

OPEN = State.OPEN


class SendAfterClose(ProtocolError):
    """A frame was to be sent after our Close frame (RFC 6455 §5.5.1); nothing was."""


class WebSocketConnection(MessageReader):
    """The server's side of one connection; the methods that send return the octets to write.

    `receive` is the reader's: a Close among what it returns has moved the state; answer it with close(), then close
    TCP. When it raises FrameRefused, send close(refusal.code), then close TCP.
    makers: shared by all connections of a worker; agreement: on compression, of the handshake.
    """

    def __init__(
        self,
        *,
        limit_octets: int,
        limit_fragments: int,
        makers: FrameMakers,
        agreement: DeflateAgreement | None = None,
    ) -> None:
        inflater = makers.inflater(agreement)
        super().__init__(limit_octets=limit_octets, limit_fragments=limit_fragments, inflater=inflater)
        self._maker = makers.maker(agreement)
        self.state = OPEN

    def text(self, text: str) -> bytes:
        """Return the frame of a text message. Raises UnicodeEncodeError for lone surrogates."""
        if self.state is not OPEN:
            self._refuse_after_close()
        return self._maker.text(text)

    def binary(self, octets: bytes) -> bytes:
        """Return the frame of a binary message."""
        if self.state is not OPEN:
            self._refuse_after_close()
        return self._maker.binary(octets)

    def ping(self, payload: bytes = b"") -> bytes:
        """Return a Ping frame; payload: at most 125 octets, the Pong repeats it."""
        return self._control(Opcode.PING, payload)

    def pong(self, payload: bytes) -> bytes:
        """Return the answer to a Ping."""
        return self._control(Opcode.PONG, payload)

    def close(self, code: int = CloseCode.NORMAL, reason: str = "") -> bytes:
        """Return our Close frame, b"" when it was sent before. 1005 makes one without a code, to answer such a one."""
        if self.state in (State.CLOSE_SENT, State.CLOSED):
            return b""
        payload = b"" if code == CloseCode.NO_STATUS else close_payload(code, reason)
        self._move(Event.SEND_CLOSE)
        return encode_frame(Opcode.CLOSE, payload)

    def _control(self, opcode: Opcode, payload: bytes) -> bytes:
        if self.state is not OPEN:
            self._refuse_after_close()
        return encode_frame(opcode, payload)

    def _close_received(self) -> None:
        self._move(Event.RECEIVE_CLOSE)

    def _refuse_after_close(self) -> None:
        # Between the peer's Close and ours, what answers earlier messages may still be sent (§5.5.1).
        if self.state is not State.CLOSE_RECEIVED:
            raise SendAfterClose("the WebSocket is closing; expected no more messages after close()")

    def _move(self, event: Event) -> None:
        self.state = TRANSITIONS[self.state].get(event, self.state)
