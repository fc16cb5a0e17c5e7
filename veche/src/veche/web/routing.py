"""From a method and a path to a route.

One job: keep the routes in a tree of segments and find the one that fits.
Must not know: how a handler is called (parameters.py), what answers look like.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, Protocol, TypeAlias, runtime_checkable
from urllib.parse import urlencode

from msgspec import Struct

from veche.asgi import ASGIApplication
from veche.web.errors import UnknownRoute, WrongConfiguration
from veche.web.path_patterns import PathPattern, Variable, parse_pattern
from veche.web.requests import BodyLimits

Handler: TypeAlias = Callable[..., object]

WEBSOCKET: Final = "WEBSOCKET"  # stands where a method would; no client can send it, since no handshake is made with it


class AnyRoute(Struct, frozen=True, eq=False):
    """The base of the three that an application is made of: Route, WebSocketRoute and Mount."""


class Route(AnyRoute, frozen=True, eq=False):
    """One path and the function that answers it. GET answers HEAD too; the name is what url_for takes."""

    path: str
    handler: Handler
    methods: tuple[str, ...] = ("GET",)
    name: str = ""
    limits: BodyLimits | None = None
    """Other bounds of the body than the application's, for uploads."""


class WebSocketRoute(AnyRoute, frozen=True, eq=False):
    """One path and the function that talks to the WebSocket there."""

    path: str
    handler: Handler
    name: str = ""


class Mount(AnyRoute, frozen=True, eq=False):
    """Everything under a prefix goes to another ASGI application, which sees the prefix as root_path."""

    prefix: str
    app: ASGIApplication
    name: str = ""


@runtime_checkable
class Addressed(Protocol):
    """A mounted application that knows the address of each thing in it (StaticFiles: with its fingerprint)."""

    def address(self, path: str) -> str: ...


class Found(Struct, frozen=True):
    """The route, and the values that stood in the path."""

    route: Route | WebSocketRoute
    path_params: Mapping[str, object]


class FoundMount(Struct, frozen=True):
    """The mount below which the path lies."""

    mount: Mount


class WrongMethod(Struct, frozen=True):
    """The path is known, the method is not; `allowed` is for the Allow field, empty where only WebSockets are."""

    allowed: tuple[str, ...]


class NotFound(Struct, frozen=True):
    """Nothing is there; `other_path` is the same with or without its last "/" where that one exists."""

    other_path: str | None = None


Outcome: TypeAlias = Found | FoundMount | WrongMethod | NotFound


class _Node(Struct, eq=False):
    """One place in the tree: what may follow, and what answers here."""

    fixed: dict[str, "_Node"] = {}
    variables: list[tuple[Variable, "_Node"]] = []
    tail: "_Node | None" = None  # {name:path}
    answers: dict[str, tuple[Route | WebSocketRoute, tuple[str, ...]]] = {}


def _precedence(edge: tuple[Variable, _Node]) -> tuple[bool, bool]:
    """int before str, marked before bare: the narrower branch is tried first."""
    variable = edge[0]
    return (not (variable.prefix or variable.suffix), variable.converter.name != "int")


class Router:
    """All routes of an application. Finding costs one step per segment, however many routes there are."""

    def __init__(self, routes: Iterable[AnyRoute]) -> None:
        self._root = _Node()
        self._named: dict[str, PathPattern | Mount] = {}
        self._mounts: list[Mount] = []
        for route in routes:
            self._add(route)
        self._mounts.sort(key=lambda mount: -len(mount.prefix))

    def _add(self, route: AnyRoute) -> None:
        if isinstance(route, Mount):
            prefix = route.prefix.rstrip("/")
            if prefix and not prefix.startswith("/"):
                raise WrongConfiguration(f'prefix {route.prefix!r} of a mount must begin with "/"')
            self._mounts.append(Mount(prefix, route.app, route.name))
            self._name(route.name, self._mounts[-1])
            return
        assert isinstance(route, (Route, WebSocketRoute))
        pattern = parse_pattern(route.path)
        node = self._node_of(pattern)
        methods = route.methods if isinstance(route, Route) else (WEBSOCKET,)
        for method in methods:
            if method in node.answers:
                raise WrongConfiguration(
                    f"two routes answer {method} {route.path}: {node.answers[method][0]} and {route}"
                )
            node.answers[method] = (route, pattern.names)
        self._name(route.name, pattern)

    def _name(self, name: str, target: PathPattern | Mount) -> None:
        known = self._named.get(name)
        if not name:
            return
        if known is not None and (isinstance(known, Mount) or known.text != getattr(target, "text", None)):
            raise WrongConfiguration(f"two paths have the name {name!r}: {known} and {target}; give one another name")
        self._named[name] = target

    def _node_of(self, pattern: PathPattern) -> _Node:
        node = self._root
        for segment in pattern.segments:
            if isinstance(segment, str):
                node = node.fixed.setdefault(segment, _Node())
            elif segment.converter.name == "path":
                node.tail = node.tail or _Node()
                node = node.tail
            else:
                following = next((child for variable, child in node.variables if variable == segment), None)
                if following is None:
                    following = _Node()
                    node.variables.append((segment, following))
                    node.variables.sort(key=_precedence)
                node = following
        return node

    def find(self, method: str, path: str) -> Outcome:
        """Return what answers the method on the (decoded) path. HEAD is answered by GET."""
        if path and not path.startswith("/"):  # OPTIONS * and the like (RFC 9112 §3.2.4)
            return NotFound()
        methods = ("HEAD", "GET") if method == "HEAD" else (method,)
        search = _Search(path[1:].split("/"), methods)
        found = search.below(self._root, 0, ())
        if found is not None:
            return found
        for mount in self._mounts:
            if path == mount.prefix or path.startswith(mount.prefix + "/"):
                return FoundMount(mount)
        if search.allowed:
            return WrongMethod(_allow(search.allowed))
        return NotFound(self._other_path(methods, path))

    def _other_path(self, methods: Sequence[str], path: str) -> str | None:
        # "//host" in a Location would lead to another site, so such a path is never sent anywhere.
        if path in ("", "/") or path.startswith("//"):
            return None
        other = path[:-1] if path.endswith("/") else path + "/"
        found = _Search(other[1:].split("/"), methods).below(self._root, 0, ())
        return other if found is not None else None

    def url_for(self, name: str, parameters: Mapping[str, object]) -> str:
        """Return the path of that route; what the path does not take becomes its query. Raises UnknownRoute."""
        target = self._named.get(name)
        if target is None:
            raise UnknownRoute(f"no route is named {name!r}; known: {', '.join(sorted(self._named))}")
        if isinstance(target, Mount):
            path = str(parameters.get("path", "")).lstrip("/")
            address = target.app.address(path) if isinstance(target.app, Addressed) else "/" + path
            return target.prefix + address
        query = {key: value for key, value in parameters.items() if key not in target.names and value is not None}
        return target.build(parameters) + ("?" + urlencode(query, doseq=True) if query else "")


class _Search(Struct, frozen=True, eq=False):
    """What is looked for, and the methods met on the way that were not it."""

    segments: Sequence[str]
    methods: Sequence[str]
    allowed: dict[str, None] = {}

    def below(self, node: _Node, place: int, values: tuple[object, ...]) -> Found | None:
        """Return the first answer in the branch of the node, fixed text before variables before the tail."""
        if place == len(self.segments):
            return self._at(node, values)
        segment = self.segments[place]
        child = node.fixed.get(segment)
        found = None if child is None else self.below(child, place + 1, values)
        if found is not None:
            return found
        for variable, child in node.variables:
            value = variable.read(segment)
            found = None if value is None else self.below(child, place + 1, (*values, value))
            if found is not None:
                return found
        rest = "" if node.tail is None else "/".join(self.segments[place:])
        return self._at(node.tail, (*values, rest)) if rest and node.tail is not None else None

    def _at(self, node: _Node, values: tuple[object, ...]) -> Found | None:
        for method in self.methods:
            answer = node.answers.get(method)
            if answer is not None:
                return Found(answer[0], dict(zip(answer[1], values, strict=True)))
        self.allowed.update(dict.fromkeys(node.answers))
        return None


def _allow(methods: Iterable[str]) -> tuple[str, ...]:
    allowed = {method for method in methods if method != WEBSOCKET}
    if not allowed:
        return ()
    if "GET" in allowed:
        allowed.add("HEAD")
    return tuple(sorted(allowed | {"OPTIONS"}))
