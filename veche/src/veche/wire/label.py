"""A request in a text of fixed length, for tables of what is going on.

One job: the label.
Must not know: the tables.
"""

from typing import Final

LABEL_OCTETS: Final = 160
NO_LABEL: Final = bytes(LABEL_OCTETS)
CUT: Final = "…".encode()


def request_label(method: str, target: bytes) -> bytes:
    """Return b"GET /path?query" in exactly LABEL_OCTETS: filled up with NUL, or cut with "…"."""
    text = method.encode("ascii") + b" " + target
    if len(text) > LABEL_OCTETS:
        text = text[: LABEL_OCTETS - len(CUT)] + CUT
    return text.ljust(LABEL_OCTETS, b"\0")


def label_text(octets: bytes) -> str:
    """Return a label as text again."""
    return octets.rstrip(b"\0").decode("utf-8", "replace")
