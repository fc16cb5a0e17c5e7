"""Status codes and their reason phrases (RFC 9110 §15 and the IANA registry).

One job: a code's phrase, and which codes have no body.
Must not know: messages, connections, applications.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

# The standard library keeps the registry, but two phrases changed in RFC 9110 §15.5.14 and §15.5.21.
PHRASES: Final[Mapping[int, str]] = {
    **{int(status): status.phrase for status in HTTPStatus},
    413: "Content Too Large",
    414: "URI Too Long",
    416: "Range Not Satisfiable",
    422: "Unprocessable Content",
}


def phrase(status: int) -> str:
    """Return the reason phrase of a status code; "" for a code that is not registered (RFC 9112 §4 allows it)."""
    return PHRASES.get(status, "")


def forbids_body(status: int) -> bool:
    """Return whether a response with this status never has content: 1xx, 204 and 304 (RFC 9110 §6.4.1)."""
    return status < 200 or status in {204, 304}
