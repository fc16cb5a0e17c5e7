"""The bounds of one connection, one request and one WebSocket: everything a stranger can make grow has one.

One job: be the part of ServerSettings that `connections` and `bridges` obey.
Must not know: where values come from.
"""

from typing import Annotated

from msgspec import Meta, Struct


class ConnectionLimits(Struct, frozen=True, kw_only=True):
    """Bounds, each with a default that is safe on the open internet."""

    # What one request may be.
    head_timeout_seconds: Annotated[
        float,
        Meta(
            description="A request's head must have arrived whole this long after the connection opened or "
            "its first octet came; else 408.",
            extra={"unit": "seconds"},
            gt=0,
        ),
    ] = 10.0
    request_line_limit_octets: Annotated[
        int, Meta(description="The longest request line; longer ones get 414.", extra={"unit": "octets"}, ge=64)
    ] = 8192
    head_limit_octets: Annotated[
        int,
        Meta(
            description="The largest request head, and the largest trailer section; larger ones get 431.",
            extra={"unit": "octets"},
            ge=256,
        ),
    ] = 32768
    head_limit_fields: Annotated[
        int, Meta(description="The most field lines in one head, repeated names counted; more get 431.", ge=1)
    ] = 100
    body_limit_octets: Annotated[
        int, Meta(description="The largest request body; larger ones get 413.", extra={"unit": "octets"}, ge=0)
    ] = 100 * 1024 * 1024
    body_stall_seconds: Annotated[
        float,
        Meta(
            description="How long a request body may bring less than the least rate; then 408.",
            extra={"unit": "seconds"},
            gt=0,
        ),
    ] = 20.0
    body_least_octets_per_second: Annotated[
        int,
        Meta(
            description="The slowest a request body may arrive, averaged over the stall time, in which at least one "
            "octet must come.",
            extra={"unit": "octets per second"},
            ge=0,
        ),
    ] = 100
    body_buffer_octets: Annotated[
        int,
        Meta(
            description="Body octets kept for an application that does not read; then the socket is not read either.",
            extra={"unit": "octets"},
            ge=1,
        ),
    ] = 65536
    unread_body_limit_octets: Annotated[
        int,
        Meta(
            description="Body octets thrown away to keep a connection whose application did not read its request; "
            "beyond them the connection is closed.",
            extra={"unit": "octets"},
            ge=0,
        ),
    ] = 65536

    # What one connection may be.
    connection_limit: Annotated[
        int,
        Meta(description="The most open connections of one worker; the next ones wait in the kernel's queue.", ge=1),
    ] = 10_000
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

    # WebSocket.
    websocket_message_limit_octets: Annotated[
        int,
        Meta(description="The largest WebSocket message; larger ones close with 1009.", extra={"unit": "octets"}, ge=1),
    ] = 16 * 1024 * 1024
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

    # WSGI.
    threads: Annotated[int, Meta(description="The most WSGI requests of one worker that run at once.", ge=1)] = 8
    spool_octets: Annotated[
        int,
        Meta(
            description="WSGI request bodies larger than this wait on disk, not in memory.",
            extra={"unit": "octets"},
            ge=0,
        ),
    ] = 1024 * 1024
