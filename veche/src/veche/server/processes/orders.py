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
from veche.server.verdicts.verdict import Leaving

LINE_LIMIT_OCTETS: Final = 1 << 20
TEXT_LIMIT_CHARACTERS: Final = 1 << 16  # each becomes 7 octets at most, and no message has more than two long texts
TEXT_BEGINNING: Final = TEXT_LIMIT_CHARACTERS // 4  # the end of a traceback says more than its beginning


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
    """What the Tasks of the application do: the answer to ASK_FOR_TASKS; the stacks of threads are in their file.

    slot: of the request that the loop's thread runs now, in the scoreboard; UNKNOWN (verdicts/culprit.py) otherwise.
    """

    text: str
    slot: int


class Leaves(msgspec.Struct, frozen=True, tag=True):
    """The worker is about to end, and not because the application ended it."""

    leaving: Leaving


Report: TypeAlias = Ready | Failed | Leaves | Saw | WornOut | Outdated | TaskStacks

ASK_FOR_TASKS: Final = b"tasks\n"
HURRY: Final = b"hurry\n"  # requests in flight are cut; a second TERM would not do, it may be the group's

# A signal that no application uses, for the stacks of a worker that hangs; macOS has no real-time signals.
STACKS_SIGNAL: Final = int(signal.SIGRTMIN) + 8 if hasattr(signal, "SIGRTMIN") else int(signal.SIGUSR2)

_decode_report = msgspec.json.Decoder(Report).decode
_decode_orders = msgspec.json.Decoder(Orders).decode


def line(message: Orders | Report) -> bytes:
    """The octets of one message. Texts that no JSON can hold, or nobody would read to their end, are made to fit."""
    return msgspec.json.encode(_sendable(msgspec.to_builtins(message))) + b"\n"


def _sendable(value: object) -> object:
    match value:
        case str():
            return _sendable_text(value)
        case dict():
            return {key: _sendable(item) for key, item in value.items()}
        case list() | tuple():
            return [_sendable(item) for item in value]
    return value


def _sendable_text(text: str) -> str:
    left_out = len(text) - TEXT_LIMIT_CHARACTERS
    if left_out > 0:
        end = len(text) - (TEXT_LIMIT_CHARACTERS - TEXT_BEGINNING)
        text = f"{text[:TEXT_BEGINNING]}\n[{left_out} characters are left out here]\n{text[end:]}"
    return text.encode("utf-8", "backslashreplace").decode()  # a lone surrogate is no character: \udc80


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
