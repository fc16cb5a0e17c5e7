"""The application: an ASGI 3 callable made of routes, providers and middleware.

One job: put the parts together at start, and lead each request through them.
Must not know: the wire, the database, what the handlers do.
"""

import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import AsyncExitStack
from typing import Final, TypeAlias

from veche.asgi import ASGIApplication, Receive, Scope, Send
from veche.log import Sink, StreamLog
from veche.web.error_boundary import ErrorBoundary, ExceptionHandlers
from veche.web.errors import HTTPException
from veche.web.exchange import SCOPE_KEY, Exchange
from veche.web.lifespan import Lifespan, no_lifespan, run_lifespan
from veche.web.parameters import Call, Plan, Planner, Providers
from veche.web.path_patterns import parse_pattern
from veche.web.requests import DEFAULT_LIMITS, LIMITS_KEY, BodyLimits, Request, RequestBody, quote_path
from veche.web.requests.body import SCOPE_KEY as BODY_KEY
from veche.web.responses import RedirectResponse, Response
from veche.web.routing import (
    WEBSOCKET,
    AnyRoute,
    Found,
    FoundMount,
    Mount,
    NotFound,
    Outcome,
    Route,
    Router,
    WebSocketRoute,
    WrongMethod,
)
from veche.web.threads import HandlerThreads
from veche.web.websocket import WebSocket

Middleware: TypeAlias = Callable[[ASGIApplication], ASGIApplication]

API_PREFIXES: Final = ("/api/",)
OUTCOME_KEY: Final = "veche.outcome"


class Application:
    """Every mistake that can be seen in the routes and signatures is raised here, as WrongConfiguration, at start.

    middleware: the first is the outermost. logger: where server errors go, stderr by default.
    api_prefixes: paths where every error is a problem document. limits: the bounds of request bodies.
    """

    def __init__(
        self,
        routes: Iterable[AnyRoute] = (),
        *,
        providers: Providers | None = None,
        middleware: Sequence[Middleware] = (),
        exception_handlers: ExceptionHandlers | None = None,
        lifespan: Lifespan = no_lifespan,
        debug: bool = False,
        logger: Sink | None = None,
        limits: BodyLimits = DEFAULT_LIMITS,
        api_prefixes: tuple[str, ...] = API_PREFIXES,
    ) -> None:
        self.routes = tuple(routes)
        self.debug = debug
        self.api_prefixes = api_prefixes
        self.logger = logger if logger is not None else StreamLog(sys.stderr)
        self._router = Router(self.routes)
        self._limits = limits
        self._lifespan = lifespan
        self._state: dict[str, object] = {}
        self._threads = HandlerThreads()
        planner = Planner(providers or {})
        self._plans = {route: _plan(planner, route) for route in self.routes if not isinstance(route, Mount)}
        boundary = ErrorBoundary(exception_handlers or {}, self.logger, api_prefixes, debug=debug)
        # A boundary inside each middleware: an error below it is an answer that it sees, and adds its headers to.
        entry = boundary.around(self._dispatch)
        for wrap in reversed(middleware):
            entry = boundary.around(wrap(entry))
        self._entry = entry

    def url_for(self, name: str, /, **parameters: object) -> str:
        """Return the path of the route of that name below this application. Raises UnknownRoute."""
        return self._router.url_for(name, parameters)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            entered = self._lifespan(self)
            await run_lifespan(entered, self._state, self.logger, scope=scope, receive=receive, send=send)
            self._threads.close()
            return
        exchange = Exchange(scope, send)
        outcome = self._find(scope)
        scope["app"] = self
        scope[SCOPE_KEY] = exchange
        if "state" not in scope:  # a server without ASGI's lifespan state
            scope["state"] = dict(self._state)
        # Known before any middleware runs: one that reads a form has to keep to the limits of the route.
        scope[OUTCOME_KEY] = outcome
        scope[LIMITS_KEY] = self._limits
        if isinstance(outcome, Found):
            scope["path_params"] = outcome.path_params
            if isinstance(outcome.route, Route) and outcome.route.limits is not None:
                scope[LIMITS_KEY] = outcome.route.limits
        try:
            await self._entry(scope, receive, exchange.send)
        finally:
            body = scope.get(BODY_KEY)
            if body is not None:
                body.close()

    def _find(self, scope: Scope) -> Outcome:
        method = WEBSOCKET if scope["type"] == "websocket" else scope["method"]
        return self._router.find(method, _path_below_root(scope))

    async def _dispatch(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lead the request to its route, or raise the HTTPException that says why there is none."""
        outcome: Outcome = scope[OUTCOME_KEY]
        if isinstance(outcome, Found):
            if isinstance(outcome.route, Route):
                await self._answer(self._plans[outcome.route], scope, receive, send)
            else:
                await self._talk(self._plans[outcome.route], scope, receive, send)
        elif isinstance(outcome, FoundMount):
            await _enter(outcome.mount, scope, receive, send)
        elif isinstance(outcome, WrongMethod):
            await _other_method(outcome)(scope, receive, send)
        else:
            await _not_found(outcome, scope)(scope, receive, send)

    async def _answer(self, plan: Plan, scope: Scope, receive: Receive, send: Send) -> None:
        call = Call(Request(scope, receive))
        if not plan.tears_down:
            await (await self._response(plan, call))(scope, receive, send)
            return
        async with AsyncExitStack() as call.stack:
            await (await self._response(plan, call))(scope, receive, send)

    async def _response(self, plan: Plan, call: Call) -> Response:
        response = await plan.call(call, self._threads)
        if not isinstance(response, Response):
            raise TypeError(f"{plan.function} returned {type(response).__name__}; a handler returns a Response")
        return response

    async def _talk(self, plan: Plan, scope: Scope, receive: Receive, send: Send) -> None:
        websocket = WebSocket(scope, receive, send)
        async with AsyncExitStack() as stack:
            await plan.call(Call(websocket, stack), self._threads)
            await websocket.close()


def _plan(planner: Planner, route: AnyRoute) -> Plan:
    assert isinstance(route, (Route, WebSocketRoute))
    connection_type = Request if isinstance(route, Route) else WebSocket
    return planner.plan(route.handler, connection_type, parse_pattern(route.path).converters)


def _path_below_root(scope: Scope) -> str:
    path: str = scope["path"]
    root_path: str = scope.get("root_path", "")
    if root_path and path.startswith(root_path):
        return path[len(root_path) :] or "/"
    return path


async def _enter(mount: Mount, scope: Scope, receive: Receive, send: Send) -> None:
    inner = dict(scope)
    inner["root_path"] = scope.get("root_path", "") + mount.prefix
    body = scope.get(BODY_KEY)
    if isinstance(body, RequestBody):  # middleware has read it: whoever is mounted here gets it again
        receive = body.replay
    await mount.app(inner, receive, send)


def _other_method(outcome: WrongMethod) -> ASGIApplication:
    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            raise HTTPException(404, "No WebSocket is at this address.")
        if not outcome.allowed:
            raise HTTPException(426, "Only a WebSocket answers here.", headers={"upgrade": "websocket"})
        allow = {"allow": ", ".join(outcome.allowed)}
        if scope["method"] != "OPTIONS":
            raise HTTPException(405, f"{scope['method']} is not possible here.", headers=allow)
        await Response(status_code=204, headers=allow)(scope, receive, send)

    return answer


def _not_found(outcome: NotFound, scope: Scope) -> ASGIApplication:
    if outcome.other_path is None or scope["type"] != "http":
        raise HTTPException(404, "There is nothing at this address.")
    query = scope.get("query_string", b"").decode("latin-1")
    target = quote_path(scope.get("root_path", "") + outcome.other_path) + (f"?{query}" if query else "")
    # 307 keeps method and body; not 308, because browsers would keep a mistake for ever.
    return RedirectResponse(target, 307)
