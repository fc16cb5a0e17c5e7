"""A worker's side of the relay: the bus that reaches the other workers of this machine through the master.

One job: published changes out as frames, received frames to the subscribers here.
Must not know: what the master does with a frame, databases, pages.
"""

import asyncio
import os
import socket
import stat
from collections.abc import Sequence
from typing import Final

import msgspec

from veche.publish.frames import FRAME_LIMIT_OCTETS, MISSED, BadFrame, FrameReader, Outbox
from veche.publish.local import SubscriptionBook
from veche.publish.messages import VERSION_UNKNOWN, Change, ChangeCallback, Subscription

READ_OCTETS: Final = 1 << 16
CHANGES_IN_ONE_FRAME: Final = 1000

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[Change, ...]).decode


class RelayBus:
    """A Bus over the descriptor that the master handed down (VECHE_RELAY_FD). One per process: it owns the descriptor.

    When this worker was too slow and the master dropped something, every subscribed topic is told
    Change(topic, VERSION_UNKNOWN): look it up again. When the master has gone the bus goes on inside this process.
    """

    def __init__(self, descriptor: int) -> None:
        if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
            raise ValueError(
                f"descriptor {descriptor} is no socket; expected the one that the master put into VECHE_RELAY_FD; "
                "remove that variable from the environment of processes that are no workers"
            )
        self._connection: socket.socket | None = socket.socket(fileno=descriptor)
        self._connection.settimeout(0)
        self._book = SubscriptionBook()
        self._outbox = Outbox()
        self._reader = FrameReader()
        self._watched_for_writing = False
        self._loop: asyncio.AbstractEventLoop | None = None

    def publish(self, changes: Sequence[Change]) -> None:
        self._book.deliver(changes)
        if self._connection is None:
            return
        for start in range(0, len(changes), CHANGES_IN_ONE_FRAME):
            content = _encode(changes[start : start + CHANGES_IN_ONE_FRAME])
            self._outbox.put(content if len(content) <= FRAME_LIMIT_OCTETS else MISSED)
        self._flush()

    def subscribe(self, topic: str, callback: ChangeCallback) -> Subscription:
        return self._book.enter(topic, callback)

    async def start(self) -> None:
        if self._connection is not None and self._loop is None:
            self._loop = asyncio.get_running_loop()
            self._loop.add_reader(self._connection.fileno(), self._read)
            self._flush()

    async def close(self) -> None:
        self._book.clear()
        self._disconnect()

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is None:
            return
        if self._loop is not None:
            self._loop.remove_reader(connection.fileno())
            self._loop.remove_writer(connection.fileno())
        connection.close()

    def _read(self) -> None:
        if self._connection is None:
            return
        try:
            octets = self._connection.recv(READ_OCTETS)
            contents = self._reader.feed(octets)
        except BlockingIOError:
            return
        except (OSError, BadFrame):
            octets, contents = b"", []
        if not octets:  # the master has gone; the worker's own life line tells it to end
            self._disconnect()
            return
        for content in contents:
            if content == MISSED:
                self._book.deliver([Change(topic, VERSION_UNKNOWN) for topic in self._book.topics()])
            else:
                self._book.deliver(_decode(content))

    def _flush(self) -> None:
        if self._connection is None or self._loop is None:
            return
        try:
            waits = not self._outbox.send_to(self._connection)
        except OSError:
            self._disconnect()
            return
        if waits and not self._watched_for_writing:
            self._loop.add_writer(self._connection.fileno(), self._flush)
        elif self._watched_for_writing and not waits:
            self._loop.remove_writer(self._connection.fileno())
        self._watched_for_writing = waits
