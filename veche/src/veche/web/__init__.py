"""The framework: an ASGI application of routes, typed handlers, providers and middleware."""

from veche.web.application import Application, Middleware
from veche.web.bodies import Body
from veche.web.error_boundary import ExceptionHandler, ExceptionHandlers
from veche.web.error_pages import problem_response, wants_problem
from veche.web.errors import (
    ClientDisconnect,
    HTTPException,
    UnknownRoute,
    WebError,
    WebSocketDisconnect,
    WrongConfiguration,
)
from veche.web.lifespan import Lifespan
from veche.web.parameters import Provider, Providers
from veche.web.requests import URL, Address, BodyLimits, FormData, HTTPConnection, Request, State, UploadFile
from veche.web.responses import (
    HTMLResponse,
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
    StreamingResponse,
)
from veche.web.routing import AnyRoute, Mount, Route, WebSocketRoute
from veche.web.websocket import WebSocket, WebSocketState

__all__ = [
    "URL",
    "Address",
    "AnyRoute",
    "Application",
    "Body",
    "BodyLimits",
    "ClientDisconnect",
    "ExceptionHandler",
    "ExceptionHandlers",
    "FormData",
    "HTMLResponse",
    "HTTPConnection",
    "HTTPException",
    "JSONResponse",
    "Lifespan",
    "Middleware",
    "Mount",
    "PlainTextResponse",
    "Provider",
    "Providers",
    "RedirectResponse",
    "Request",
    "Response",
    "Route",
    "State",
    "StreamingResponse",
    "UnknownRoute",
    "UploadFile",
    "WebError",
    "WebSocket",
    "WebSocketDisconnect",
    "WebSocketRoute",
    "WebSocketState",
    "WrongConfiguration",
    "problem_response",
    "wants_problem",
]
