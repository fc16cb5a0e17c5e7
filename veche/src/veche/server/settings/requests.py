"""The bounds of one request: everything that a stranger can make grow has one."""

from typing import Annotated

from msgspec import Meta

from veche.server.settings.connections import ConnectionLimits


class RequestLimits(ConnectionLimits, frozen=True, kw_only=True):
    """Bounds, each with a default that is safe on the open internet."""

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
    request_seconds: Annotated[
        float,
        Meta(
            description="How long an application may take to begin its response, counted from the last octet of the "
            "request that it was given; then 504. 0: for ever.",
            extra={"unit": "seconds"},
            ge=0,
        ),
    ] = 60.0
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
