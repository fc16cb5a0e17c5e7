"""What is wrong with a WebSocket peer, and what it is told.

One job: the errors of this package. Must not know: who raises them, who answers.
"""

from veche.wire.websocket.closing import CloseCode


class ProtocolError(Exception):
    """The base of this package's errors."""


class HandshakeRefused(ProtocolError):
    """The request cannot become a WebSocket: answer `status` with `headers` (RFC 6455 §4.2.2, §4.4)."""

    def __init__(self, status: int, reason: str, headers: tuple[tuple[bytes, bytes], ...] = ()) -> None:
        super().__init__(f"{status}: {reason}")
        self.status = status
        self.reason = reason
        self.headers = headers


class FrameRefused(ProtocolError):
    """The peer's octets break the protocol or a limit: send Close with `code`, then close TCP (RFC 6455 §7.1.7)."""

    def __init__(self, code: CloseCode, reason: str) -> None:
        super().__init__(f"{code.value}: {reason}")
        self.code = code
        self.reason = reason
