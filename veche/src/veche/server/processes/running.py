"""From settings to a running server: the one call that command lines and programs make.

One job: bind, then hand over to the master.
Must not know: command lines.
"""

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from veche.server.errors import AddressError
from veche.server.settings import ServerSettings
from veche.server.settings.diagnosis import METRICS_OFF

if TYPE_CHECKING:
    from veche.log import Logger


def run(application: str, settings: ServerSettings, *, on_ready: Callable[[], None] | None = None) -> int:
    """Serve "module:attribute" until stopped; returns the exit code (0: as asked, 3: the application did not start).

    on_ready: called once, in the master, when the first worker serves. Must run in the main thread.
    Raises AddressError when an address cannot be listened on, TlsError when a certificate cannot be used, NoWorkerError
    when the kernel lets no worker start.
    """
    from veche.server.processes.message_log import open_message_log

    _open_standard_streams()
    logger = open_message_log(settings)
    try:
        return _run(application, settings, logger, on_ready)
    finally:
        logger.close()


def _open_standard_streams() -> None:
    """Have none of them closed (`2>&-`): a socket would get its number, and a client what is written to the stream."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free: this one
            os.set_inheritable(number, True)  # noqa: FBT003  the workers' too


def _run(application: str, settings: ServerSettings, logger: "Logger", on_ready: Callable[[], None] | None) -> int:
    from veche.server.processes.listener import listen_all
    from veche.server.processes.master import Master
    from veche.server.processes.succession.inheritance import find_predecessor

    _refuse_what_cannot_be(settings, logger)
    predecessor = find_predecessor()
    listeners = listen_all(
        settings.bind,
        handed=predecessor.handed() if predecessor else {},
        backlog=settings.backlog,
        permissions=int(settings.socket_permissions, 8),
        owner=settings.socket_owner,
    )
    if predecessor is not None:
        predecessor.close_descriptors()
    if any("systemd:" in text for text in settings.bind):
        from veche.server.processes.sockets.systemd import forget_descriptors

        forget_descriptors()
    return Master(application, settings, listeners, logger, on_ready=on_ready, predecessor=predecessor).run()


def _refuse_what_cannot_be(settings: ServerSettings, logger: "Logger") -> None:
    """End the start here, in one line, for settings that cannot be followed: before anything is bound.

    Each import is for those who use it. Raises ServerError.
    """
    from veche.server.processes.sockets.addresses import parse_bind

    if settings.trusted_proxy != ServerSettings().trusted_proxy:
        from veche.server.trust import Trust

        Trust(settings.trusted_proxy)
    if settings.static:
        from veche.server.files.mounts import parse_mount

        for text in settings.static:
            parse_mount(text)
    if any(parse_bind(text)[1].tls for text in settings.bind):
        check_certificates(settings, logger)
    elif settings.tls_certificate or settings.tls_client_ca or settings.tls_client_certificate != "none":
        address = settings.bind[0].rpartition("://")[2]
        raise AddressError(
            f"TLS is set up, and no address speaks it: write --bind https://{address}, or leave the --tls- options out"
        )
    if settings.metrics_bind != METRICS_OFF:
        try:
            parse_bind(settings.metrics_bind)  # whether it can be listened on is tried again and again, later
        except AddressError as error:
            raise AddressError(f"--metrics-bind (VECHE_METRICS_BIND): {error}") from None
    if settings.access_log and settings.access_log_file:
        from veche.server.access_log_file import check_access_log_file

        check_access_log_file(settings.access_log_file)


def check_certificates(settings: ServerSettings, logger: "Logger") -> None:
    """Warn of what clients will refuse. Raises TlsError."""
    from veche.server.tls import open_context, report_troubles  # 20 ms of imports, for those who use it

    report_troubles(open_context(settings, ()), logger)
