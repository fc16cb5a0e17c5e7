"""What fills a handler's parameters, and what is refused at start."""

from __future__ import annotations

import asyncio
import contextvars
import enum
import io
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Annotated, Any, Generic, Literal, NewType, TypeVar

import pytest
from msgspec import Meta

from veche.log import StreamLog
from veche.web import (
    Application,
    Body,
    HTTPConnection,
    HTTPException,
    JSONResponse,
    PlainTextResponse,
    Providers,
    Request,
    Response,
    Route,
    WebSocket,
    WebSocketRoute,
    WrongConfiguration,
)
from veche.web.testing import Client
from veche.web.threads import HandlerThreads

CourseId = NewType("CourseId", int)
T = TypeVar("T")


class Order(enum.Enum):
    NEW = "new"
    OLD = "old"


class Database:
    def __init__(self, name: str) -> None:
        self.name = name


class Units:
    def __init__(self, database: Database) -> None:
        self.database = database


class Account:
    name = "olga"


class Raw(Generic[T]):
    """A type that reads itself from the request, as Form[T] does."""

    def __init__(self, kind: type, octets: bytes) -> None:
        self.kind = kind
        self.octets = octets

    @classmethod
    async def from_request(cls, request: Request, argument: type) -> Raw[Any]:
        return cls(argument, await request.body())


def in_client(application: Application, test: Callable[[Client], Awaitable[None]]) -> None:
    async def run() -> None:
        async with Client(application) as client:
            await test(client)

    asyncio.run(run())


async def everything(  # noqa: PLR0917  # one of each kind
    course_id: CourseId,
    slug: str,
    request: Request,
    page: int = 1,
    order: Order = Order.NEW,
    tag: list[str] = [],  # noqa: B006  # never changed: it is what the handler gets where the query has none
    open_only: bool = False,
    size: Annotated[int, Meta(ge=1, le=100)] = 20,
    near: float | None = None,
    view: Literal["list", "grid"] = "list",
    *,
    q: str = "",
) -> Response:
    return JSONResponse([course_id, slug, request.method, page, order, tag, open_only, size, near, view, q])


def test_every_kind_of_path_and_query_parameter() -> None:
    async def test(client: Client) -> None:
        assert (await client.get("/7/logic")).json() == [7, "logic", "GET", 1, "new", [], False, 20, None, "list", ""]
        query = "page=2&order=old&tag=a&tag=b&open_only=true&size=100&near=1.5&view=grid&q=null"
        expected = [7, "logic", "GET", 2, "old", ["a", "b"], True, 100, 1.5, "grid", "null"]
        assert (await client.get(f"/7/logic?{query}")).json() == expected
        empty = await client.get("/7/logic?page=&order=&near=&q=")  # a form sends every field, the empty ones too
        assert empty.json()[3:5] == [1, "new"]

    in_client(Application([Route("/{course_id:int}/{slug}", everything)]), test)


@pytest.mark.parametrize(
    "query", ["page=x", "page=1.5", "order=best", "open_only=maybe", "size=0", "size=101", "near=x", "view=map"]
)
def test_a_wrong_query_names_the_field(query: str) -> None:
    async def test(client: Client) -> None:
        answer = await client.get(f"/7/logic?{query}", headers={"accept": "application/json"})
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["field"] == query.partition("=")[0]

    in_client(Application([Route("/{course_id:int}/{slug}", everything)]), test)


def test_a_query_parameter_without_a_default_is_required() -> None:
    async def search(q: str) -> Response:
        return PlainTextResponse(q)

    async def test(client: Client) -> None:
        assert (await client.get("/?q=")).status_code == 200
        answer = await client.get("/", headers={"accept": "application/json"})
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "required")

    in_client(Application([Route("/", search)]), test)


async def use(units: Units, database: Database, account: Account | None, raw: Raw[int]) -> Response:
    same = units.database is database
    name = account.name if account else ""
    return JSONResponse([database.name, same, name, raw.kind.__name__, raw.octets.decode()])


def test_providers_are_filled_like_handlers_and_asked_once_for_each_request() -> None:
    asked: list[str] = []

    async def open_database(request: Request, name: str = "main") -> Database:
        asked.append(request.path)
        return Database(name)

    def make_units(database: Database) -> Units:
        return Units(database)

    def find_account(connection: HTTPConnection) -> Account | None:
        return Account() if "who" in connection.query_params else None

    providers: Providers = {Database: open_database, Units: make_units, Account | None: find_account}

    async def test(client: Client) -> None:
        assert (await client.post("/", form={"a": "1"})).json() == ["main", True, "", "int", "a=1"]
        assert (await client.post("/?name=other&who=x")).json() == ["other", True, "olga", "int", ""]
        assert asked == ["/", "/"]

    in_client(Application([Route("/", use, methods=("POST",))], providers=providers), test)


def test_a_provider_sees_the_error_of_its_handler_and_ends_in_reverse_order() -> None:
    seen: list[str] = []

    async def open_database() -> AsyncIterator[Database]:
        try:
            yield Database("main")
            seen.append("database committed")
        except ZeroDivisionError:
            seen.append("database rolled back")
            raise
        finally:
            seen.append("database closed")

    async def open_units(database: Database) -> AsyncIterator[Units]:
        try:
            yield Units(database)
        finally:
            seen.append("units closed")

    async def works(units: Units) -> Response:
        return PlainTextResponse(units.database.name)

    async def fails(units: Units) -> Response:
        raise ZeroDivisionError(units.database.name)

    async def test(client: Client) -> None:
        assert (await client.get("/works")).status_code == 200
        assert seen == ["units closed", "database committed", "database closed"]
        seen.clear()
        assert (await client.get("/fails")).status_code == 500
        assert seen == ["units closed", "database rolled back", "database closed"]

    in_client(
        Application(
            [Route("/works", works), Route("/fails", fails)],
            providers={Database: open_database, Units: open_units},
            logger=StreamLog(io.StringIO()),
        ),
        test,
    )


def test_a_plain_handler_runs_in_a_thread_with_the_context_of_its_request() -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable")

    async def set_variable() -> Account:
        variable.set("from the request")
        return Account()

    def handler(account: Account) -> Response:
        return JSONResponse([threading.current_thread().name, variable.get(), account.name])

    async def test(client: Client) -> None:
        name, value, _account = (await client.get("/")).json()
        assert name.startswith("veche-handler")
        assert value == "from the request"

    in_client(Application([Route("/", handler)], providers={Account: set_variable}), test)


def test_handler_threads_are_bounded_and_leave_others_their_threads() -> None:
    async def run() -> None:
        threads = HandlerThreads(2)
        go_on = threading.Event()
        waiting = [asyncio.ensure_future(threads.run(go_on.wait)) for _number in range(2 * 9)]
        await asyncio.sleep(0)
        with pytest.raises(HTTPException, match="503"):
            await threads.run(go_on.wait)
        # Reserve: whoever tears down what the handlers wait for still gets a thread.
        await asyncio.to_thread(go_on.set)
        assert await asyncio.gather(*waiting) == [True] * 18
        assert await threads.run(go_on.wait) is True
        threads.close()
        assert await threads.run(go_on.wait) is True  # an application may be started again
        threads.close()

    asyncio.run(run())


class Greeter:
    async def __call__(self, request: Request) -> Response:
        return PlainTextResponse(request.path)

    async def method(self, request: Request) -> Response:
        return PlainTextResponse(request.path)


def test_methods_and_objects_are_handlers_too() -> None:
    async def test(client: Client) -> None:
        assert (await client.get("/object")).text == "/object"
        assert (await client.get("/method")).text == "/method"

    in_client(Application([Route("/object", Greeter()), Route("/method", Greeter().method)]), test)


async def untyped(thing) -> Response:  # type: ignore[no-untyped-def]  # this is what is refused
    return Response()


async def unknown(thing: Database) -> Response:
    return Response()


async def many(*things: int) -> Response:
    return Response()


async def positional(thing: int, /) -> Response:
    return Response()


async def text_for_int(course_id: str) -> Response:
    return Response()


async def forgets() -> Response:
    return Response()


async def for_socket(websocket: WebSocket) -> Response:
    return Response()


async def not_imported(thing: NotThere) -> Response:  # type: ignore[name-defined]  # noqa: F821  # this is what is refused
    return Response()


@pytest.mark.parametrize(
    ("path", "handler", "complaint"),
    [
        ("/", untyped, "'thing' has no type"),
        ("/", unknown, "which nothing fills"),
        ("/", many, "cannot be filled"),
        ("/", positional, "positional-only"),
        ("/{course_id:int}", text_for_int, "the path gives int"),
        ("/{course_id:int}", forgets, "stands in the path and not in the signature"),
        ("/", for_socket, "is a WebSocket, but a Request comes here"),
        ("/", not_imported, "annotation not found"),
    ],
)
def test_what_cannot_be_filled_is_refused_at_start_with_file_and_line(
    path: str, handler: Callable[..., object], complaint: str
) -> None:
    with pytest.raises(WrongConfiguration, match=complaint) as refused:
        Application([Route(path, handler)])
    assert f"{__file__}:" in str(refused.value)


def test_a_socket_has_no_body_and_providers_for_both_ask_for_the_connection() -> None:
    async def reads(body: Body[int]) -> None:
        return

    async def needs(account: Account) -> None:
        return

    def from_request(request: Request) -> Account:
        return Account()

    with pytest.raises(WrongConfiguration, match="which a WebSocket has not"):
        Application([WebSocketRoute("/", reads)])
    with pytest.raises(WrongConfiguration, match="HTTPConnection fits both"):
        Application([WebSocketRoute("/", needs)], providers={Account: from_request})


def test_providers_that_need_each_other_are_refused() -> None:
    def database(units: Units) -> Database:
        return units.database

    def units(database: Database) -> Units:
        return Units(database)

    async def handler(units: Units) -> Response:
        return Response()

    with pytest.raises(WrongConfiguration, match="in a circle"):
        Application([Route("/", handler)], providers={Database: database, Units: units})
