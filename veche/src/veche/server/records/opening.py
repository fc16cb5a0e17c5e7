"""The access log that the settings ask for.

One job: put its parts together.
Must not know: who logs.
"""

import asyncio
from typing import Final

from veche.log import Duplicate, LineWriter, NamedFile
from veche.server.access_log_file import open_access_log_file
from veche.server.records.access_log import AccessLog
from veche.server.records.formats import FORMATS, missing_json_line, missing_line
from veche.server.settings.records import RecordSettings

STANDARD_ERROR: Final = 2


def open_access_log(loop: asyncio.AbstractEventLoop, settings: RecordSettings) -> AccessLog:
    """Return the access log. Raises ServerError when its file cannot be opened."""
    place: Duplicate | NamedFile = Duplicate(STANDARD_ERROR)
    if settings.access_log_file:
        place = open_access_log_file(settings.access_log_file)
    lines = LineWriter(
        place,
        limit_octets=settings.access_log_limit_octets,
        missing=missing_json_line if settings.access_log_format == "json" else missing_line,
        name="access-log",
    )
    return AccessLog(loop, FORMATS[settings.access_log_format], lines)
