"""How a WSGI application is run."""

from typing import Annotated

from msgspec import Meta, Struct


class WsgiSettings(Struct, frozen=True, kw_only=True):
    """Threads, and bodies that wait for one."""

    threads: Annotated[
        int,
        Meta(
            description="The most WSGI requests of one worker that run at once; 0 runs them one by one in the loop "
            "itself, and everything else waits.",
            ge=0,
        ),
    ] = 8
    spool_octets: Annotated[
        int,
        Meta(
            description="WSGI request bodies larger than this wait on disk, not in memory.",
            extra={"unit": "octets"},
            ge=0,
        ),
    ] = 1024 * 1024
    spool_disk_octets: Annotated[
        int,
        Meta(
            description="WSGI request bodies larger than this get their thread before they are whole, which then waits "
            "for the client; smaller ones are on disk by then.",
            extra={"unit": "octets"},
            ge=0,
        ),
    ] = 100 * 1024 * 1024
    lost_threads_limit: Annotated[
        int,
        Meta(
            description="How many threads of a worker may be lost, still busy after their request was answered 504; "
            "fresh ones take their place. With one more, the worker is replaced.",
            ge=0,
        ),
    ] = 4
