"""Requests that change something must come from our own pages (cross-site request forgery).

One job: let an unsafe request pass, or refuse it with 403.
Must not know: sessions beyond the name of their cookie; what the request is about.

The order, cheapest and strongest first:
1. a bearer token without a session cookie: no browser adds it by itself, so nothing can be forged;
2. Sec-Fetch-Site (W3C Fetch Metadata): browsers send it over TLS and to localhost, pages cannot set it;
3. Origin, else Referer: its host must be ours; browsers add Origin to every POST, also without TLS;
4. an API route that is asked with no session cookie and no other credentials, and by none of the above: a program that
   forgot its token. There is nothing that could be abused, and the route's own 401 says what is missing. (Pages do not
   have this way out: a login form has no session yet, and must not be sent by strangers.)
5. a token, in the form or in X-CSRF-Token, that matches the signed cookie: for browsers that send none of these,
   and for scripts that use a session.
"""

import secrets
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from itsdangerous import BadSignature, Signer

from veche.asgi import ASGIApplication, Message, Receive, Scope, Send
from veche.http import Headers, MutableHeaders, parse_cookie_header, set_cookie_line
from veche.web.application import OUTCOME_KEY, Application
from veche.web.errors import HTTPException
from veche.web.requests import Request
from veche.web.routing import Found, NotFound, WrongMethod

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})  # RFC 9110 §9.2.1
SCOPE_KEY: Final = "veche.csrf"
TOKEN_FIELD: Final = "csrf_token"  # noqa: S105  # a name
TOKEN_HEADER: Final = "x-csrf-token"  # noqa: S105  # a name
DEFAULT_PORTS: Final[Mapping[str, int]] = {"http": 80, "https": 443, "ws": 80, "wss": 443}


class CsrfRefused(HTTPException):
    """403 because of where the request comes from, not of who sent it: a site may give other advice."""

    def __init__(self, detail: str) -> None:
        super().__init__(403, detail)


class CsrfTokens:
    """The token of one request: made when a template asks for it, and only then put into a cookie."""

    def __init__(self, scope: Scope, signer: Signer, cookie_name: str, session_cookie: str) -> None:
        self.headers = Headers(scope["headers"])
        cookies = parse_cookie_header("; ".join(self.headers.getlist("cookie")))
        self._signer = signer
        self._cookie_name = cookie_name
        self._value = cookies.get(cookie_name, "")
        # With the session in the signature, a pair of cookie and token cannot be planted from a sibling domain.
        self._session = cookies.get(f"__Host-{session_cookie}") or cookies.get(session_cookie, "")
        self._secure = scope["scheme"] in ("https", "wss")
        self._is_new = False

    @property
    def has_session(self) -> bool:
        return bool(self._session)

    def token(self) -> str:
        """Return the token for a form of this page."""
        if not self._value:
            self._value = secrets.token_urlsafe(16)
            self._is_new = True
        return self._signer.get_signature(f"{self._value}.{self._session}").decode()

    def matches(self, token: str) -> bool:
        """Return whether the token was made for this cookie and this session."""
        if not self._value or not token or not token.isascii():
            return False
        try:
            self._signer.unsign(f"{self._value}.{self._session}{self._signer.sep.decode()}{token}")
        except BadSignature:
            return False
        return True

    def set_cookie_line(self) -> str | None:
        """Return the Set-Cookie field that the answer needs, None where the browser has the cookie or no form asked."""
        if not self._is_new:
            return None
        return set_cookie_line(self._cookie_name, self._value, secure=self._secure)


def csrf_token_for(scope: Scope) -> str:
    """Return the token for a form answered on this scope.

    "" where no CsrfMiddleware is in front, and where the browser just proved that it sends Sec-Fetch-Site: its pages
    then hold no token, so they are equal for all readers.
    """
    tokens = scope.get(SCOPE_KEY)
    if not isinstance(tokens, CsrfTokens) or "sec-fetch-site" in tokens.headers:
        return ""
    return tokens.token()


class CsrfMiddleware:
    """Refuses unsafe requests, and openings of WebSockets, that other sites made a browser send.

    secret: signs the tokens; the same in every worker. session_cookie: its presence makes a bearer token no excuse;
    the name without the prefix "__Host-", which it has over TLS.
    """

    def __init__(self, application: ASGIApplication, *, secret: str, session_cookie: str) -> None:
        self._application = application
        self._signer = Signer(secret, salt="veche.web.csrf")
        self._session_cookie = session_cookie

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self._socket(scope, receive, send)
        elif scope["type"] == "http":
            await self._request(scope, receive, send)
        else:
            await self._application(scope, receive, send)

    async def _socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope["headers"])
        origin = headers.get("origin", "")
        # A browser opens sockets to any site and sends its cookies along; programs send no Origin (RFC 6455 §10.2).
        if origin and not _same_host(origin, headers.get("host", ""), scope["scheme"]):
            await receive()
            await send({"type": "websocket.close", "code": 1008, "reason": "opened from another site"})
            return
        await self._application(scope, receive, send)

    async def _request(self, scope: Scope, receive: Receive, send: Send) -> None:
        tokens = CsrfTokens(scope, self._signer, _cookie_name(scope), self._session_cookie)
        scope[SCOPE_KEY] = tokens
        if scope["method"] not in SAFE_METHODS and _may_reach_a_handler(scope):
            reason = await _refusal(Request(scope, receive), tokens)
            if reason:
                raise CsrfRefused(reason)

        async def send_with_cookie(message: Message) -> None:
            if message["type"] == "http.response.start" and (line := tokens.set_cookie_line()) is not None:
                headers = MutableHeaders(message["headers"])
                headers.append("set-cookie", line)
                message = {**message, "headers": headers.raw}
            await send(message)

        await self._application(scope, receive, send_with_cookie)


def _may_reach_a_handler(scope: Scope) -> bool:
    """Return whether there is something to protect; what ends as 404, 405 or a redirect shall say so to everyone."""
    return not isinstance(scope.get(OUTCOME_KEY), (NotFound, WrongMethod))


async def _refusal(request: Request, tokens: CsrfTokens) -> str:
    """Return why the request is refused, "" where it may pass."""
    headers = request.headers
    if headers.get("authorization", "")[:7].lower() == "bearer " and not tokens.has_session:
        return ""
    site = headers.get("sec-fetch-site", "")
    if site:
        return "" if site in ("same-origin", "none") else f"This request was sent from another site ({site})."
    source = _source(headers)
    if source:
        if _same_host(source, headers.get("host", ""), request.scope["scheme"]):
            return ""
        return "This request was sent from a page of another site."
    if not tokens.has_session and "authorization" not in headers and _is_api_route(request):
        return ""
    token = headers.get(TOKEN_HEADER, "") or (await request.form()).text(TOKEN_FIELD)
    if tokens.matches(token):
        return ""
    return "This form has expired, or it is not ours. Load the page again, and send it once more."


def _is_api_route(request: Request) -> bool:
    """Return whether a handler of ours answers below one of the api_prefixes; what is mounted has its own sessions."""
    application = request.scope.get("app")
    if not isinstance(application, Application) or not isinstance(request.scope[OUTCOME_KEY], Found):
        return False
    return request.path.removeprefix(request.root_path).startswith(application.api_prefixes)


def _source(headers: Headers) -> str:
    origin = headers.get("origin", "")
    if origin and origin != "null":  # "null" is a page that hides where it is, such as under no-referrer
        return origin
    return headers.get("referer", "") if not origin else ""


def _same_host(source: str, host: str, scheme: str) -> bool:
    """Return whether an origin or address names the host that was asked.

    Schemes are not compared: behind a proxy that ends TLS ours may be unknown. Default ports are filled in for that.
    """
    try:
        parts = urlsplit(source)
        asked = urlsplit(f"//{host}")
        ours = asked.port or DEFAULT_PORTS.get(scheme)
        theirs = parts.port or DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return False
    if not host or parts.hostname is None or parts.hostname != asked.hostname:
        return False
    return ours == theirs or (asked.port is None and parts.port is None)


def _cookie_name(scope: Scope) -> str:
    return "__Host-csrf" if scope["scheme"] == "https" else "csrf"  # the prefix needs Secure (RFC 6265bis §4.1.3.2)
