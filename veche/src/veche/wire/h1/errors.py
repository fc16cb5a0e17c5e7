"""What is wrong with a message, and what the peer is told about it.

One job: the errors of this package.
Must not know: who raises them, who answers.
"""


class ProtocolError(Exception):
    """The base of this package's errors."""


class RequestRefused(ProtocolError):
    """The peer's octets are not a request that we serve: answer `status`, then close (RFC 9112 §2.2, §9.6).

    After it nothing more of the connection is read as requests: where the next one would start is unknown.
    """

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"{status}: {reason}")
        self.status = status
        self.reason = reason


class ResponseRefused(ProtocolError):
    """The application's response can not be sent as HTTP; nothing of it has been written."""


class BodyMismatch(ProtocolError):
    """The application's body is longer or shorter than its Content-Length: the connection must be closed."""

    def __init__(self, octets: int, content_length: object, *, what: str = "the body", ended: bool = False) -> None:
        in_all = " in all" if ended else ""
        super().__init__(f"{what} has {octets} octets{in_all}; its Content-Length says {content_length}")
