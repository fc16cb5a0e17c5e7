"""Which interface an application speaks is seen without calling it."""

import functools
from collections.abc import Iterable
from typing import Any

import pytest

from veche.server.bridges.detect import Interface, UnknownInterface, detect_interface


async def asgi_function(scope: Any, receive: Any, send: Any) -> None: ...


def wsgi_function(environ: Any, start_response: Any) -> Iterable[bytes]:
    return []


class AsgiObject:
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None: ...


class WsgiObject:
    def __call__(self, environ: Any, start_response: Any, extra: int = 0) -> Iterable[bytes]:
        return []

    def method(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        return []


class PlainAsgiObject:
    def __call__(self, scope: Any, receive: Any, send: Any) -> Any: ...


def wsgi_any(*arguments: Any) -> Iterable[bytes]:
    return []


@pytest.mark.parametrize(
    "application",
    [
        asgi_function,
        AsgiObject(),
        PlainAsgiObject(),
        functools.partial(asgi_function),
        lambda scope, receive, send: asgi_function(scope, receive, send),
    ],
)
def test_asgi_is_recognised(application: object) -> None:
    assert detect_interface(application) is Interface.ASGI


@pytest.mark.parametrize(
    "application",
    [wsgi_function, WsgiObject(), WsgiObject().method, wsgi_any, functools.partial(WsgiObject().__call__, extra=1)],
)
def test_wsgi_is_recognised(application: object) -> None:
    assert detect_interface(application) is Interface.WSGI


@pytest.mark.parametrize("application", [None, "module:app", lambda: None, lambda one: None])
def test_anything_else_is_an_error_that_says_what_was_expected(application: object) -> None:
    with pytest.raises(UnknownInterface, match="expected"):
        detect_interface(application)
