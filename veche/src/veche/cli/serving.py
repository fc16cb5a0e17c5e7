"""Serving for programs: settings in, exit code out, and refusals printed as one line.

One job: be the edge where the server's errors become words on stderr and an exit code.
Must not know: options, click.
"""

import sys
from collections.abc import Callable
from typing import Final

from veche.log import Level, StreamLog
from veche.server import ServerError, ServerSettings, run

EXIT_CANNOT_SERVE: Final = 1


def serve(application: str, settings: ServerSettings, *, on_ready: Callable[[], None] | None = None) -> int:
    """Serve "module:attribute" until stopped, and return the process's exit code.

    0: stopped as asked; 1: the server cannot start (an address, a file or a worker is refused); 3: the application did
    not start. The reason stands on stderr. on_ready: called once, when the first worker serves; a place to print a
    welcome.
    """
    try:
        return run(application, settings, on_ready=on_ready)
    except ServerError as error:
        _refuse(str(error), settings)
        return EXIT_CANNOT_SERVE


def _refuse(reason: str, settings: ServerSettings) -> None:
    if settings.log_format == "text":
        sys.stderr.write(f"Error: {reason}\n")
        return
    log = StreamLog(sys.stderr, form=settings.log_format)
    log.log_message(reason, level=Level.ERROR)
    log.close()
