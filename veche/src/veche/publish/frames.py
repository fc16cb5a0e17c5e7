"""Frames on the stream between a worker and its master: four octets of length, then that many octets.

One job: cut a byte stream into frames, and keep a bounded queue of frames for a reader that may be slow.
Must not know: what stands in a frame, who reads it, event loops.
"""

import socket
from collections import deque
from typing import Final

LENGTH_OCTETS: Final = 4
FRAME_LIMIT_OCTETS: Final = 1 << 20
OUTBOX_LIMIT_OCTETS: Final = 1 << 20

MISSED: Final = b"!"
"""The content that says: something was dropped on the way to you; look everything up again."""


class BadFrame(ValueError):
    """The other side sent what is no frame; end the connection."""


def frame(content: bytes) -> bytes:
    """The octets of one frame. Raises BadFrame when the content is too large to be one."""
    if len(content) > FRAME_LIMIT_OCTETS:
        raise BadFrame(f"frame of {len(content)} octets; expected at most {FRAME_LIMIT_OCTETS}; send less at once")
    return len(content).to_bytes(LENGTH_OCTETS, "big") + content


class FrameReader:
    """Collects octets until whole frames are there."""

    def __init__(self) -> None:
        self._octets = bytearray()

    def feed(self, octets: bytes) -> list[bytes]:
        """The contents of the frames that `octets` completes. Raises BadFrame when a length is over the limit."""
        self._octets += octets
        contents: list[bytes] = []
        start = 0
        while len(self._octets) - start >= LENGTH_OCTETS:
            length = int.from_bytes(self._octets[start : start + LENGTH_OCTETS], "big")
            if length > FRAME_LIMIT_OCTETS:
                raise BadFrame(f"frame of {length} octets; expected at most {FRAME_LIMIT_OCTETS}; end the connection")
            end = start + LENGTH_OCTETS + length
            if len(self._octets) < end:
                break
            contents.append(bytes(self._octets[start + LENGTH_OCTETS : end]))
            start = end
        del self._octets[:start]
        return contents


class Outbox:
    """Frames waiting for one reader, at most OUTBOX_LIMIT_OCTETS of them.

    A reader that falls further behind loses all that waits and gets one MISSED frame instead: memory stays bounded,
    and since that frame is read after everything it replaces was published, looking up then misses nothing.
    """

    def __init__(self, limit_octets: int = OUTBOX_LIMIT_OCTETS) -> None:
        self._limit_octets = limit_octets
        self._frames: deque[bytes] = deque()
        self._sent_octets = 0  # of the first frame: it has been begun and must be finished
        self.waiting_octets = 0
        self._missed_waits = False

    def __bool__(self) -> bool:
        return bool(self._frames)

    def put(self, content: bytes) -> None:
        """Queue one frame with this content, or remember that the reader missed it."""
        if self._missed_waits:
            return
        octets = frame(content)
        if self.waiting_octets + len(octets) <= self._limit_octets:
            self._frames.append(octets)
            self.waiting_octets += len(octets)
            return
        begun = self._frames[0] if self._sent_octets else None
        self._frames.clear()
        if begun is not None:
            self._frames.append(begun)
        self._frames.append(frame(MISSED))
        self.waiting_octets = sum(map(len, self._frames)) - self._sent_octets
        self._missed_waits = True

    def send_to(self, connection: socket.socket) -> bool:
        """True when nothing waits any more, False when the connection takes no more now.

        Raises OSError when the connection is gone.
        """
        while self._frames:
            first = self._frames[0]
            try:
                sent = connection.send(first[self._sent_octets :])
            except BlockingIOError:
                return False
            self.waiting_octets -= sent
            self._sent_octets += sent
            if self._sent_octets == len(first):
                self._frames.popleft()
                self._sent_octets = 0
                if not self._frames:
                    self._missed_waits = False  # the MISSED frame is always the last
        return True
