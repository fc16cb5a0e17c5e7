"""Other people's frameworks and clients, unchanged: Starlette, FastAPI, anyio, httpx, aiohttp."""

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any

import aiohttp
import anyio
import anyio.to_thread
import httpx
import pytest
from fastapi import BackgroundTasks, Body, Depends, FastAPI
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from fixtures.requests import get
from fixtures.serving import Served, serve, wait_for
from veche.asgi import Receive, Scope, Send


class Marks(BaseHTTPMiddleware):
    """The middleware that has broken more servers than any other: it runs the rest in a task of an anyio group."""

    async def dispatch(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
        response = await call_next(request)
        response.headers["x-marked"] = "yes"
        return response


class PathsSent:
    """Counts what an application sends by path."""

    def __init__(self, application: Any) -> None:
        self.application = application
        self.count = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def counted(message: Any) -> None:
            self.count += message["type"] == "http.response.pathsend"
            await send(message)

        await self.application(scope, receive, counted)


async def numbers(_: Request) -> StreamingResponse:
    async def parts() -> AsyncIterator[bytes]:
        for number in range(100):
            yield b"%d " % number
            await anyio.sleep(0)

    return StreamingResponse(parts())


async def endless(_: Request) -> StreamingResponse:
    async def parts() -> AsyncIterator[bytes]:
        while True:
            yield b"tick "
            await anyio.sleep(0.005)

    return StreamingResponse(parts())


async def group(_: Request) -> PlainTextResponse:
    results: list[int] = []

    async def child(number: int) -> None:
        await anyio.sleep(0.001 * number)
        results.append(await anyio.to_thread.run_sync(lambda: number))

    async with anyio.create_task_group() as tasks:
        for number in range(5):
            tasks.start_soon(child, number)
    with anyio.move_on_after(0.005):
        await anyio.sleep(10)
    return PlainTextResponse(str(sorted(results)))


async def echo(request: Request) -> Response:
    return Response(b"".join([part async for part in request.stream()]))


@pytest.mark.parametrize(
    ("middleware", "marked"),
    [
        ([], False),
        ([Middleware(Marks)], True),
        ([Middleware(Marks)] * 3, True),
        ([Middleware(GZipMiddleware)], False),
    ],
)
def test_starlette_streams_through_its_middleware(middleware: list[Middleware], marked: bool) -> None:
    routes = [Route("/numbers", numbers), Route("/group", group), Route("/echo", echo, methods=["POST"])]
    expected = " ".join(map(str, range(100))) + " "
    with serve(Starlette(routes=routes, middleware=middleware)) as served, httpx.Client(base_url=served.url) as client:
        for _ in range(3):
            answer = client.get("/numbers")
            assert answer.text == expected
            assert ("x-marked" in answer.headers) is marked
            assert client.get("/group").text == "[0, 1, 2, 3, 4]"
            assert client.post("/echo", content=b"a" * 300_000).content == b"a" * 300_000
        assert served.log.entries == []


@pytest.mark.parametrize("middleware", [[], [Middleware(Marks)]])
def test_starlette_s_stream_ends_when_its_client_leaves(middleware: list[Middleware]) -> None:
    with serve(Starlette(routes=[Route("/", endless)], middleware=middleware)) as served:
        for _ in range(3):
            with served.connect() as peer:
                peer.send(get())
                peer.read_until(b"tick ")
        service = served.server._service
        assert service is not None
        wait_for(lambda: service.bridge.running == 0, "the streams to end")
        assert served.log.entries == []


@pytest.mark.parametrize("middleware", [[], [Middleware(Marks)]])
def test_starlette_s_event_stream_ends_when_the_server_stops(middleware: list[Middleware]) -> None:
    async def events(_: Request) -> StreamingResponse:
        async def parts() -> AsyncIterator[bytes]:
            while True:
                yield b"data: tick\n\n"
                await anyio.sleep(0.005)

        return StreamingResponse(parts(), media_type="text/event-stream")

    with serve(Starlette(routes=[Route("/", events)], middleware=middleware)) as served, served.connect() as peer:
        peer.send(get())
        peer.read_until(b"tick")
        served.submit(served.server.drain(20)).result(9)  # not half of its time
        peer.read_to_end()
        assert served.log.entries == []


def test_starlette_is_told_that_a_client_left_amid_its_body() -> None:
    seen: list[str] = []

    async def reads(request: Request) -> Response:
        try:
            await request.body()
        except ClientDisconnect:
            seen.append("ClientDisconnect")
        return Response()

    async def asks(request: Request) -> Response:
        while not await request.is_disconnected():
            await asyncio.sleep(0.005)
        seen.append("is_disconnected")
        return Response()

    with serve(Starlette(routes=[Route("/reads", reads, methods=["POST"]), Route("/asks", asks)])) as served:
        with served.connect() as peer:
            peer.send(get(b"Content-Length: 10", line=b"POST /reads HTTP/1.1") + b"half")
            wait_for(lambda: served.server.requests_served == 1)
        wait_for(lambda: seen == ["ClientDisconnect"])
        with served.connect() as peer:
            peer.send(get(line=b"GET /asks HTTP/1.1"))
            wait_for(lambda: served.server.requests_served == 2)
        wait_for(lambda: seen == ["ClientDisconnect", "is_disconnected"])


def test_starlette_sends_files_by_path_with_ranges_and_conditions(tmp_path: Path) -> None:
    path = tmp_path / "file.bin"
    content = bytes(range(256)) * 5000
    path.write_bytes(content)
    routes = [Route("/file", lambda _: FileResponse(path)), Mount("/static", StaticFiles(directory=tmp_path))]
    application = PathsSent(Starlette(routes=routes))
    with serve(application) as served, httpx.Client(base_url=served.url) as client:
        for target in ("/file", "/static/file.bin"):
            answer = client.get(target)
            assert answer.content == content
            assert client.head(target).headers["content-length"] == str(len(content))
            part = client.get(target, headers={"range": "bytes=1000-1999"})
            assert (part.status_code, part.content) == (206, content[1000:2000])
        assert client.get("/static/file.bin", headers={"if-none-match": answer.headers["etag"]}).status_code == 304
        assert application.count >= 2
        assert served.log.entries == []


def fastapi_application(notes: list[str]) -> FastAPI:
    application = FastAPI()

    async def session() -> AsyncIterator[str]:
        notes.append("open")
        yield "session"
        notes.append("closed")

    @application.get("/depends")
    async def depends(word: Annotated[str, Depends(session)], background: BackgroundTasks) -> dict[str, str]:
        background.add_task(notes.append, "background")
        return {"word": word, "thread": threading.current_thread().name}

    @application.get("/sync")
    def in_thread(background: BackgroundTasks) -> dict[str, str]:
        background.add_task(notes.append, "background")
        return {"thread": threading.current_thread().name}

    @application.post("/upload")
    async def upload(text: Annotated[str, Body(embed=True)]) -> dict[str, int]:
        return {"characters": len(text)}

    return application


def test_fastapi_has_its_dependencies_threads_background_tasks_and_uploads() -> None:
    notes: list[str] = []
    with serve(fastapi_application(notes)) as served, httpx.Client(base_url=served.url) as client:
        for _ in range(3):
            assert client.get("/depends").json()["word"] == "session"
            wait_for(lambda: sorted(notes) == ["background", "closed", "open"])
            notes.clear()
            assert "AnyIO worker thread" in client.get("/sync").json()["thread"]
            wait_for(lambda: notes == ["background"])
            notes.clear()
            assert client.post("/upload", json={"text": "чай" * 300_000}).json() == {"characters": 900_000}
            assert client.get("/openapi.json").status_code == 200
        assert served.log.entries == []


# Clients

ECHO = Starlette(routes=[Route("/echo", echo, methods=["POST"]), Route("/numbers", numbers)])


def test_aiohttp_is_served_with_pooled_connections_streams_and_expectations() -> None:
    async def use(served: Served) -> None:
        async def parts() -> AsyncIterator[bytes]:
            for _ in range(50):
                yield b"a" * 1000
                await asyncio.sleep(0)

        async with aiohttp.ClientSession(served.url) as client:

            async def once(number: int) -> None:
                async with client.post("/echo", data=b"%d" % number) as answer:
                    assert await answer.read() == b"%d" % number

            await asyncio.gather(*(once(number) for number in range(200)))
            async with client.post("/echo", data=parts()) as answer:  # chunked
                assert await answer.read() == b"a" * 50_000
            async with client.post("/echo", data=b"expected", expect100=True) as answer:
                assert await answer.read() == b"expected"
            async with client.get("/numbers") as answer:
                parts_read = [part async for part in answer.content.iter_any()]
                assert b"".join(parts_read).endswith(b" 98 99 ")
            async with client.get("/nowhere") as answer:
                assert answer.status == 404

    with serve(ECHO) as served:
        asyncio.run(use(served))
        assert served.log.entries == []


def test_httpx_is_served_with_pooled_connections_and_streams() -> None:
    async def use(served: Served) -> None:
        async def parts() -> AsyncIterator[bytes]:
            for _ in range(50):
                yield b"a" * 1000

        async with httpx.AsyncClient(base_url=served.url) as client:
            answers = await asyncio.gather(*(client.post("/echo", content=b"%d" % number) for number in range(100)))
            assert [answer.content for answer in answers] == [b"%d" % number for number in range(100)]
            answer = await client.post("/echo", content=parts())  # chunked
            assert answer.content == b"a" * 50_000
            async with client.stream("GET", "/numbers") as stream:
                assert (await stream.aread()).startswith(b"0 1 2 ")

    with serve(ECHO) as served:
        asyncio.run(use(served))
        assert served.log.entries == []
