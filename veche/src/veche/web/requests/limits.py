"""How much of a request body is taken in.

One job: name the bounds once.
Must not know: who enforces them.
"""

from msgspec import Struct

KIB = 1024
MIB = 1024 * 1024


class BodyLimits(Struct, frozen=True):
    """The bounds of one request body; beyond any of them the answer is 413 (RFC 9110 §15.5.14)."""

    body_octets: int = 16 * MIB
    """The whole body, whatever it is."""
    memory_octets: int = 2 * MIB
    """A body that is wanted in one piece: JSON, urlencoded forms, `await request.body()`."""
    fields: int = 1000
    """Fields and files of one form."""
    field_octets: int = 1 * MIB
    """One text field of a multipart form."""
    spool_octets: int = 256 * KIB
    """An uploaded file up to here stays in memory, a larger one goes to a temporary file."""
