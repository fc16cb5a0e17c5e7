"""Which workers stand still.

One job: from beats to suspicions, and from suspicions to certainty.
Must not know: what is done with a worker that stands still.

A beat that is too old is only a suspicion: the whole group, or the machine, may have been stopped (Ctrl-Z, a debugger,
a hypervisor) and go on in this moment. A worker is judged when its beat is still the same a tick later.
"""

from typing import Final

from veche.server.processes.surroundings.proc import is_debugged
from veche.server.processes.workers.child import Child, State

NEVER: Final = float("inf")
CONFIRM_SECONDS: Final = 1.5  # more than a tick


class StallWatch:
    """limit_seconds: for how long a loop may stand still; 0 is for ever."""

    def __init__(self, limit_seconds: float) -> None:
        self.limit_seconds = limit_seconds
        self._suspects: dict[int, tuple[float, float]] = {}  # number → (its last beat, when to judge)

    def deadline(self, child: Child, now: float) -> float:
        """When the worker must be looked at again."""
        if self.limit_seconds == 0 or child.state is not State.SERVING:
            return NEVER
        last_beat = self._last_beat(child, now)
        suspect = self._suspects.get(child.number)
        return suspect[1] if suspect else last_beat + self.limit_seconds

    def stands_still(self, child: Child, now: float) -> bool:
        """Whether it is certain; call it when the deadline has passed."""
        last_beat = self._last_beat(child, now)
        suspect = self._suspects.get(child.number)
        if last_beat + self.limit_seconds > now:
            self._suspects.pop(child.number, None)
            return False
        if suspect is None or last_beat - suspect[0] > 0.01:
            self._suspects[child.number] = (last_beat, now + CONFIRM_SECONDS)
            return False
        if now >= suspect[1] and is_debugged(child.process.pid):
            self._suspects[child.number] = (last_beat, now + CONFIRM_SECONDS)  # asked again until it is let go
            return False
        return now >= suspect[1]

    def forget(self, child: Child) -> None:
        """It has ended."""
        self._suspects.pop(child.number, None)

    @staticmethod
    def _last_beat(child: Child, now: float) -> float:
        beat_seconds = child.place.beat_seconds()
        return now if beat_seconds is None else now - beat_seconds
