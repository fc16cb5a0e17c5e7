"""WebSocket without I/O (RFC 6455): octets ↔ messages, the opening and the closing handshake."""

from veche.wire.websocket.closing import CloseCode, State, may_be_sent
from veche.wire.websocket.connection import SendAfterClose, WebSocketConnection
from veche.wire.websocket.deflate_offers import DeflateAgreement, DeflateChoices
from veche.wire.websocket.errors import FrameRefused, HandshakeRefused, ProtocolError
from veche.wire.websocket.handshake import Handshake, read_handshake
from veche.wire.websocket.messages import Close, MessageReader, Ping, Pong, Received
from veche.wire.websocket.outgoing import FrameMakers

__all__ = [
    "Close",
    "CloseCode",
    "DeflateAgreement",
    "DeflateChoices",
    "FrameMakers",
    "FrameRefused",
    "Handshake",
    "HandshakeRefused",
    "MessageReader",
    "Ping",
    "Pong",
    "ProtocolError",
    "Received",
    "SendAfterClose",
    "State",
    "WebSocketConnection",
    "may_be_sent",
    "read_handshake",
]
