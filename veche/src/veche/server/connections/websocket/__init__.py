"""A connection, or a stream of one, that has become a WebSocket."""

from veche.server.connections.websocket.link import WebSocketLink

__all__ = ["WebSocketLink"]
