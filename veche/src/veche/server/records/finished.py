"""What an access log says of one request, whatever protocol brought it.

One job: the facts, and what they add up to.
Must not know: how they are written down, how they were found out.
"""

from msgspec import Struct

from veche.wire.h1 import RequestLine


class FinishedRequest(Struct):
    """One request whose response is over. The times are time.monotonic() seconds; what did not happen has the time of
    what came before it.

        arrived ──read──▶ whole ──queue──▶ began ──application──▶ answered ──write──▶ written
    """

    line: RequestLine | None  # None for octets that were no request
    fields: list[tuple[bytes, bytes]]  # of the request
    client: tuple[str, int | None] | None  # after trusted proxies
    scheme: str
    status: int
    octets_in: int  # of the body
    octets_out: int  # of the body
    arrived: float  # the head's first octet
    whole: float  # the request's last octet
    began: float  # the application was called
    answered: float  # it gave the last of the response
    written: float = 0.0  # the kernel had taken all of it

    def milliseconds(self) -> tuple[float, float, float, float]:
        """Return read, queue, application, write. A body that is read while the application runs counts for both."""
        arrived, whole, began, answered, written = self.arrived, self.whole, self.began, self.answered, self.written
        ready = whole if whole < began else began
        return (
            (whole - arrived) * 1000 if whole > arrived else 0.0,
            (began - ready) * 1000 if ready > arrived else (began - arrived) * 1000,
            (answered - began) * 1000,
            (written - answered) * 1000 if written > answered else 0.0,
        )
