"""Conditional requests (RFC 9110 §13).

One job: decide from the request's fields and what is here now whether to send it.
Must not know: files, responses, caches.
"""

import re
from enum import Enum
from typing import Final

from veche.http.dates import parse_http_date
from veche.http.headers import Headers

ENTITY_TAG: Final = re.compile(r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"')


class Verdict(Enum):
    """What the preconditions lead to."""

    PROCEED = "proceed"
    NOT_MODIFIED = "304"
    PRECONDITION_FAILED = "412"


def evaluate_preconditions(
    method: str, headers: Headers, *, etag: str | None = None, last_modified_timestamp: float | None = None
) -> Verdict:
    """Return the verdict in the order of RFC 9110 §13.2.2; a thing that is not there has no etag and no time.

    etag: with its quotes, weak with W/; last_modified_timestamp: seconds since 1970.
    """
    reading = method in ("GET", "HEAD")
    if "if-match" in headers:
        if not _any_tag_matches(headers.getlist("if-match"), etag, weak=False):
            return Verdict.PRECONDITION_FAILED
    elif "if-unmodified-since" in headers:
        limit = parse_http_date(headers["if-unmodified-since"])
        if limit is not None and last_modified_timestamp is not None and int(last_modified_timestamp) > limit:
            return Verdict.PRECONDITION_FAILED
    if "if-none-match" in headers:
        if _any_tag_matches(headers.getlist("if-none-match"), etag, weak=True):
            return Verdict.NOT_MODIFIED if reading else Verdict.PRECONDITION_FAILED
    elif reading and "if-modified-since" in headers:
        known = parse_http_date(headers["if-modified-since"])
        if known is not None and last_modified_timestamp is not None and int(last_modified_timestamp) <= known:
            return Verdict.NOT_MODIFIED
    return Verdict.PROCEED


def range_still_holds(headers: Headers, *, etag: str | None, last_modified_timestamp: float | None) -> bool:
    """True when a Range may be served: If-Range is absent or names exactly what is here (§13.1.5)."""
    value = headers.get("if-range")
    if value is None:
        return True
    if value.startswith(('"', "W/")):
        return etag is not None and not value.startswith("W/") and value == etag
    date = parse_http_date(value)
    return date is not None and last_modified_timestamp is not None and int(last_modified_timestamp) == date


def _any_tag_matches(values: list[str], etag: str | None, *, weak: bool) -> bool:
    if etag is None:
        return False
    joined = ",".join(values)
    if joined.strip() == "*":
        return True
    tags = ENTITY_TAG.findall(joined)
    if weak:
        return etag.removeprefix("W/") in (tag.removeprefix("W/") for tag in tags)
    return not etag.startswith("W/") and etag in tags
