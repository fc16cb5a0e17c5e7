"""The callable types on both sides of the seam between a server and an application.

One job: name the shapes of ASGI 3 (https://asgi.readthedocs.io) and of WSGI (PEP 3333) once.
Must not know: sockets, requests, who implements either side.
"""

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from types import TracebackType
from typing import Any, Protocol, TypeAlias

# Both specifications leave the values open to extensions, so Any is the honest type of them.
Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
ASGIApplication: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

Environ: TypeAlias = dict[str, Any]
ExceptionTriple: TypeAlias = tuple[type[BaseException], BaseException, TracebackType | None]


class StartResponse(Protocol):
    """The second argument of a WSGI application (PEP 3333, "The start_response() Callable")."""

    def __call__(
        self,
        status: str,
        headers: list[tuple[str, str]],
        exc_info: ExceptionTriple | None = None,
        /,
    ) -> Callable[[bytes], object]: ...


WSGIApplication: TypeAlias = Callable[[Environ, StartResponse], Iterable[bytes]]
