"""The log of the server's own messages, as the settings ask for it.

One job: put its parts together, for the master and for the workers alike.
Must not know: what is said.
"""

import sys

from veche.log import Logger, StreamLog
from veche.server.settings import ServerSettings


def open_message_log(settings: ServerSettings) -> Logger:
    """Return the log on standard error."""
    if sys.stderr is None:  # `2>&-`: whatever has descriptor 2 now, it is no log
        return Logger()
    return Logger(StreamLog(sys.stderr, form=settings.log_format, limit_octets=settings.log_limit_octets))
