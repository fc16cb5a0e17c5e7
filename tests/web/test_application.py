"""The life of a request inside one application, through the in-process client."""

import asyncio
import io
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import msgspec
import pytest

from veche.log import StreamLog
from veche.web import (
    Application,
    Body,
    HTTPConnection,
    HTTPException,
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    Request,
    Response,
    Route,
    StartupRefused,
    WebSocket,
    WebSocketRoute,
)
from veche.web.testing import Client, HandshakeRefused


class Clock:
    """What a provider gives."""

    def __init__(self, name: str) -> None:
        self.name = name


class NewCourse(msgspec.Struct):
    title: str


def in_client(application: Application, test: Callable[[Client], Awaitable[None]]) -> None:
    async def run() -> None:
        async with Client(application) as client:
            await test(client)

    asyncio.run(run())


async def show_course(course_id: int, page: int = 1) -> Response:
    return PlainTextResponse(f"course {course_id} page {page}")


def list_courses(request: Request) -> Response:
    return PlainTextResponse(request.url_for("course", course_id=7, page=2))


async def create_course(body: Body[NewCourse], clock: Clock) -> Response:
    return JSONResponse({"title": body.value.title, "clock": clock.name}, 201)


async def enter(request: Request) -> Response:
    form = await request.form()
    response = RedirectResponse("/courses")
    response.set_cookie("name", form.text("name"), secure=False)
    return response


async def who(request: Request) -> Response:
    return PlainTextResponse(request.cookies.get("name", "nobody"))


async def broken() -> Response:
    raise ZeroDivisionError("a secret of the inside")


async def echo(websocket: WebSocket, room: str) -> None:
    await websocket.accept()
    async for text in websocket.iter_text():
        await websocket.send_text(f"{room}: {text}")


async def give_clock(connection: HTTPConnection) -> AsyncIterator[Clock]:
    connection.state.opened.append("open")
    yield Clock("noon")
    connection.state.opened.append("closed")


def make_application(log: io.StringIO | None = None, opened: list[str] | None = None) -> Application:
    @asynccontextmanager
    async def lifespan(_application: Application) -> AsyncIterator[dict[str, object]]:
        yield {"opened": [] if opened is None else opened}

    return Application(
        [
            Route("/courses", list_courses, name="courses"),
            Route("/courses", create_course, methods=("POST",)),
            Route("/courses/{course_id:int}", show_course, name="course"),
            Route("/enter", enter, methods=("POST",)),
            Route("/who", who),
            Route("/broken", broken),
            Route("/api/broken", broken),
            WebSocketRoute("/rooms/{room}", echo),
        ],
        providers={Clock: give_clock},
        lifespan=lifespan,
        logger=StreamLog(log if log is not None else io.StringIO()),
    )


def test_path_and_query_fill_the_handler() -> None:
    async def test(client: Client) -> None:
        assert (await client.get("/courses/12")).text == "course 12 page 1"
        assert (await client.get("/courses/12?page=3")).text == "course 12 page 3"

    in_client(make_application(), test)


def test_a_path_that_does_not_fit_is_404_and_a_wrong_query_422() -> None:
    async def test(client: Client) -> None:
        for path in ("/courses/x", "/courses/-1", "/courses/1_0", "/courses/٣", "/courses/9999999999999999999"):
            assert (await client.get(path)).status_code == 404
        answer = await client.get("/courses/12?page=x", headers={"accept": "application/json"})
        assert answer.status_code == 422
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["errors"][0]["field"] == "page"

    in_client(make_application(), test)


def test_url_for_puts_what_the_path_does_not_take_into_the_query() -> None:
    async def test(client: Client) -> None:
        assert (await client.get("/courses")).text == "/courses/7?page=2"

    in_client(make_application(), test)


def test_another_method_is_405_with_allow_and_head_is_answered_by_get() -> None:
    async def test(client: Client) -> None:
        answer = await client.request("DELETE", "/courses")
        assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, OPTIONS, POST")
        head = await client.request("HEAD", "/courses/12")
        assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", "16")
        options = await client.request("OPTIONS", "/courses/12")
        assert (options.status_code, options.headers["allow"]) == (204, "GET, HEAD, OPTIONS")

    in_client(make_application(), test)


def test_a_slash_too_many_leads_to_the_page_and_never_to_another_site() -> None:
    async def test(client: Client) -> None:
        answer = await client.get("/courses/?a=1")
        assert (answer.status_code, answer.headers["location"]) == (307, "/courses?a=1")
        assert (await client.get("//evil.example/")).status_code == 404

    in_client(make_application(), test)


def test_a_body_is_decoded_and_a_provider_is_torn_down_after_the_answer() -> None:
    opened: list[str] = []

    async def test(client: Client) -> None:
        answer = await client.post("/courses", json={"title": "Логика"})
        assert answer.status_code == 201
        assert answer.json() == {"title": "Логика", "clock": "noon"}
        assert opened == ["open", "closed"]
        assert (await client.post("/courses", json={"title": 1})).status_code == 422
        assert (await client.post("/courses", form={"title": "x"})).status_code == 415

    in_client(make_application(opened=opened), test)


def test_cookies_are_kept_between_requests_and_apart_between_clients() -> None:
    async def test(client: Client) -> None:
        answer = await client.post("/enter", form={"name": "olga"})
        assert (answer.status_code, answer.headers["location"]) == (303, "/courses")
        assert (await client.get("/who")).text == "olga"
        assert (await client.another().get("/who")).text == "nobody"

    in_client(make_application(), test)


def test_a_server_error_has_an_id_on_the_page_and_in_the_log_and_tells_nothing_else() -> None:
    log = io.StringIO()

    async def test(client: Client) -> None:
        page = await client.get("/broken")
        assert page.status_code == 500
        assert "secret" not in page.text
        assert "ZeroDivisionError: a secret of the inside" in log.getvalue()
        error_id = log.getvalue().partition("error_id=")[2].split()[0]
        assert error_id in page.text
        problem = await client.get("/api/broken")
        assert problem.headers["content-type"] == "application/problem+json"
        assert problem.json()["error_id"] in log.getvalue()

    in_client(make_application(log), test)


def test_a_websocket_talks_and_an_unknown_one_is_refused() -> None:
    async def test(client: Client) -> None:
        async with client.websocket("/rooms/blue") as socket:
            await socket.send_text("hello")
            assert await socket.receive_text() == "blue: hello"
        with pytest.raises(HandshakeRefused) as refused:
            async with client.websocket("/nothing"):
                pass
        assert refused.value.status_code == 404
        assert (await client.get("/rooms/blue")).status_code == 426

    in_client(make_application(), test)


def test_the_site_draws_its_own_404() -> None:
    def not_found(_request: Request, error: HTTPException) -> Response:
        return PlainTextResponse("the site's own page", error.status_code)

    async def test(client: Client) -> None:
        answer = await client.get("/nothing")
        assert (answer.status_code, answer.text) == (404, "the site's own page")

    in_client(Application(exception_handlers={404: not_found}), test)


def test_a_lifespan_that_refuses_is_told_without_a_traceback() -> None:
    @asynccontextmanager
    async def refuse(_application: Application) -> AsyncIterator[None]:
        raise StartupRefused("no database; start it")
        yield

    log = io.StringIO()
    with pytest.raises(RuntimeError, match="no database; start it"):
        in_client(Application([], lifespan=refuse, logger=StreamLog(log)), lambda _client: asyncio.sleep(0))
    assert log.getvalue() == ""
