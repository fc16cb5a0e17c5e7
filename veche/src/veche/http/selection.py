"""Which part of a thing is sent, or why none is (RFC 9110 §13, §14 together).

One job: from a request's conditions and range, and what is true of the thing now, to a status and a part.
Must not know: files, how an answer is made.
"""

from msgspec import Struct

from veche.http.conditional import Verdict, evaluate_preconditions, range_still_holds
from veche.http.errors import RangeNotSatisfiable
from veche.http.headers import Headers
from veche.http.ranges import content_range, parse_range


class Selection(Struct, frozen=True):
    """status: 200, 206, 304, 412 or 416. content_range: of 206 and 416. The part is [start, end)."""

    status: int
    start: int = 0
    end: int = 0
    content_range: str | None = None


def select(
    method: str, headers: Headers, *, etag: str, last_modified_timestamp: float, complete_length: int
) -> Selection:
    """Return what to send of a thing that is there."""
    verdict = evaluate_preconditions(method, headers, etag=etag, last_modified_timestamp=last_modified_timestamp)
    if verdict is Verdict.PRECONDITION_FAILED:
        return Selection(412)
    if verdict is Verdict.NOT_MODIFIED:
        return Selection(304)
    whole = Selection(200, 0, complete_length)
    # A range means something in a GET only (§14.2), and only while If-Range says that the thing is still the same.
    if method != "GET" or "range" not in headers:
        return whole
    if not range_still_holds(headers, etag=etag, last_modified_timestamp=last_modified_timestamp):
        return whole
    try:
        part = parse_range(headers["range"], complete_length)
    except RangeNotSatisfiable:
        return Selection(416, content_range=f"bytes */{complete_length}")
    if part is None:
        return whole
    return Selection(206, *part, content_range(*part, complete_length))
