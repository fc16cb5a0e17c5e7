"""Sockets that systemd has opened for us (sd_listen_fds(3)).

One job: LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES → descriptor numbers.
Must not know: sockets, what is done with them.
"""

import os
from collections.abc import MutableMapping
from typing import Final

from veche.server.errors import AddressError

FIRST_DESCRIPTOR: Final = 3  # SD_LISTEN_FDS_START
VARIABLES: Final = ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES")
HOW: Final = (
    "have a .socket unit start this service, or try it with "
    "`systemd-socket-activate -l 8000 veche serve … --bind systemd:`"
)


def systemd_descriptors(name: str, environ: MutableMapping[str, str] = os.environ) -> tuple[int, ...]:
    """Return the descriptors that were handed to this process under this name (FileDescriptorName=); "" is all.

    Raises AddressError when there are none.
    """
    for_us = environ.get("LISTEN_PID") == str(os.getpid())
    count = environ.get("LISTEN_FDS", "")
    if not for_us or not (count.isascii() and count.isdecimal()) or int(count) == 0:
        raise AddressError(f"systemd has handed no socket to this process (pid {os.getpid()}); {HOW}")
    names = environ.get("LISTEN_FDNAMES", "").split(":")
    found = [FIRST_DESCRIPTOR + index for index in range(int(count)) if not name or names[index : index + 1] == [name]]
    if not found:
        raise AddressError(
            f"systemd has handed down {', '.join(filter(None, names)) or 'sockets without names'}, but no {name!r}; "
            "give the socket unit FileDescriptorName= with this name"
        )
    return tuple(found)


def forget_descriptors(environ: MutableMapping[str, str] = os.environ) -> None:
    """Take the variables away: programs that we start must not think that they are meant."""
    for variable in VARIABLES:
        environ.pop(variable, None)
