"""The master's side of the relay: what one worker publishes reaches every other worker of the machine.

One job: fan frames out, each worker through a bounded outbox.
Must not know: what the frames say, what a worker is, databases.
"""

import selectors
import socket
from collections.abc import Callable
from typing import Final

from veche.publish.frames import OUTBOX_LIMIT_OCTETS, BadFrame, FrameReader, Outbox

READ_OCTETS: Final = 1 << 16


class Hub:
    """Fans out between socketpair ends, inside a selector loop whose keys carry a Callable[[int], None] as data."""

    def __init__(self, selector: selectors.BaseSelector, *, outbox_limit_octets: int = OUTBOX_LIMIT_OCTETS) -> None:
        self._selector = selector
        self._outbox_limit_octets = outbox_limit_octets
        self._members: dict[socket.socket, _Member] = {}

    def attach(self, connection: socket.socket) -> None:
        """Take over the master's end of one worker's socketpair; it is closed when the worker has gone."""
        connection.settimeout(0)
        member = _Member(connection, Outbox(self._outbox_limit_octets), FrameReader())
        self._members[connection] = member
        self._selector.register(connection, selectors.EVENT_READ, self._ready_callback(member))

    def detach(self, connection: socket.socket) -> None:
        """Close one worker's end; harmless when it has closed itself."""
        if self._members.pop(connection, None) is not None:
            self._selector.unregister(connection)
            connection.close()

    def close(self) -> None:
        for connection in list(self._members):
            self.detach(connection)

    def _ready_callback(self, member: "_Member") -> Callable[[int], None]:
        def ready(events: int) -> None:
            try:
                if events & selectors.EVENT_READ:
                    self._read(member)
                if events & selectors.EVENT_WRITE and member.connection in self._members:
                    self._flush(member)
            except (OSError, BadFrame):
                self.detach(member.connection)

        return ready

    def _read(self, member: "_Member") -> None:
        try:
            octets = member.connection.recv(READ_OCTETS)
        except BlockingIOError:
            return
        if not octets:
            self.detach(member.connection)
            return
        contents = member.reader.feed(octets)
        for other in list(self._members.values()):
            if other is not member:
                for content in contents:
                    other.outbox.put(content)
                self._flush_or_detach(other)

    def _flush_or_detach(self, member: "_Member") -> None:
        try:
            self._flush(member)
        except OSError:
            self.detach(member.connection)

    def _flush(self, member: "_Member") -> None:
        waits = not member.outbox.send_to(member.connection)
        if waits != member.watched_for_writing:
            member.watched_for_writing = waits
            events = selectors.EVENT_READ | (selectors.EVENT_WRITE if waits else 0)
            self._selector.modify(member.connection, events, self._ready_callback(member))


class _Member:
    """One worker as the hub sees it."""

    __slots__ = ("connection", "outbox", "reader", "watched_for_writing")

    def __init__(self, connection: socket.socket, outbox: Outbox, reader: FrameReader) -> None:
        self.connection = connection
        self.outbox = outbox
        self.reader = reader
        self.watched_for_writing = False
