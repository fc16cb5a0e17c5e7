"""One reload: every worker there was is replaced, one at a time, the new one first.

One job: whose turn it is.
Must not know: how workers start and stop, when the next step is taken.
"""

from collections import deque
from collections.abc import Iterable

from veche.server.processes.workers.child import Child, State

ALIVE = (State.STARTING, State.SERVING)


class Reload:
    """The workers that must leave, and the newcomer that must be ready before the next of them does."""

    def __init__(self, leavers: Iterable[Child], *, done: str = "reloaded") -> None:
        self.done = done
        self._leavers = deque(leavers)
        self.newcomer: Child | None = None

    def next_leaver(self) -> Child | None:
        """The worker whose replacement serves now, and which may therefore leave; at most once for each newcomer."""
        if self.newcomer is None or self.newcomer.state is not State.SERVING:
            return None
        self.newcomer = None
        return self._leavers.popleft() if self.anyone_left() else None

    def anyone_left(self) -> bool:
        """Whether a worker still runs the old code; one that has ended by itself was replaced already."""
        while self._leavers and self._leavers[0].state not in ALIVE:
            self._leavers.popleft()
        return bool(self._leavers)
