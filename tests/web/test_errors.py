"""Where exceptions end: pages, problem documents, and what the log knows."""

import asyncio
import io
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

import pytest

from veche.asgi import Message
from veche.log import StreamLog
from veche.web import (
    Application,
    ExceptionHandlers,
    HTMLResponse,
    HTTPException,
    PlainTextResponse,
    Request,
    Response,
    Route,
    StreamingResponse,
    WebSocket,
    WebSocketDisconnect,
    WebSocketRoute,
)
from veche.web.errors import ResponseInterrupted
from veche.web.testing import Client

JSON = {"accept": "application/json"}


class NameTaken(Exception):
    """What a lower room raises."""


async def taken() -> Response:
    raise NameTaken("olga")


async def forbidden() -> Response:
    raise HTTPException(
        403, "Only teachers may do this.", headers={"x-why": "role"}, members={"status": 1, "role": "t"}
    )


async def broken() -> Response:
    password = "hunter2"
    try:
        raise KeyError("inner")
    except KeyError as error:
        raise ZeroDivisionError(f"<b>{len(password)}</b>") from error


async def breaks_off() -> Response:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"begun"
        raise ZeroDivisionError

    return StreamingResponse(pieces())


async def nothing() -> Response:
    return None  # type: ignore[return-value]  # the mistake that is looked for


async def socket_breaks(websocket: WebSocket) -> None:
    await websocket.accept()
    raise ZeroDivisionError


async def socket_forbidden(websocket: WebSocket) -> None:
    raise HTTPException(403)


ROUTES = [
    Route("/taken", taken),
    Route("/forbidden", forbidden),
    Route("/broken", broken),
    Route("/breaks-off", breaks_off),
    Route("/nothing", nothing),
    WebSocketRoute("/socket/breaks", socket_breaks),
    WebSocketRoute("/socket/forbidden", socket_forbidden),
]


def run(
    test: Callable[[Client], Awaitable[None]],
    *,
    handlers: ExceptionHandlers | None = None,
    debug: bool = False,
) -> str:
    """Return what was logged."""
    log = io.StringIO()
    application = Application(ROUTES, exception_handlers=handlers, debug=debug, logger=StreamLog(log))

    async def inner() -> None:
        async with Client(application) as client:
            await test(client)

    asyncio.run(inner())
    return log.getvalue()


def test_a_problem_document_for_clients_of_the_api_and_a_page_for_people() -> None:  # RFC 9457
    async def test(client: Client) -> None:
        page = await client.get("/forbidden")
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert "Only teachers may do this." in page.text
        problem = await client.get("/forbidden", headers=JSON)
        assert problem.headers["content-type"] == "application/problem+json"
        assert problem.json() == {
            "role": "t",
            "title": "Forbidden",
            "status": 403,
            "detail": "Only teachers may do this.",
        }
        assert page.headers["x-why"] == problem.headers["x-why"] == "role"
        assert (await client.get("/api/nothing")).headers["content-type"] == "application/problem+json"

    assert run(test) == ""


def test_a_handler_of_a_class_translates_and_one_of_a_status_draws() -> None:
    def translate(_request: Request, error: NameTaken) -> Response:
        raise HTTPException(409, f"{error} is taken.")

    async def draw(request: Request, error: HTTPException) -> Response:
        return HTMLResponse(f"<h1>{request.path} {error.detail}</h1>", error.status_code)

    async def test(client: Client) -> None:
        page = await client.get("/taken")
        assert (page.status_code, page.text) == (409, "<h1>/taken olga is taken.</h1>")
        assert (await client.get("/taken", headers=JSON)).json()["detail"] == "olga is taken."

    assert run(test, handlers={NameTaken: translate, 409: draw}) == ""


def test_a_handler_of_a_base_class_is_asked_where_there_is_none_of_the_class() -> None:
    def answer(_request: Request, error: Exception) -> Response:
        return PlainTextResponse(type(error).__name__, 418)

    async def test(client: Client) -> None:
        assert (await client.get("/broken")).text == "ZeroDivisionError"

    run(test, handlers={ArithmeticError: answer})


def test_the_site_draws_its_own_500_with_the_id() -> None:
    def draw(_request: Request, error: HTTPException) -> Response:
        return HTMLResponse(f"ours: {error.members['error_id']}", 500)

    async def test(client: Client) -> None:
        texts.append((await client.get("/broken")).text)

    texts: list[str] = []
    log = run(test, handlers={500: draw})
    assert texts[0].startswith("ours: ")
    assert "error_id=" + texts[0].removeprefix("ours: ") in log


def test_an_error_page_that_is_broken_itself_is_answered_plainly_and_logged() -> None:
    def draw(_request: Request, _error: HTTPException) -> Response:
        raise LookupError("no template")

    async def test(client: Client) -> None:
        answer = await client.get("/nowhere")
        assert answer.status_code == 500
        assert "no template" not in answer.text

    assert "LookupError: no template" in run(test, handlers={404: draw})


def test_debug_shows_source_lines_and_no_values() -> None:
    async def test(client: Client) -> None:
        answer = await client.get("/broken")
        assert answer.status_code == 500
        assert "raise ZeroDivisionError" in answer.text
        assert "KeyError" in answer.text
        assert "&lt;b&gt;7&lt;/b&gt;" in answer.text
        assert "test_errors.py" in answer.text
        assert (await client.get("/broken", headers=JSON)).headers["content-type"] == "application/problem+json"

    run(test, debug=True)


def test_an_error_in_the_middle_of_an_answer_cuts_it_off_and_is_logged_once() -> None:
    async def test(client: Client) -> None:
        with pytest.raises(ResponseInterrupted, match="in the log"):
            await client.get("/breaks-off")

    assert run(test).count("server error") == 1


def test_a_client_that_left_is_no_server_error() -> None:
    async def test(client: Client) -> None:
        async def receive() -> Message:
            return {"type": "http.request", "body": b""}

        async def send(_message: Message) -> None:
            raise ConnectionResetError("gone")

        scope = {"type": "http", "method": "GET", "path": "/breaks-off", "headers": [], "query_string": b""}
        await client.application(scope, receive, send)

    assert run(test) == ""


def test_a_handler_that_returns_nothing_is_named_in_the_log() -> None:
    async def test(client: Client) -> None:
        assert (await client.get("/nothing")).status_code == 500

    assert "a handler returns a Response" in run(test)


def test_a_socket_that_breaks_is_closed_with_1011_and_a_refused_one_is_answered() -> None:  # RFC 6455 §7.4.1
    async def test(client: Client) -> None:
        async with client.websocket("/socket/breaks") as socket:
            with pytest.raises(WebSocketDisconnect) as closed:
                await socket.receive_text()
            assert closed.value.code == 1011
        with pytest.raises(Exception, match="403"):
            await client.websocket("/socket/forbidden").__aenter__()

    assert run(test).count("server error") == 1


def test_a_lifespan_that_fails_says_why() -> None:
    log = io.StringIO()

    @asynccontextmanager
    async def lifespan(_application: Application) -> AsyncIterator[Mapping[str, object]]:
        raise ConnectionError("no database")
        yield {}

    async def inner() -> None:
        async with Client(Application(lifespan=lifespan, logger=StreamLog(log))):
            pass

    with pytest.raises(RuntimeError, match="no database"):
        asyncio.run(inner())
    assert "the application cannot start" in log.getvalue()


def test_the_kernel_starts_without_what_only_some_requests_need() -> None:
    heavy = {"multipart", "jinja2", "babel", "structlog", "sqlalchemy", "uuid1"}
    command = f"import sys, veche.web; print({heavy!r} & set(sys.modules))"
    told = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "set()"
