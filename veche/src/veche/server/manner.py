"""What a connection brings before its first request, by the address that it came to.

One job: the value that a bind is read into and that the master hands to its workers.
Must not know: how any of it is done.
"""

from msgspec import Struct


class Manner(Struct, frozen=True, kw_only=True):
    """proxy: a PROXY header comes first. tls: then a TLS handshake."""

    proxy: bool = False
    tls: bool = False


PLAIN = Manner()
