"""A client in the same process: requests, forms, cookies, streams and WebSockets against any ASGI application."""

from veche.web.testing.client import Client
from veche.web.testing.html_forms import PageForm
from veche.web.testing.response import ClientResponse
from veche.web.testing.websocket import ClientWebSocket, HandshakeRefused

__all__ = ["Client", "ClientResponse", "ClientWebSocket", "HandshakeRefused", "PageForm"]
