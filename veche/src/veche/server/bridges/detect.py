"""Which interface an application speaks.

One job: look at a callable, never call it, and answer ASGI or WSGI.
Must not know: how either is run.
"""

import functools
import inspect
from collections.abc import Callable
from enum import IntEnum


class Interface(IntEnum):
    """The two interfaces between a server and a Python application."""

    ASGI = 1
    WSGI = 2


class UnknownInterface(TypeError):
    """The object can be neither an ASGI nor a WSGI application."""


def detect_interface(application: object) -> Interface:
    """Return the interface of an application.

    A coroutine function, or an object whose `__call__` is one, is ASGI 3. Anything else is judged by how many
    positional arguments it takes: three are ASGI (`scope, receive, send`), two are WSGI (`environ, start_response`).
    Raises UnknownInterface for anything else.
    """
    if not callable(application):
        raise UnknownInterface(f"{application!r} is not callable; expected an ASGI or a WSGI application")
    target: object = application
    while isinstance(target, functools.partial):
        target = target.func
    if inspect.iscoroutinefunction(target) or inspect.iscoroutinefunction(getattr(target, "__call__", None)):  # noqa: B004
        return Interface.ASGI
    count = _positional_count(application)
    if count == 3:
        return Interface.ASGI
    if count == 2:
        return Interface.WSGI
    raise UnknownInterface(
        f"{application!r} takes {count} positional arguments; expected 3 (ASGI: scope, receive, send) "
        "or 2 (WSGI: environ, start_response); a factory must be called first"
    )


def _positional_count(application: Callable[..., object]) -> int:
    """Return how many positional arguments must be given; `*arguments` alone counts as WSGI's two (PEP 3333)."""
    try:
        parameters = inspect.signature(application).parameters.values()
    except (TypeError, ValueError):
        return 2  # written in C: no signature to read, and every such application known is WSGI
    positional = [p for p in parameters if p.kind in {p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD}]
    required = [p for p in positional if p.default is p.empty]
    takes_any = any(p.kind is p.VAR_POSITIONAL for p in parameters)
    return 2 if takes_any and len(required) <= 2 else len(required)
