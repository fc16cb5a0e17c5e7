"""The bounds of one connection, whatever it speaks."""

from typing import Annotated

from msgspec import Meta

from veche.server.settings.websocket import WebSocketLimits


class ConnectionLimits(WebSocketLimits, frozen=True, kw_only=True):
    """Bounds, each with a default that is safe on the open internet."""

    connection_limit: Annotated[
        int,
        Meta(description="The most open connections of one worker; the next ones wait in the kernel's queue.", ge=1),
    ] = 10_000
    connections_per_address: Annotated[
        int,
        Meta(
            description="The most of them that one client address may have, of IPv6 one /64; the next ones are closed "
            "at once. Trusted proxies and Unix sockets are not counted. 0 is no bound.",
            ge=0,
        ),
    ] = 1_000
    keep_alive_seconds: Annotated[
        float,
        Meta(description="How long a connection may stay idle after a response.", extra={"unit": "seconds"}, gt=0),
    ] = 75.0
    write_stall_seconds: Annotated[
        float,
        Meta(
            description="How long a peer may leave a response unread before the connection is cut.",
            extra={"unit": "seconds"},
            gt=0,
        ),
    ] = 60.0
    write_buffer_octets: Annotated[
        int,
        Meta(
            description="Response octets kept for a slow peer before the application is made to wait.",
            extra={"unit": "octets"},
            ge=1,
        ),
    ] = 65536
    linger_seconds: Annotated[
        float,
        Meta(
            description="How long what a peer still sends is thrown away after an error response, so that it can "
            "read that response.",
            extra={"unit": "seconds"},
            gt=0,
        ),
    ] = 2.0
