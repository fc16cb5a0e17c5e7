"""The Range field for octets (RFC 9110 §14).

One job: which octets of a thing of known length were asked for.
Must not know: files, responses.
"""

import re
from typing import Final

from veche.http.errors import RangeNotSatisfiable

ONE_RANGE: Final = re.compile(r"bytes=[ \t]*([0-9]{0,18})-([0-9]{0,18})[ \t]*", re.IGNORECASE)


def parse_range(value: str | None, complete_length: int) -> tuple[int, int] | None:
    """Return (first octet, end) as a slice would take them; None when everything should be sent.

    Several ranges, other units and malformed fields are ignored, as §14.2 allows: a hundred overlapping ranges
    are an old way to make a server send a hundred times the file.
    Raises RangeNotSatisfiable when the range begins at or after the end.
    """
    found = ONE_RANGE.fullmatch(value) if value else None
    if found is None:
        return None
    first, last = found.groups()
    if not first and not last:
        return None
    if not first:  # the last N octets
        if int(last) == 0 or complete_length == 0:
            raise RangeNotSatisfiable("suffix range of nothing", complete_length)
        return max(0, complete_length - int(last)), complete_length
    start = int(first)
    if last and int(last) < start:
        return None
    if start >= complete_length:
        raise RangeNotSatisfiable(f"range begins at {start} of {complete_length} octets", complete_length)
    end = min(int(last) + 1, complete_length) if last else complete_length
    return start, end


def content_range(start: int, end: int, complete_length: int) -> str:
    """Return the Content-Range of a 206 (§14.4)."""
    return f"bytes {start}-{end - 1}/{complete_length}"
