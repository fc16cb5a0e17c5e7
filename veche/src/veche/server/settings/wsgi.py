"""How a WSGI application is run."""

from typing import Annotated

from msgspec import Meta, Struct


class WsgiSettings(Struct, frozen=True, kw_only=True):
    """Threads, and bodies that wait for one."""

    threads: Annotated[int, Meta(description="The most WSGI requests of one worker that run at once.", ge=1)] = 8
    spool_octets: Annotated[
        int,
        Meta(
            description="WSGI request bodies larger than this wait on disk, not in memory.",
            extra={"unit": "octets"},
            ge=0,
        ),
    ] = 1024 * 1024
