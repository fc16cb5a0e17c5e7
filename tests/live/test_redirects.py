"""Redirects in words: what a form sent by script gets in the place of a 303."""

import asyncio

import pytest

from veche.live import live_redirects
from veche.web import Application, PlainTextResponse, RedirectResponse, Response, Route
from veche.web.testing import Client, ClientResponse


async def redirecting(status: int) -> Response:
    response = RedirectResponse("/threads/5#message-7", status)
    response.headers["set-cookie"] = "a=b"
    return response


async def plain() -> Response:
    return PlainTextResponse("no redirect")


def ask(method: str, path: str, **headers: str) -> ClientResponse:
    methods = ("GET", "POST")
    routes = [Route("/to/{status:int}", redirecting, methods=methods), Route("/plain", plain, methods=methods)]
    application = Application(routes, middleware=[live_redirects])

    async def whole() -> ClientResponse:
        async with Client(application) as client:
            return await client.request(method, path, headers=headers)

    return asyncio.run(whole())


@pytest.mark.parametrize("status", [301, 302, 303])
def test_a_redirect_keeps_its_fragment_and_its_cookies(status: int) -> None:
    response = ask("POST", f"/to/{status}", **{"live-request": "1"})
    assert response.status_code == 204
    assert response.headers["live-location"] == "/threads/5#message-7"
    assert "location" not in response.headers
    assert response.headers["set-cookie"] == "a=b"
    assert response.content == b""


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("POST", "/to/303", {}, 303),  # a browser without our client
        ("GET", "/to/303", {"live-request": "1"}, 303),
        ("POST", "/to/307", {"live-request": "1"}, 307),  # the form itself must be sent again: fetch does that
        ("POST", "/plain", {"live-request": "1"}, 200),
    ],
)
def test_everything_else_passes_unchanged(method: str, path: str, headers: dict[str, str], status: int) -> None:
    response = ask(method, path, **headers)
    assert response.status_code == status
    assert "live-location" not in response.headers
