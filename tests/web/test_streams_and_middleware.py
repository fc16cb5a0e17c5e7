"""Streams, events, security headers and the request log."""

import asyncio
import io
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from veche.log import StreamLog
from veche.web import (
    Application,
    EventStreamResponse,
    HTMLResponse,
    HTTPException,
    Request,
    Response,
    Route,
    ServerSentEvent,
    StreamingResponse,
    request_log,
    security_headers,
)
from veche.web.testing import Client


def in_client(application: Application, test: Callable[[Client], Awaitable[None]]) -> None:
    async def run() -> None:
        async with Client(application) as client:
            await test(client)

    asyncio.run(run())


def test_a_stream_ends_its_source_when_the_client_leaves() -> None:
    ended = asyncio.Event()

    async def source() -> AsyncIterator[bytes]:
        try:
            yield b"first"
            await asyncio.Event().wait()  # idle for ever: only the client's leaving can end it
        finally:
            ended.set()

    async def stream() -> Response:
        return StreamingResponse(source())

    async def test(client: Client) -> None:
        async with client.stream("GET", "/") as answer:
            assert await anext(answer) == b"first"
            assert not ended.is_set()
        assert ended.is_set()

    in_client(Application([Route("/", stream)]), test)


def test_a_plain_iterable_streams_too() -> None:
    async def stream() -> Response:
        return StreamingResponse(["а", b"b"], media_type="text/plain")

    async def test(client: Client) -> None:
        assert (await client.get("/")).text == "аb"

    in_client(Application([Route("/", stream)]), test)


@pytest.mark.parametrize("line_end", ["\n", "\r", "\r\n"])
def test_cve_2026_43968_cowlib_no_line_end_in_data_begins_a_field(line_end: str) -> None:  # HTML Standard §9.2.6
    event = ServerSentEvent(f"one{line_end}event: forged{line_end}{line_end}", event="message", id="7")
    assert event.encode() == b"event: message\nid: 7\ndata: one\ndata: event: forged\ndata: \ndata: \n\n"


@pytest.mark.parametrize("bad", ["a\nb", "a\rb", "a\x00b"])
def test_cve_2026_43968_cowlib_an_event_name_or_id_of_two_lines_is_refused(bad: str) -> None:
    with pytest.raises(ValueError, match="one line"):
        ServerSentEvent("", event=bad).encode()
    with pytest.raises(ValueError, match="one line"):
        ServerSentEvent("", id=bad).encode()


def test_an_idle_event_stream_shows_a_sign_of_life_and_loses_no_event() -> None:
    go_on = asyncio.Event()

    async def source() -> AsyncIterator[ServerSentEvent]:
        await go_on.wait()
        yield ServerSentEvent("late")

    async def events() -> Response:
        return EventStreamResponse(source(), heartbeat_seconds=0.01)

    async def test(client: Client) -> None:
        async with client.stream("GET", "/") as answer:
            assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
            assert await anext(answer) == b":\n\n"
            go_on.set()
            assert [piece async for piece in answer if piece != b":\n\n"] == [b"data: late\n\n"]

    in_client(Application([Route("/", events)]), test)


async def page(request: Request) -> Response:
    return HTMLResponse(f'<script nonce="{request.state.csp_nonce}"></script>')


async def refused() -> Response:
    raise HTTPException(403)


async def broken() -> Response:
    raise ZeroDivisionError


def test_every_answer_has_the_security_headers_and_each_request_its_nonce() -> None:
    async def test(client: Client) -> None:
        first, second = await client.get("/"), await client.get("/")
        for answer in (first, second):
            nonce = answer.text.split('"')[1]
            assert f"'nonce-{nonce}'" in answer.headers["content-security-policy"]
            assert answer.headers["x-content-type-options"] == "nosniff"
        assert first.text != second.text
        for path in ("/refused", "/broken", "/nothing"):
            assert "content-security-policy" in (await client.get(path)).headers

    routes = [Route("/", page), Route("/refused", refused), Route("/broken", broken)]
    in_client(Application(routes, middleware=[security_headers()], logger=StreamLog(io.StringIO())), test)


def test_each_request_is_logged_with_method_path_status_and_duration() -> None:
    log = io.StringIO()
    ticks = iter(range(100))

    async def test(client: Client) -> None:
        await client.get("/?token=secret")
        await client.get("/refused")
        await client.get("/broken")
        await client.get("/nothing%0Aforged")

    routes = [Route("/", page), Route("/refused", refused), Route("/broken", broken)]
    middleware = [request_log(StreamLog(log), clock=lambda: float(next(ticks))), security_headers()]
    in_client(Application(routes, middleware=middleware, logger=StreamLog(io.StringIO())), test)
    lines = log.getvalue().splitlines()
    assert [line.split(" ", 3)[3] for line in lines] == [
        "method=GET path=/ status=200 duration_milliseconds=1000.0",
        "method=GET path=/refused status=403 duration_milliseconds=1000.0",
        "method=GET path=/broken status=500 duration_milliseconds=1000.0",
        'method=GET path="/nothing\\x0aforged" status=404 duration_milliseconds=1000.0',
    ]


def test_an_error_in_middleware_is_answered_with_the_headers_of_the_middleware_around_it() -> None:
    def refusing(_application: object) -> Callable[..., Awaitable[None]]:
        async def refuse(*_arguments: object) -> None:
            raise HTTPException(403, "not from there")

        return refuse

    async def test(client: Client) -> None:
        answer = await client.get("/")
        assert answer.status_code == 403
        assert "content-security-policy" in answer.headers

    in_client(Application([Route("/", page)], middleware=[security_headers(), refusing]), test)
