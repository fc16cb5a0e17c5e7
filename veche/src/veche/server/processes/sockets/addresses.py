"""Addresses as an operator writes them: HOST:PORT, [IPv6]:PORT, unix:PATH, fd://N, systemd:NAME, with or without https.

One job: from text to a value, and back to what can be clicked on or curled.
Must not know: sockets.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from veche.server.errors import AddressError
from veche.server.manner import PLAIN, Manner

WAYS: Final = "write HOST:PORT, [IPv6]:PORT, unix:PATH, fd://N or systemd:; with TLS https://HOST:PORT, https+unix:PATH"

EVERYWHERE: Final = "*"

MANNERS: Final[Mapping[str, Manner]] = {
    "http": PLAIN,
    "https": Manner(tls=True),
    "proxy": Manner(proxy=True),
    "proxy+http": Manner(proxy=True),
    "proxy+https": Manner(proxy=True, tls=True),
}


@dataclass(frozen=True, slots=True)
class TCPAddress:
    """A host (name or number, IPv6 without brackets, * for every network) and a port; port 0 lets the kernel choose."""

    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class UnixAddress:
    """A path in the file system."""

    path: str

    def __str__(self) -> str:
        return f"unix:{self.path}"


@dataclass(frozen=True, slots=True)
class InheritedDescriptor:
    """A listening socket that whoever started us had opened already (systemd, a test, a supervisor)."""

    number: int

    def __str__(self) -> str:
        return f"fd://{self.number}"


@dataclass(frozen=True, slots=True)
class SystemdSockets:
    """The sockets of systemd's socket unit with this name; "" is all that it has handed down."""

    name: str

    def __str__(self) -> str:
        return f"systemd:{self.name}"


Address: TypeAlias = TCPAddress | UnixAddress | InheritedDescriptor | SystemdSockets


def parse_bind(text: str) -> tuple[Address, Manner]:
    """The address that `text` names, and what a connection to it begins with: [proxy+][http|https]://ADDRESS.

    Before unix:, fd: and systemd: the words are joined to them: https+unix:PATH. Raises AddressError.
    """
    words, colon, rest = text.partition(":")
    before, _, last = words.rpartition("+")
    if before and last in ("unix", "fd", "systemd"):
        words, address = before, f"{last}:{rest}"
    elif colon and rest.startswith("//") and words != "fd":
        address = rest[2:]
    else:
        return parse_address(text), PLAIN
    manner = MANNERS.get(words)
    if manner is None:
        raise AddressError(f"bind address {text!r} begins with {words!r}; expected one of {', '.join(MANNERS)}; {WAYS}")
    return parse_address(address), manner


def parse_address(text: str) -> Address:
    """The address that `text` names; a bare PORT or HOST: is refused, since two readers would guess differently.

    Raises AddressError with the ways to write one.
    """
    scheme, _, rest = text.partition(":")
    if scheme == "unix":
        if not rest:
            raise AddressError(f"bind address {text!r} names no path; {WAYS}")
        return UnixAddress(rest)
    if scheme == "systemd" and not rest.isdecimal():  # a host may have that name
        return SystemdSockets(rest)
    if scheme == "fd":
        number = rest.removeprefix("//")
        if not (number.isascii() and number.isdecimal()):
            raise AddressError(f"bind address {text!r} names no descriptor number; {WAYS}")
        return InheritedDescriptor(int(number))
    host, colon, port = text.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise AddressError(f"bind address {text!r} looks like IPv6; put the host in brackets: [{host}]:{port}")
    if not colon or not host or not (port.isascii() and port.isdecimal()) or int(port) > 65535:
        raise AddressError(f"bind address {text!r} has no host and port (0 to 65535); {WAYS}")
    return TCPAddress(host, int(port))
