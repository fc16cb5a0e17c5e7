"""From settings to a running server: the one call that command lines and programs make.

One job: bind, then hand over to the master.
Must not know: command lines.
"""

import sys
from collections.abc import Callable

from veche.server.settings import ServerSettings


def run(application: str, settings: ServerSettings, *, on_ready: Callable[[], None] | None = None) -> int:
    """Serve "module:attribute" until stopped; returns the exit code (0: as asked, 3: the application did not start).

    on_ready: called once, in the master, when the first worker serves. Must run in the main thread.
    Raises AddressError when an address cannot be listened on.
    """
    from veche.log import Logger, StreamLog
    from veche.server.processes.listener import listen_all
    from veche.server.processes.master import Master

    listeners = listen_all(settings.bind, backlog=settings.backlog, permissions=int(settings.socket_permissions, 8))
    return Master(application, settings, listeners, Logger(StreamLog(sys.stderr)), on_ready=on_ready).run()
