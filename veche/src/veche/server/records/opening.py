"""The access log that the settings ask for.

One job: put its parts together.
Must not know: who logs.
"""

import asyncio
from pathlib import Path
from typing import Final

from veche.log import Duplicate, LineWriter, NamedFile
from veche.server.errors import ServerError
from veche.server.records.access_log import AccessLog
from veche.server.records.formats import FORMATS, missing_json_line, missing_line
from veche.server.settings.records import RecordSettings

STANDARD_ERROR: Final = 2


def open_access_log(loop: asyncio.AbstractEventLoop, settings: RecordSettings) -> AccessLog:
    """Return the access log. Raises ServerError when its file cannot be opened."""
    place: Duplicate | NamedFile = Duplicate(STANDARD_ERROR)
    if settings.access_log_file:
        try:
            # Absolute: it is opened again after a rotation, and the application may have changed the folder by then.
            place = NamedFile(Path(settings.access_log_file).absolute())
        except OSError as error:
            raise ServerError(
                f"the access log {settings.access_log_file} cannot be opened: {error.strerror}; "
                "name a file that this user may write (--access-log-file)"
            ) from error
    lines = LineWriter(
        place,
        limit_octets=settings.access_log_limit_octets,
        missing=missing_json_line if settings.access_log_format == "json" else missing_line,
        name="access-log",
    )
    return AccessLog(loop, FORMATS[settings.access_log_format], lines)
