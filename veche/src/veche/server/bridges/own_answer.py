"""The base of exchanges that answer by themselves, without an application: a redirect, a file.

One job: nothing, for each thing that a connection says and that means something to an application only.
Must not know: what is answered.
"""

from veche.server.bridges.exchange import Exchange


class OwnAnswer(Exchange):
    """An Exchange but for `start`: what it sends has been sent, or ends by itself, whatever else comes."""

    began = 0.0

    @property
    def running(self) -> bool:
        """Whether the answer is still being sent."""
        return False

    def body_received(self, octets: bytes) -> None:
        """Throw it away."""

    def request_ended(self) -> None:
        """Nobody waits for it."""

    def response_ended(self) -> None:
        """That was all."""

    def input_ended(self) -> None:
        """The client may still read."""

    def peer_lost(self) -> None:
        """Nothing is left to stop."""

    def deadline_passed(self) -> None:
        """The head was sent at once: there is nothing to give up."""

    def shutting_down(self) -> None:
        """It ends by itself."""

    def stop(self) -> None:
        """The same; what is left at the deadline is cut."""
