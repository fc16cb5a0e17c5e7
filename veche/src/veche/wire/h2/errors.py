"""What is wrong with an HTTP/2 peer, and how much of the connection it costs (RFC 9113 §5.4, §7).

One job: the errors of this package and the codes that frames carry.
Must not know: who raises them, who answers.
"""

from enum import IntEnum


class ErrorCode(IntEnum):
    """Why a stream or a connection ends (§7)."""

    NO_ERROR = 0x0
    PROTOCOL_ERROR = 0x1
    INTERNAL_ERROR = 0x2
    FLOW_CONTROL_ERROR = 0x3
    SETTINGS_TIMEOUT = 0x4
    STREAM_CLOSED = 0x5
    FRAME_SIZE_ERROR = 0x6
    REFUSED_STREAM = 0x7
    CANCEL = 0x8
    COMPRESSION_ERROR = 0x9
    CONNECT_ERROR = 0xA
    ENHANCE_YOUR_CALM = 0xB
    INADEQUATE_SECURITY = 0xC
    HTTP_1_1_REQUIRED = 0xD


class Http2Error(Exception):
    """The base of this package's errors."""


class ConnectionBroken(Http2Error):
    """A connection error (§5.4.1): say `code` in a GOAWAY, then close. Nothing more of the peer is read."""

    def __init__(self, code: ErrorCode, reason: str) -> None:
        super().__init__(f"{code.name}: {reason}")
        self.code = code
        self.reason = reason


class StreamBroken(Http2Error):
    """A stream error (§5.4.2): say `code` in a RST_STREAM; the connection goes on."""

    def __init__(self, code: ErrorCode, reason: str) -> None:
        super().__init__(f"{code.name}: {reason}")
        self.code = code
        self.reason = reason
