"""The listening sockets: step 1 of a request's way.

One job: from addresses to sockets that listen, owned by the master until it ends, and from a refusal by the kernel to
words an operator can act on.
Must not know: processes, what is served.
"""

import errno
import grp
import os
import pwd
import socket
import stat
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

from veche.server.errors import AddressError
from veche.server.manner import PLAIN, Manner
from veche.server.processes.sockets.addresses import (
    EVERYWHERE,
    Address,
    InheritedDescriptor,
    SystemdSockets,
    TCPAddress,
    UnixAddress,
    parse_bind,
)


@dataclass(frozen=True, slots=True)
class Listener:
    """A socket that listens, the address it really has (port 0 resolved), and the file to remove at the end."""

    socket: socket.socket
    address: Address
    unix_inode: int | None = None
    manner: Manner = PLAIN
    bind: str = ""  # as the operator wrote it

    def __str__(self) -> str:
        """What can be clicked on, or given to a client."""
        if not self.manner.tls:
            return str(self.address)
        if isinstance(self.address, TCPAddress):
            return str(self.address).replace("http", "https", 1)
        return f"https+{self.address}"

    @property
    def is_inherited(self) -> bool:
        """Whether somebody else has opened it, and may serve on there after us; not one of a master before us."""
        return isinstance(parse_bind(self.bind)[0], InheritedDescriptor | SystemdSockets)

    def handed(self) -> "Handed":
        """What another master needs to serve here."""
        return Handed(self.socket.fileno(), self.bind, self.unix_inode)

    def close(self) -> None:
        """Close; a unix socket's file is removed, unless somebody else has put theirs in its place."""
        self.socket.close()
        if self.unix_inode is not None and isinstance(self.address, UnixAddress):
            with suppress(FileNotFoundError):
                if os.stat(self.address.path).st_ino == self.unix_inode:
                    os.unlink(self.address.path)


@dataclass(frozen=True, slots=True)
class Handed:
    """A listening socket on its way to another master: its descriptor there, its bind, its file's inode."""

    descriptor: int
    bind: str
    unix_inode: int | None


NOTHING_HANDED: Final[Mapping[str, Sequence[Handed]]] = {}


def listen_all(
    binds: Iterable[str],
    *,
    backlog: int,
    permissions: int,
    owner: str = "",
    handed: Mapping[str, Sequence[Handed]] = NOTHING_HANDED,
) -> tuple[Listener, ...]:
    """Listen on every address; on none when one of them cannot be.

    permissions, owner: mode of unix: sockets, and USER, USER:GROUP or :GROUP. handed: sockets that
    another master has opened already, by their bind. Raises AddressError.
    """
    listeners: list[Listener] = []
    try:
        for text, (address, manner) in [(text, parse_bind(text)) for text in binds]:
            if text in handed:
                opened = [_take_over_handed(item, backlog) for item in handed[text]]
            else:
                opened = _listen(address, backlog=backlog, permissions=permissions, owner=owner)
            listeners.extend(replace(listener, manner=manner, bind=text) for listener in opened)
    except BaseException:
        close_all(listeners)
        raise
    return tuple(listeners)


def close_all(listeners: Sequence[Listener]) -> None:
    for listener in listeners:
        listener.close()


def _listen(address: Address, *, backlog: int, permissions: int, owner: str) -> list[Listener]:
    match address:
        case TCPAddress():
            return _listen_tcp(address, backlog)
        case UnixAddress():
            return [_listen_unix(address, backlog, permissions, owner)]
        case InheritedDescriptor():
            return [_take_over(address, backlog)]
        case SystemdSockets():
            return _take_over_all(address, backlog)


def _listen_tcp(address: TCPAddress, backlog: int) -> list[Listener]:
    """A listener for each address the name stands for: localhost is 127.0.0.1 and ::1 where both exist."""
    try:
        host = None if address.host == EVERYWHERE else address.host
        found = socket.getaddrinfo(host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except socket.gaierror as error:
        raise AddressError(
            f"cannot listen on {address}: the host {address.host!r} has no address ({error.strerror}); "
            "use a name or number of this machine, 127.0.0.1 for this machine only, 0.0.0.0 for all its networks"
        ) from error
    listeners: list[Listener] = []
    missing: OSError | None = None
    port = address.port
    try:
        for family, _, _, _, name in dict.fromkeys(found):
            try:
                # With port 0 every family gets the port that the first one was given.
                bound = _bind_tcp(family, (str(name[0]), port, *name[2:]), backlog)
            except OSError as error:
                if error.errno not in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                    raise
                missing = error  # a name may stand for ::1 on a machine without IPv6: the others are enough
                continue
            host, port = bound.getsockname()[:2]
            listeners.append(Listener(bound, TCPAddress(host, port)))
        if not listeners and missing is not None:
            raise missing
    except OSError as error:
        close_all(listeners)
        raise AddressError(_why_not(address, error)) from error
    return listeners


def _bind_tcp(family: socket.AddressFamily, name: tuple[object, ...], backlog: int) -> socket.socket:
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        # A port whose last connections still stand in TIME_WAIT is ours to take; one that is listened on is not.
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)  # [::] beside 0.0.0.0, not instead of it
        bound.bind(name)
        bound.listen(backlog)
        bound.settimeout(0)
    except BaseException:
        bound.close()
        raise
    return bound


def _why_not(address: TCPAddress, error: OSError) -> str:
    said = f"cannot listen on {address}: "
    match error.errno:
        case errno.EADDRINUSE:
            return f"{said}address in use{_who_holds(address.port)} and stop it, or choose another port"
        case errno.EACCES | errno.EPERM:
            return f"{said}not allowed; ports under 1024 belong to root: choose a higher one"
        case errno.EADDRNOTAVAIL:
            return (
                f"{said}{address.host} is not an address of this machine; use 127.0.0.1 for this machine only, "
                "0.0.0.0 for all its networks"
            )
    return said + (error.strerror or str(error)).lower()


def _who_holds(port: int) -> str:
    from veche.server.processes.sockets.holders import holders_of_port  # only a start that has failed pays for it

    holders = holders_of_port(port)
    if holders:
        return f" by {'; '.join(holders)}. Perhaps an earlier run of this server: look at it"
    return f". See who holds it with `ss -ltnp 'sport = :{port}'` (macOS: `lsof -i :{port}`)"


def _listen_unix(address: UnixAddress, backlog: int, permissions: int, owner: str) -> Listener:
    _remove_stale(address)
    unbound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    # Created closed and then opened: between bind and chmod nobody with fewer rights may connect.
    umask = os.umask(0o177)
    try:
        unbound.bind(address.path)
    except OSError as error:
        unbound.close()
        raise AddressError(
            f"cannot listen on {address}: {(error.strerror or str(error)).lower()}; "
            "its folder must exist and be writable, and the path must be shorter than 104 octets"
        ) from error
    finally:
        os.umask(umask)
    try:
        if owner:
            _give_to(address, owner)
        os.chmod(address.path, permissions)  # last: whoever may connect, may connect to the right owner's socket
        unbound.listen(backlog)
    except BaseException:
        unbound.close()
        os.unlink(address.path)
        raise
    unbound.settimeout(0)
    return Listener(unbound, address, unix_inode=os.stat(address.path).st_ino)


def _give_to(address: UnixAddress, owner: str) -> None:
    user, _, group = owner.partition(":")
    try:
        user_id = pwd.getpwnam(user).pw_uid if user else -1
        group_id = grp.getgrnam(group).gr_gid if group else -1
        os.chown(address.path, user_id, group_id)
    except KeyError as error:
        raise AddressError(f"cannot listen on {address}: {error.args[0]}; see --socket-owner {owner!r}") from error
    except OSError as error:
        raise AddressError(
            f"cannot listen on {address}: it cannot be given to {owner!r} ({(error.strerror or '').lower()}); "
            "only root gives files away, and only members give them to a group"
        ) from error


def _remove_stale(address: UnixAddress) -> None:
    """Remove the socket file of a server that has died; refuse to touch a living one's, or any other file."""
    try:
        mode = os.stat(address.path).st_mode
    except FileNotFoundError:
        return
    except OSError:
        return  # bind() will say it better
    if not stat.S_ISSOCK(mode):
        raise AddressError(
            f"cannot listen on {address}: there is a file that is no socket; remove it or choose another path"
        )
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(address.path)
        except ConnectionRefusedError:
            os.unlink(address.path)  # nobody listens: its owner died without removing it
            return
        except FileNotFoundError:
            return
        except OSError:
            pass  # a full backlog or no permission: somebody lives there
    raise AddressError(
        f"cannot listen on {address}: address in use; another program listens there. "
        f"See who holds it with `ss -lxp | grep {address.path}`, and stop it, or choose another path"
    )


def _take_over_all(address: SystemdSockets, backlog: int) -> list[Listener]:
    from veche.server.processes.sockets.systemd import systemd_descriptors

    listeners: list[Listener] = []
    try:
        for descriptor in systemd_descriptors(address.name):
            listeners.append(_take_over(InheritedDescriptor(descriptor), backlog))
    except AddressError:
        close_all(listeners)
        raise
    return listeners


def _take_over_handed(handed: Handed, backlog: int) -> Listener:
    """Serve on it; its file stays the other master's to remove, until we serve (Predecessor.own)."""
    return _take_over(InheritedDescriptor(handed.descriptor), backlog)


def _take_over(address: InheritedDescriptor, backlog: int) -> Listener:
    try:
        inherited = socket.socket(fileno=os.dup(address.number))
    except OSError as error:
        raise AddressError(
            f"cannot listen on {address}: {(error.strerror or str(error)).lower()}; "
            "whoever starts us must hand down a bound socket under this number"
        ) from error
    try:
        inherited.listen(backlog)
    except OSError as error:
        inherited.close()
        raise AddressError(
            f"cannot listen on {address}: {(error.strerror or str(error)).lower()}; "
            "the descriptor must be a bound TCP or unix stream socket"
        ) from error
    inherited.settimeout(0)
    name = inherited.getsockname()
    real: Address = address
    if inherited.family in (socket.AF_INET, socket.AF_INET6):
        real = TCPAddress(name[0], name[1])
    elif isinstance(name, str) and name:
        real = UnixAddress(name)
    return Listener(inherited, real)
