"""The bounds of live pages.

One job: name, default, unit and meaning of each. Must not know: who keeps them.
"""

from typing import Annotated

import msgspec
from msgspec import Meta


class LiveLimits(msgspec.Struct, frozen=True, kw_only=True):
    """How much one process gives to live pages; readable by veche.settings."""

    live_parts: Annotated[int, Meta(ge=1, description="live parts of one page", extra={"unit": "parts"})] = 64
    live_message_octets: Annotated[
        int, Meta(ge=256, description="size of one message from a browser", extra={"unit": "octets"})
    ] = 16 * 1024
    live_connections: Annotated[
        int,
        Meta(ge=1, description="live connections of one process, sockets and streams", extra={"unit": "connections"}),
    ] = 10_000
    live_kept_octets: Annotated[
        int, Meta(ge=0, description="rendered parts that one process keeps", extra={"unit": "octets"})
    ] = 32 * 1024 * 1024
    live_fresh_seconds: Annotated[
        float,
        Meta(ge=0, description="how long one look answers other joins", extra={"unit": "seconds"}),
    ] = 4.0
    live_beat_seconds: Annotated[
        float, Meta(gt=0, description="time between two looks of a stream (SSE)", extra={"unit": "seconds"})
    ] = 20.0
