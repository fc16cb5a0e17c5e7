"""The framework: an ASGI application of routes, typed handlers, providers and middleware."""

from veche.web.application import Application, Middleware
from veche.web.bodies import Body
from veche.web.error_boundary import ExceptionHandler, ExceptionHandlers
from veche.web.error_pages import problem_response, wants_problem
from veche.web.errors import (
    ClientDisconnect,
    HTTPException,
    StartupRefused,
    UnknownRoute,
    WebError,
    WebSocketDisconnect,
    WrongConfiguration,
)
from veche.web.lifespan import Lifespan
from veche.web.middleware import DEFAULT_POLICY, request_log, security_headers
from veche.web.parameters import Provider, Providers
from veche.web.requests import URL, Address, BodyLimits, FormData, HTTPConnection, Request, State, UploadFile
from veche.web.responses import (
    SANDBOX_POLICY,
    EventStreamResponse,
    FileResponse,
    HTMLResponse,
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
    ServerSentEvent,
    StreamingResponse,
)
from veche.web.routing import AnyRoute, Mount, Route, WebSocketRoute
from veche.web.static_files import StaticFiles
from veche.web.websocket import WebSocket, WebSocketState

__all__ = [
    "DEFAULT_POLICY",
    "SANDBOX_POLICY",
    "URL",
    "Address",
    "AnyRoute",
    "Application",
    "Body",
    "BodyLimits",
    "ClientDisconnect",
    "EventStreamResponse",
    "ExceptionHandler",
    "ExceptionHandlers",
    "FileResponse",
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
    "ServerSentEvent",
    "StartupRefused",
    "State",
    "StaticFiles",
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
    "request_log",
    "security_headers",
    "wants_problem",
]
