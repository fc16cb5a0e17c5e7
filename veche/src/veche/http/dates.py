"""The dates of HTTP (RFC 9110 §5.6.7).

One job: a POSIX timestamp as an IMF-fixdate, and back.
Must not know: clocks (time comes in), fields, messages.
"""

from datetime import UTC
from email.utils import parsedate_to_datetime
from time import gmtime
from typing import Final

# strftime would follow the process's locale; the standard's names are English always.
DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def http_date(timestamp: float) -> str:
    """Return the IMF-fixdate of a POSIX timestamp, such as "Sun, 06 Nov 1994 08:49:37 GMT"."""
    t = gmtime(timestamp)
    return (
        f"{DAYS[t.tm_wday]}, {t.tm_mday:02} {MONTHS[t.tm_mon - 1]} {t.tm_year:04} "
        f"{t.tm_hour:02}:{t.tm_min:02}:{t.tm_sec:02} GMT"
    )


def parse_http_date(text: str) -> float | None:
    """Return the POSIX timestamp of an HTTP date in any of its three forms; None when it is none of them.

    §5.6.7 wants an unreadable date to be ignored, so that no caller has to catch anything.
    """
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError):
        return None
    return moment.replace(tzinfo=UTC).timestamp() if moment.tzinfo is None else moment.timestamp()
