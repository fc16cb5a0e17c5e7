"""Why and when a worker is killed.

One job: the time it is given to tell its stacks before SIGKILL, and what a verdict says of our part.
Must not know: how anything is sent to it, who decides.
"""

from typing import Final

from veche.server.verdicts.verdict import Kind

NEVER: Final = float("inf")
STACKS_SECONDS: Final = 2.0  # how long a worker that is going to be killed has to tell its stacks
ANSWER_SECONDS: Final = 1.0  # how long its Python has of them; then C tells them, whoever holds the GIL


class Doom:
    """Of one worker; nothing, for most."""

    def __init__(self) -> None:
        self.reason: str | None = None  # why we send it SIGKILL
        self.kind: Kind | None = None
        self.signal = 0  # by which we have ended it
        self.kill_at: float | None = None  # it has been asked for its stacks
        self.insist_at = NEVER  # when it is asked once more, by the signal

    @property
    def is_decided(self) -> bool:
        return self.kill_at is not None

    def decide(self, reason: str, kind: Kind, now: float) -> None:
        self.reason, self.kind = reason, kind
        self.kill_at, self.insist_at = now + STACKS_SECONDS, now + ANSWER_SECONDS

    def stacks_told(self, now: float) -> None:
        """There is nothing more to wait for."""
        if self.is_decided and self.signal == 0:
            self.kill_at, self.insist_at = now, NEVER

    def executed(self, reason: str, kind: Kind, signal: int) -> None:
        """The signal that ends it is sent; what was decided before stays the reason."""
        if not self.is_decided:
            self.reason, self.kind = reason, kind
        self.kill_at = self.insist_at = NEVER
        self.signal = signal
