"""The access log that the settings ask for.

One job: put its parts together.
Must not know: who logs.
"""

import asyncio
import os
from typing import Final

from veche.server.errors import ServerError
from veche.server.records.access_log import AccessLog
from veche.server.records.formats import FORMATS
from veche.server.records.lines import LineWriter
from veche.server.settings.records import RecordSettings

STANDARD_ERROR: Final = 2
FILE_MODE: Final = 0o640  # a log names people; the world need not read it


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
    lines = LineWriter(descriptor, limit_octets=settings.access_log_limit_octets)
    return AccessLog(loop, FORMATS[settings.access_log_format], lines)
