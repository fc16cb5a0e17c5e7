"""The access log that the settings ask for.

One job: put its parts together.
Must not know: who logs.
"""

import asyncio
import os
from typing import Final

from veche.log import FILE_MODE, Descriptor, LineWriter
from veche.server.errors import ServerError
from veche.server.records.access_log import AccessLog
from veche.server.records.formats import FORMATS, missing_json_line, missing_line
from veche.server.settings.records import RecordSettings

STANDARD_ERROR: Final = 2


def open_access_log(loop: asyncio.AbstractEventLoop, settings: RecordSettings) -> AccessLog:
    """Return the access log. Raises ServerError when its file cannot be opened."""
    descriptor = STANDARD_ERROR
    if settings.access_log_file:
        try:
            descriptor = os.open(
                settings.access_log_file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, FILE_MODE
            )
        except OSError as error:
            raise ServerError(
                f"the access log {settings.access_log_file} cannot be opened: {error.strerror}; "
                "name a file that this user may write (--access-log-file)"
            ) from error
    lines = LineWriter(
        Descriptor(descriptor),
        limit_octets=settings.access_log_limit_octets,
        missing=missing_json_line if settings.access_log_format == "json" else missing_line,
        name="access-log",
    )
    return AccessLog(loop, FORMATS[settings.access_log_format], lines)
