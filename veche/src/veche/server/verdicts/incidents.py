"""What a worker itself sees go wrong while it goes on serving.

One job: the facts, as they travel from a bridge to the worker and on to the master.
Must not know: who sees, who judges (verdict.py), how it is told.
"""

from collections.abc import Callable
from enum import Enum
from typing import TypeAlias

from msgspec import Struct


class IncidentKind(Enum):
    """What was seen."""

    REQUEST_OVERDUE = "request-overdue"  # an ASGI request past request_seconds: 504, its Task is cancelled
    HANDSHAKE_OVERDUE = "handshake-overdue"  # a WebSocket past websocket_handshake_seconds: the same
    THREAD_LOST = "thread-lost"  # a WSGI request past request_seconds: 504, its thread cannot be stopped
    THREADS_USED_UP = "threads-used-up"  # too few threads are left: the worker asks to be replaced


class Incident(Struct, frozen=True, kw_only=True):
    """One thing that went wrong.

    request: as the scoreboard's label shows it, such as "GET /path?query". stacks: text, the most recent call last.
    """

    kind: IncidentKind
    request: str = ""
    peer: str = ""
    seconds: float = 0.0  # how long the request has been in the application
    stacks: str = ""
    threads_lost: int = 0  # now, this one included
    threads: int = 0  # how many there may be
    untold: int = 0  # how many like it there were since the last one that was told


Tell: TypeAlias = Callable[[Incident], None]
"""Call it in the loop's thread."""
