"""The seam between server and framework: types only."""

from veche.asgi.types import (
    ASGIApplication,
    Environ,
    ExceptionTriple,
    Message,
    Receive,
    Scope,
    Send,
    StartResponse,
    WSGIApplication,
)

__all__ = [
    "ASGIApplication",
    "Environ",
    "ExceptionTriple",
    "Message",
    "Receive",
    "Scope",
    "Send",
    "StartResponse",
    "WSGIApplication",
]
