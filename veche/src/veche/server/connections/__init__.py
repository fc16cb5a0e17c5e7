"""Bytes in, bytes out: accepting, deadlines, flow control and the protocols of one worker's connections."""

from veche.server.connections.server import ConnectionServer

__all__ = ["ConnectionServer"]
