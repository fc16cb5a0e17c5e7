"""One connection that speaks HTTP/1.0 or HTTP/1.1."""

from veche.server.connections.http1.connection import Http1Connection

__all__ = ["Http1Connection"]
