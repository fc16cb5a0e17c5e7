"""What goes out: answers made whole, files, and streams."""

from veche.web.responses.events import WSGI_EXTENSION, EventStreamResponse, ServerSentEvent
from veche.web.responses.file import SANDBOX_POLICY, FileResponse
from veche.web.responses.response import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from veche.web.responses.streaming import StreamingResponse

__all__ = [
    "SANDBOX_POLICY",
    "WSGI_EXTENSION",
    "EventStreamResponse",
    "FileResponse",
    "HTMLResponse",
    "JSONResponse",
    "PlainTextResponse",
    "RedirectResponse",
    "Response",
    "ServerSentEvent",
    "StreamingResponse",
]
