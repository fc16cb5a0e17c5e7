"""What goes out: answers made whole, and streams."""

from veche.web.responses.response import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from veche.web.responses.streaming import StreamingResponse

__all__ = [
    "HTMLResponse",
    "JSONResponse",
    "PlainTextResponse",
    "RedirectResponse",
    "Response",
    "StreamingResponse",
]
