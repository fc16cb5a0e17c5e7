"""The bounds of one WebSocket."""

from typing import Annotated

from msgspec import Meta

from veche.server.settings.http2 import Http2Limits


class WebSocketLimits(Http2Limits, frozen=True, kw_only=True):
    """Bounds, each with a default that is safe on the open internet."""

    websocket_message_limit_octets: Annotated[
        int,
        Meta(description="The largest WebSocket message; larger ones close with 1009.", extra={"unit": "octets"}, ge=1),
    ] = 16 * 1024 * 1024
    websocket_fragment_limit: Annotated[
        int,
        Meta(description="The most fragments of one WebSocket message; more close with 1009.", ge=1),
    ] = 100_000
    websocket_deflate: Annotated[
        bool, Meta(description="Agree to compressed WebSocket messages (permessage-deflate) when the client offers it.")
    ] = True
    websocket_deflate_window_bits: Annotated[
        int,
        Meta(description="Window of compressed WebSocket messages, as a power of two of octets.", ge=9, le=15),
    ] = 15
    websocket_deflate_level: Annotated[
        int, Meta(description="How hard WebSocket messages are compressed: 1 is fast, 9 is small.", ge=1, le=9)
    ] = 3
    websocket_deflate_least_octets: Annotated[
        int,
        Meta(description="Shorter WebSocket messages are sent uncompressed.", extra={"unit": "octets"}, ge=1),
    ] = 256
    websocket_deflate_context_takeover: Annotated[
        bool,
        Meta(
            description="Let compressed WebSocket messages refer to earlier ones: smaller messages, but up to 300 KB "
            "of memory for each socket, and a broadcast is compressed once for each."
        ),
    ] = False
    websocket_inflate_ratio_limit: Annotated[
        int,
        Meta(
            description="How many times its own size a compressed WebSocket message over 1 MiB may become; more "
            "closes with 1009.",
            ge=2,
        ),
    ] = 200
    websocket_outbox_octets: Annotated[
        int,
        Meta(
            description="Octets that may wait for a WebSocket's peer that does not read when one more message is sent; "
            "beyond them it is cut.",
            extra={"unit": "octets"},
            ge=0,
        ),
    ] = 4 * 1024 * 1024
    websocket_send_waits: Annotated[
        bool,
        Meta(
            description="Let the application's `send` wait while the peer does not read. Off, a broadcast waits for "
            "nobody, and who falls behind by websocket_outbox_octets is cut."
        ),
    ] = True
    websocket_handshake_seconds: Annotated[
        float,
        Meta(
            description="How long an application may take to accept or deny a WebSocket; then 504.",
            extra={"unit": "seconds"},
            gt=0,
        ),
    ] = 10.0
    websocket_ping_seconds: Annotated[
        float,
        Meta(
            description="How long a WebSocket may be silent before it is pinged; silent twice as long, it is cut.",
            extra={"unit": "seconds"},
            gt=0,
        ),
    ] = 20.0
    websocket_close_seconds: Annotated[
        float, Meta(description="How long the peer may take to answer a Close frame.", extra={"unit": "seconds"}, gt=0)
    ] = 5.0
