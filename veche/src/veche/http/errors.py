"""What this package refuses, and the status that a server answers it with.

One job: one base class and one class per cause.
Must not know: requests, responses, pages.
"""


class HttpError(ValueError):
    """Octets that break a rule of HTTP; status_code is what the sender should be told."""

    status_code = 400


class BadFieldLine(HttpError):
    """A field name or value that must not stand in a message (RFC 9110 §5.5)."""


class BadEncoding(HttpError):
    """Form octets that are not what their media type promises."""


class TooManyFields(HttpError):
    """More fields than the limit: each costs memory before anyone has looked at it."""

    status_code = 413


class RangeNotSatisfiable(HttpError):
    """A range that begins after the end (RFC 9110 §15.5.17); the answer names the real length."""

    status_code = 416

    def __init__(self, message: str, complete_length: int) -> None:
        super().__init__(message)
        self.complete_length = complete_length
