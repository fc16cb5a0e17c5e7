"""What every connection has, be it a request or a WebSocket: the parts of its ASGI scope, read when asked for.

One job: give the scope readable names (Starlette's).
Must not know: bodies, messages, answers.
"""

from collections.abc import Mapping, MutableMapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from veche.asgi import Scope
from veche.http import Headers, MultiMap, parse_cookie_header, parse_urlencoded
from veche.web.requests.url import URL, quote_path, url_of

if TYPE_CHECKING:
    from veche.web.application import Application


class Address(NamedTuple):
    """One end of a connection; the port is 0 where there is none (a Unix socket)."""

    host: str
    port: int


class State:
    """Values kept for the length of a request, as attributes; what the lifespan yielded is there from the beginning."""

    def __init__(self, values: MutableMapping[str, Any]) -> None:
        object.__setattr__(self, "_values", values)

    def __getattr__(self, name: str) -> Any:  # the values are the application's; only it knows their types
        try:
            return self._values[name]
        except KeyError:
            raise AttributeError(
                f"nothing is kept as {name!r}; known: {', '.join(self._values) or 'nothing'}"
            ) from None

    def __setattr__(self, name: str, value: object) -> None:
        self._values[name] = value

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def get(self, name: str, default: Any = None) -> Any:
        """Return the value kept under the name, or the default."""
        return self._values.get(name, default)


class HTTPConnection:
    """The common base of Request and WebSocket; a provider that serves both asks for this."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope

    @property
    def app(self) -> "Application":
        """The innermost application that has this request."""
        application: Application = self.scope["app"]
        return application

    @property
    def path(self) -> str:
        """The whole path, decoded, with the prefix under which the application is mounted."""
        path: str = self.scope["path"]
        return path

    @property
    def root_path(self) -> str:
        """The prefix under which the application is mounted; "" at the root."""
        root_path: str = self.scope.get("root_path", "")
        return root_path

    @cached_property
    def headers(self) -> Headers:
        """The fields of the request."""
        return Headers(self.scope["headers"])

    @cached_property
    def url(self) -> URL:
        """The address as the client sees it."""
        return url_of(self.scope, self.headers)

    @cached_property
    def query_params(self) -> MultiMap[str]:
        """The fields of the query string; octets that are not UTF-8 become U+FFFD."""
        return MultiMap(parse_urlencoded(self.scope.get("query_string", b""), strict=False))

    @cached_property
    def cookies(self) -> Mapping[str, str]:
        """The cookies that the client sent."""
        return parse_cookie_header("; ".join(self.headers.getlist("cookie")))

    @property
    def path_params(self) -> Mapping[str, Any]:
        """The values that the route found in the path, converted."""
        found: Mapping[str, Any] = self.scope.get("path_params", {})
        return found

    @property
    def client(self) -> Address | None:
        """The peer, or whoever a trusted proxy says it is; None where the server does not tell."""
        peer = self.scope.get("client")
        return None if peer is None else Address(str(peer[0]), int(peer[1] or 0))

    @cached_property
    def state(self) -> State:
        """What the lifespan yielded and what middleware and handlers add, for this request only."""
        return State(self.scope.setdefault("state", {}))

    def url_for(self, name: str, /, **parameters: object) -> str:
        """Return the path of the route of that name; parameters that the path does not take become its query.

        Raises UnknownRoute. For an absolute address put `request.url.origin` before it.
        """
        return quote_path(self.root_path) + self.app.url_for(name, **parameters)
