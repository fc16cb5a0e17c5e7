"""Fields of a response as an application says them (RFC 9110 §5.1, §5.5, §6.5.1, §8.6).

One job: whether they can be sent, whatever HTTP they are sent in; a bounded memory for those that can.
Must not know: how they are encoded, which of them are ours to say.

An application may say anything, so nothing is taken for granted, not even types.
"""

from typing import Any, Final, TypeVar

from veche.wire.h1.errors import ResponseRefused
from veche.wire.h1.grammar import NOT_IN_TRAILERS, TOKEN, VALUE_OCTETS
from veche.wire.h1.head import Field

REMEMBERED_FIELDS: Final = 2048
REMEMBERED_OCTETS: Final = 512

What = TypeVar("What")


def check_field(name: Any, value: Any) -> None:
    """Raise ResponseRefused for what would not be one field: it could end the head, and begin another response."""
    if not isinstance(name, bytes) or not isinstance(value, bytes):
        raise ResponseRefused(f"the header ({name!r}, {value!r}) is not two bytes objects")
    if TOKEN.fullmatch(name) is None:
        raise ResponseRefused(f"the header name {name!r} is not a token (RFC 9110 §5.1)")
    if value.translate(None, VALUE_OCTETS):
        raise ResponseRefused(f"the value {value!r} of header {name!r} contains a control character (RFC 9110 §5.5)")


def not_bytes(error: TypeError) -> ResponseRefused:
    """Return what is said of a header that cannot even be looked up: a bytearray in it, or no two things."""
    return ResponseRefused(f"a header is not two bytes objects: {error}")


def check_trailer(name: Any) -> None:
    """Raise ResponseRefused for a name that means nothing, or something else, after the body."""
    if isinstance(name, bytes) and name.lower() in NOT_IN_TRAILERS:
        raise ResponseRefused(f"{name!r} cannot be a trailer field (RFC 9110 §6.5.1)")


def read_length(value: bytes) -> int:
    """Return the number that a Content-Length field says. Raises ResponseRefused."""
    # bytes.isdigit() knows only ASCII; the length is bounded before int() sees it.
    if not value.isdigit() or len(value) > 18:
        raise ResponseRefused(f"Content-Length {value!r} is not one decimal number (RFC 9110 §8.6)")
    return int(value)


def remember(known: dict[Field, What], field: Field, what: What) -> None:
    """Keep what a field became. The memory starts anew when it is full; what is long is the caller's to leave out."""
    if len(known) >= REMEMBERED_FIELDS:
        known.clear()
    known[field] = what
