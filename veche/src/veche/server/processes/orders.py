"""What a master and a worker say to each other over the control socket: one JSON object per line.

One job: the messages and their lines.
Must not know: processes, who reads.
"""

import signal
import socket
from typing import Final, TypeAlias

import msgspec

from veche.server.errors import ServerError
from veche.server.manner import Manner
from veche.server.settings import ServerSettings
from veche.server.verdicts.incidents import Incident

LINE_LIMIT_OCTETS: Final = 1 << 20


class Failed(msgspec.Struct, frozen=True, tag=True):
    """The application could not be started; the worker ends now."""

    reason: str
    traceback: str


class Orders(msgspec.Struct, frozen=True, kw_only=True):
    """The master's first message: what to serve, and on which inherited descriptors. Its end of file means: drain."""

    number: int
    application: str
    settings: ServerSettings
    listener_descriptors: tuple[int, ...]
    listener_manners: tuple[Manner, ...]
    relay_descriptor: int
    scoreboard_descriptor: int
    place: int  # in the scoreboard
    stacks_descriptor: int  # where the C handlers of faults and of STACKS_SIGNAL write
    stand_in: Failed | None = None  # do not load the application: say why it does not start (--reload)


class Outdated(msgspec.Struct, frozen=True, tag=True):
    """Files of the application have changed (--reload); the worker accepts nobody any more."""

    files: list[str]


class Ready(msgspec.Struct, frozen=True, tag=True):
    """The application has started and connections are accepted."""

    interface: str


class Saw(msgspec.Struct, frozen=True, tag=True):
    """Something went wrong, and the worker goes on."""

    incident: Incident


class WornOut(msgspec.Struct, frozen=True, tag=True):
    """The worker serves on, and asks to be replaced."""

    reason: str


class TaskStacks(msgspec.Struct, frozen=True, tag=True):
    """What the Tasks of the application do: the answer to ASK_FOR_TASKS.

    slot: of the request that the loop's thread runs now, in the scoreboard; UNKNOWN (verdicts/culprit.py) otherwise.
    """

    text: str
    slot: int


Report: TypeAlias = Ready | Failed | Saw | WornOut | Outdated | TaskStacks

ASK_FOR_TASKS: Final = b"tasks\n"

# A signal that no application uses, for the stacks of a worker that hangs; macOS has no real-time signals.
STACKS_SIGNAL: Final = int(signal.SIGRTMIN) + 8 if hasattr(signal, "SIGRTMIN") else int(signal.SIGUSR2)

_decode_report = msgspec.json.Decoder(Report).decode
_decode_orders = msgspec.json.Decoder(Orders).decode


def line(message: Orders | Report) -> bytes:
    """The octets of one message."""
    return msgspec.json.encode(message) + b"\n"


def read_orders(control: socket.socket) -> Orders:
    """Wait for the orders. Raises ServerError when the master has gone before it gave them."""
    octets = bytearray()
    while b"\n" not in octets:
        received = control.recv(1 << 16)
        if not received:
            raise ServerError("the master ended before it gave this worker its orders; start `veche serve` again")
        octets += received
    # A master that has lost its patience may have asked for stacks already: whatever follows is not read.
    return _decode_orders(octets.partition(b"\n")[0])


class ReportReader:
    """Collects octets of a worker until whole reports are there."""

    def __init__(self) -> None:
        self._octets = bytearray()

    def feed(self, octets: bytes) -> list[Report]:
        """The reports that `octets` completes. Raises msgspec.DecodeError for what is none."""
        self._octets += octets
        *lines, rest = bytes(self._octets).split(b"\n")
        if len(rest) > LINE_LIMIT_OCTETS:
            raise msgspec.DecodeError(f"a report of more than {LINE_LIMIT_OCTETS} octets; expected one short line")
        self._octets[:] = rest
        return [_decode_report(octets) for octets in lines]
