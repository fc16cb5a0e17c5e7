"""How other programs ask a running server: `veche status` and `veche doctor` do.

One job: find it, ask it, and read what it left when it has gone.
Must not know: how answers are shown.
"""

import socket
from pathlib import Path
from typing import Final

import msgspec

from veche.server.errors import ServerError
from veche.server.processes.telling.control import STATUS
from veche.server.processes.telling.status import ServerStatus
from veche.server.runtime_files import control_sockets, verdict_files
from veche.server.verdicts.history import read_verdicts
from veche.server.verdicts.verdict import Verdict

PATIENCE_SECONDS: Final = 10.0
ANSWER_LIMIT_OCTETS: Final = 64 << 20


class NoServer(ServerError):
    """Nobody answers."""


def running_servers() -> list[ServerStatus]:
    """Every server of this user; sockets of those that have gone are taken away."""
    servers = []
    for path in control_sockets():
        try:
            servers.append(ask(path))
        except NoServer:
            path.unlink(missing_ok=True)
    return servers


def ask(path: Path) -> ServerStatus:
    """What the server on that socket does now. Raises NoServer."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(PATIENCE_SECONDS)
            connection.connect(str(path))
            connection.sendall(STATUS)
            octets = bytearray()
            while part := connection.recv(1 << 16):
                octets += part
                if len(octets) > ANSWER_LIMIT_OCTETS:
                    break
    except TimeoutError:
        raise ServerError(f"the server on {path} did not answer within {PATIENCE_SECONDS:g} s") from None
    except OSError as error:
        raise NoServer(f"no server answers on {path}: {error.strerror}") from None
    try:
        return msgspec.json.decode(octets, type=ServerStatus)
    except msgspec.MsgspecError as error:
        raise ServerError(f"what answers on {path} is no server of this version: {error}") from None


def kept_verdicts() -> list[tuple[Path, list[Verdict]]]:
    """What servers of this user have left, the newest file first."""
    return [(file, list(read_verdicts(file))) for file in verdict_files()]
