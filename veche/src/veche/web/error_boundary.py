"""Where exceptions end: each becomes an answer, and those that nobody expected also an entry in the log.

One job: exception → the answer of the site, a problem document, or a page with an id that stands in the log.
Must not know: routes, handlers.
"""

import inspect
import secrets
import traceback
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeAlias

from veche.asgi import ASGIApplication, Receive, Scope, Send
from veche.log import Level, Sink
from veche.web.error_pages import debug_page, plain_page, problem_response, wants_problem
from veche.web.errors import ClientDisconnect, HTTPException, ResponseInterrupted, WebSocketDisconnect
from veche.web.exchange import SCOPE_KEY, Exchange
from veche.web.requests import HTTPConnection, Request
from veche.web.responses import Response

# The second argument is the exception of the class that the handler stands under.
ExceptionHandler: TypeAlias = Callable[[Request, Any], Response | Awaitable[Response]]
ExceptionHandlers: TypeAlias = Mapping[int | type[Exception], ExceptionHandler]

UNEXPECTED: Final = "Something went wrong on our side. If you report it, please give this number: {}."


class ErrorBoundary:
    """Handlers under an exception's class translate it; handlers under a status draw the page of that status.

    A client that wants JSON gets a problem document instead of the page. A translating handler may answer, or raise
    an HTTPException.
    """

    def __init__(
        self, handlers: ExceptionHandlers, logger: Sink, api_prefixes: tuple[str, ...], *, debug: bool
    ) -> None:
        self._by_status = {key: handler for key, handler in handlers.items() if isinstance(key, int)}
        self._by_class = {key: handler for key, handler in handlers.items() if not isinstance(key, int)}
        self._logger = logger
        self._api_prefixes = api_prefixes
        self._debug = debug

    def around(self, application: ASGIApplication) -> ASGIApplication:
        """Return the application with its exceptions ended here."""

        async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
            try:
                await application(scope, receive, send)
            except (ClientDisconnect, WebSocketDisconnect, ResponseInterrupted) as error:
                if isinstance(error, ResponseInterrupted):
                    raise  # told and logged by an inner boundary; the server has to see it
            except Exception as error:
                await self._end(error, scope, receive, send)

        return guarded

    async def _end(self, error: Exception, scope: Scope, receive: Receive, send: Send) -> None:
        exchange: Exchange = scope[SCOPE_KEY]
        if exchange.begun:
            error_id = self._log(error, scope)
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1011, "reason": f"server error {error_id}"})
                return
            raise ResponseInterrupted(f"the answer broke off; see {error_id} in the log") from error
        response = await self._response(error, scope, receive)
        if scope["type"] == "websocket":
            await refuse_websocket(response, scope, receive, send)
        else:
            await response(scope, receive, send)

    async def _response(self, error: Exception, scope: Scope, receive: Receive) -> Response:
        request = Request(scope, receive)
        try:
            handler = next((self._by_class[one] for one in type(error).__mro__ if one in self._by_class), None)
            if handler is not None:
                return await _ask(handler, request, error)
        except Exception as translated:
            error = translated
        if isinstance(error, HTTPException):
            return await self._drawn(error, request)
        answer = self._unexpected(error, scope)
        if self._debug and not wants_problem(HTTPConnection(scope), self._api_prefixes):
            return debug_page(error, answer)
        return await self._drawn(answer, request)

    async def _drawn(self, answer: HTTPException, request: Request) -> Response:
        if wants_problem(request, self._api_prefixes):
            return problem_response(answer)
        handler = self._by_status.get(answer.status_code)
        if handler is None:
            return plain_page(answer)
        try:
            response = await _ask(handler, request, answer)
        except Exception as error:  # the site's own error page is broken: say so plainly, and log that too
            return plain_page(self._unexpected(error, request.scope))
        for name, value in answer.headers.items():
            response.headers.setdefault(name, value)
        return response

    def _unexpected(self, error: Exception, scope: Scope) -> HTTPException:
        error_id = self._log(error, scope)
        return HTTPException(500, UNEXPECTED.format(error_id), members={"error_id": error_id})

    def _log(self, error: Exception, scope: Scope) -> str:
        error_id = secrets.token_hex(5)
        self._logger.log_message(
            "server error",
            level=Level.ERROR,
            error_id=error_id,
            method=scope.get("method", "WEBSOCKET"),
            path=scope["path"],
            error=f"{type(error).__name__}: {error}",
            traceback="".join(traceback.format_exception(error)),
        )
        return error_id


async def refuse_websocket(response: Response, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a handshake with a page where the server can (ASGI's denial response), with a bare 403 where it cannot."""
    if "websocket.http.response" in scope.get("extensions", {}):
        await send(
            {
                "type": "websocket.http.response.start",
                "status": response.status_code,
                "headers": response.headers.raw,
            }
        )
        await send({"type": "websocket.http.response.body", "body": response.body})
        return
    await send({"type": "websocket.close", "code": 1008, "reason": ""})


async def _ask(handler: ExceptionHandler, request: Request, error: Exception) -> Response:
    answer = handler(request, error)
    return await answer if inspect.isawaitable(answer) else answer
