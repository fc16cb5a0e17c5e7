"""How much of a peer a connection bears.

One job: the bounds of an engine, as values.
Must not know: where they come from.
"""

from msgspec import Struct


class Limits(Struct, frozen=True):
    """Bounds of one connection; `budgets` are per period, whose length is the caller's."""

    streams: int  # open at once, those included whose application still runs
    stream_window_octets: int
    connection_window_octets: int
    list_octets: int  # of one field list (RFC 9113 §10.5.1), and of its compressed block
    block_frames: int  # HEADERS and CONTINUATION of one block
    body_octets: int
    requests: int  # in all
    resets_received: int  # budget
    resets_sent: int  # budget
    idle_frames: int  # budget: frames that carry nothing of a request or a response
    queued_control_frames: int  # answers that wait because the peer does not read
