"""Proxies in front of the server, and what is believed of their word."""

from typing import Annotated, Literal, TypeAlias

from msgspec import Meta

from veche.server.settings.files import FileSettings

ForwardedFields: TypeAlias = Literal["x-forwarded", "forwarded"]


class ProxySettings(FileSettings, frozen=True, kw_only=True):
    """Who may speak for a client."""

    trusted_proxy: Annotated[
        tuple[str, ...],
        Meta(
            description="Peers that are believed when they say who their client is: an address, a network such as "
            "10.0.0.0/8, unix for Unix sockets, * for everybody, none for nobody. May be given several times."
        ),
    ] = ("127.0.0.1", "::1", "unix")
    forwarded_fields: Annotated[
        ForwardedFields,
        Meta(
            description="Which fields the trusted proxies write: X-Forwarded-For and -Proto, or Forwarded (RFC 7239). "
            "The others are not read: a proxy lets its client's own through."
        ),
    ] = "x-forwarded"
    forwarded_host: Annotated[
        bool,
        Meta(description="Take X-Forwarded-Host and -Port (or host= in Forwarded) of trusted proxies for the Host."),
    ] = False
