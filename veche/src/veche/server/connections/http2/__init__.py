"""One connection that speaks HTTP/2, and its streams."""

from veche.server.connections.http2.connection import Http2Connection

__all__ = ["Http2Connection"]
