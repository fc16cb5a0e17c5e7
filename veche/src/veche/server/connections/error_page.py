"""What a client reads when the server itself answers it with an error.

One job: the page, a line of plain text.
Must not know: which protocol carries it, what was wrong.
"""

from typing import Final

from veche.http.status import phrase

PLAIN_TEXT: Final = ((b"content-type", b"text/plain; charset=utf-8"),)


def error_page(status: int, reason: str = "") -> bytes:
    """Return the body of an answer with PLAIN_TEXT.

    reason: what was wrong with the request; "" for what is none of the client's business.
    """
    why = f": {reason}" if reason else ""
    return f"{phrase(status)}{why}\n".encode("utf-8", "replace")
