"""Which request the loop's thread runs now, asked from another thread while the loop hangs.

One job: from the frames of that thread to a slot of the scoreboard.
Must not know: bridges, why somebody asks.

An application is called with `receive` and `send`, two methods of the exchange that stands for the request: whichever
of its frames still holds one of them tells whose it is. A Task that the application started itself has no such frame;
then it is not known. Nothing of the application is called: only methods of our own classes are looked into.
"""

import sys
from types import BuiltinMethodType, FrameType, MethodType
from typing import Final

from veche.server.scoreboard import Slot

OURS: Final = "veche.server.bridges."
METHODS: Final = (MethodType, BuiltinMethodType)  # compiled, our methods are of the second kind
UNKNOWN: Final = -1


def slot_that_runs(thread: int | None) -> int:
    """The number of the slot of the request that the thread with that ident runs; UNKNOWN when it cannot be told."""
    frame = sys._current_frames().get(thread) if thread is not None else None
    while frame is not None:
        number = _slot_of(frame)
        if number != UNKNOWN:
            return number
        frame = frame.f_back
    return UNKNOWN


def _slot_of(frame: FrameType) -> int:
    for value in frame.f_locals.values():
        if type(value) in METHODS:  # never isinstance(): a proxy of the application's would be asked for its class
            owner = value.__self__
            if type(owner).__module__.startswith(OURS):
                slot = getattr(owner, "slot", None)
                if isinstance(slot, Slot):
                    return slot.number
    return UNKNOWN
