"""Bodies, forms and uploads, and the bounds of each."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from veche.asgi import ASGIApplication, Message, Receive, Scope, Send
from veche.web import (
    Application,
    BodyLimits,
    FormData,
    JSONResponse,
    Mount,
    PlainTextResponse,
    Request,
    Response,
    Route,
    UploadFile,
)
from veche.web.testing import Client
from veche.web.wsgi import from_wsgi

SMALL = BodyLimits(body_octets=5000, memory_octets=1000, fields=3, field_octets=100, spool_octets=50)


def in_client(application: ASGIApplication, test: Callable[[Client], Awaitable[None]]) -> None:
    async def run() -> None:
        async with Client(application) as client:
            await test(client)

    asyncio.run(run())


async def show_form(request: Request) -> Response:
    form = await request.form()
    return JSONResponse([[name, value if isinstance(value, str) else value.size] for name, value in form.multi_items()])


async def show_body(request: Request) -> Response:
    return PlainTextResponse(str(len(await request.body())))


async def show_stream(request: Request) -> Response:
    return PlainTextResponse(str(sum([len(piece) async for piece in request.stream()])))


async def show_json(request: Request) -> Response:
    return JSONResponse(await request.json())


APPLICATION = Application(
    [
        Route("/form", show_form, methods=("POST",)),
        Route("/body", show_body, methods=("POST",)),
        Route("/stream", show_stream, methods=("POST",)),
        Route("/json", show_json, methods=("POST",)),
        Route("/large", show_body, methods=("POST",), limits=BodyLimits(memory_octets=2000)),
    ],
    limits=SMALL,
)


def test_a_form_comes_in_both_encodings() -> None:
    async def test(client: Client) -> None:
        fields = [("a", "1"), ("b", "я"), ("a", "")]
        assert (await client.post("/form", form=fields)).json() == [list(pair) for pair in fields]
        files = {"file": ("имя.txt", b"x" * 500, "text/plain")}
        assert (await client.post("/form", form={"a": "я"}, files=files)).json() == [["a", "я"], ["file", 500]]
        assert (await client.post("/form", json={"a": 1})).json() == []

    in_client(APPLICATION, test)


@pytest.mark.parametrize(
    ("path", "octets", "status"),
    [
        ("/body", 1000, 200),
        ("/body", 1001, 413),
        ("/stream", 5000, 200),
        ("/stream", 5001, 413),
        ("/large", 2000, 200),
        ("/large", 2001, 413),
    ],
)
@pytest.mark.parametrize("announced", [True, False])
def test_a_body_over_its_bound_is_413_whether_announced_or_not(
    path: str, octets: int, status: int, *, announced: bool
) -> None:
    async def without_length(scope: Scope, receive: Receive, send: Send) -> None:
        if not announced and scope["type"] == "http":
            scope["headers"] = [line for line in scope["headers"] if line[0] != b"content-length"]
        await APPLICATION(scope, receive, send)

    async def test(client: Client) -> None:
        assert (await client.request("POST", path, content=b"x" * octets)).status_code == status

    in_client(without_length, test)


def test_every_bound_of_a_form_holds() -> None:
    async def test(client: Client) -> None:
        file = ("a.txt", b"x", "text/plain")
        assert (await client.post("/form", form=[("a", "1")] * 3)).status_code == 200
        assert (await client.post("/form", form=[("a", "1")] * 4)).status_code == 413
        assert (await client.post("/form", form=[("a", "1")] * 2, files={"f": file})).status_code == 200
        assert (await client.post("/form", form=[("a", "1")] * 3, files={"f": file})).status_code == 413
        assert (await client.post("/form", form={"a": "x" * 100}, files={})).status_code == 200
        assert (await client.post("/form", form={"a": "x" * 101}, files={})).status_code == 413
        assert (await client.post("/form", files={"f": ("a", b"x" * 5000, "text/plain")})).status_code == 413

    in_client(APPLICATION, test)


@pytest.mark.parametrize(
    ("media_type", "content"),
    [
        ("multipart/form-data", b"--x--\r\n"),
        ("multipart/form-data; boundary=x", b"no form at all"),
        ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data; name=a\r\n\r\nunfinished"),
        ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data; name=a\r\n\r\n\xff\r\n--x--\r\n"),
        ("application/x-www-form-urlencoded", b"a=%ff"),
    ],
)
def test_a_form_that_cannot_be_read_is_400(media_type: str, content: bytes) -> None:
    async def test(client: Client) -> None:
        answer = await client.request("POST", "/form", content=content, headers={"content-type": media_type})
        assert answer.status_code == 400

    in_client(APPLICATION, test)


@pytest.mark.parametrize("content", [b"{", b"\xff", b'{"a": NaN}', b""])
def test_a_body_that_is_no_json_is_400(content: bytes) -> None:
    async def test(client: Client) -> None:
        assert (await client.request("POST", "/json", content=content)).status_code == 400

    in_client(APPLICATION, test)


def test_a_large_upload_goes_to_disk_and_is_gone_after_the_request() -> None:
    kept: list[UploadFile] = []

    async def upload(request: Request) -> Response:
        file = (await request.form())["file"]
        assert isinstance(file, UploadFile)
        kept.append(file)
        return PlainTextResponse((await file.read(3)).decode() + str(file.size))

    async def test(client: Client) -> None:
        answer = await client.post("/", files={"file": ("a.bin", b"abc" * 200_000, "application/octet-stream")})
        assert answer.text == "abc600000"
        assert kept[0].file.closed

    in_client(Application([Route("/", upload, methods=("POST",))]), test)


def test_middleware_may_read_the_body_before_the_handler_and_before_a_mounted_application() -> None:
    def reading(application: ASGIApplication) -> ASGIApplication:
        async def read(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "http":
                scope["state"]["seen"] = (await Request(scope, receive).form()).text("a")
            await application(scope, receive, send)

        return read

    async def handler(request: Request) -> Response:
        return PlainTextResponse(request.state.seen + (await request.form()).text("a"))

    async def foreign(scope: Scope, receive: Receive, send: Send) -> None:
        message: Message = await receive()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": message["body"] + scope["root_path"].encode()})

    async def test(client: Client) -> None:
        assert (await client.post("/", form={"a": "я"})).text == "яя"
        assert (await client.post("/foreign/x", form={"a": "1"})).text == "a=1/foreign"

    routes = [Route("/", handler, methods=("POST",)), Mount("/foreign", foreign)]
    in_client(Application(routes, middleware=[reading]), test)


def test_middleware_that_reads_the_body_keeps_to_the_limits_of_the_route() -> None:
    def reading(application: ASGIApplication) -> ASGIApplication:
        async def read(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "http":
                await Request(scope, receive).body()
            await application(scope, receive, send)

        return read

    async def test(client: Client) -> None:
        assert (await client.request("POST", "/body", content=b"x" * 1001)).status_code == 413
        assert (await client.request("POST", "/large", content=b"x" * 2000)).status_code == 200

    in_client(Application(APPLICATION.routes, limits=SMALL, middleware=[reading]), test)


def test_a_client_that_leaves_during_its_upload_is_answered_by_nobody() -> None:
    sent: list[Message] = []

    async def run() -> None:
        messages: list[Message] = [
            {"type": "http.request", "body": b"x", "more_body": True},
            {"type": "http.disconnect"},
        ]

        async def receive() -> Message:
            return messages.pop(0)

        async def send(message: Message) -> None:
            sent.append(message)

        scope = {"type": "http", "method": "POST", "path": "/body", "headers": [], "query_string": b""}
        await APPLICATION(scope, receive, send)

    asyncio.run(run())
    assert sent == []


def test_a_wsgi_application_is_mounted_like_any_other(tmp_path: Path) -> None:
    def old(environ: dict[str, object], start_response: Callable[..., object]) -> list[bytes]:
        start_response("201 Created", [("Content-Type", "text/plain"), ("X-Old", "yes")])
        told = [environ["SCRIPT_NAME"], environ["PATH_INFO"], environ.get("HTTP_X_A"), environ["QUERY_STRING"]]
        return [repr(told).encode(), environ["wsgi.input"].read()]  # type: ignore[attr-defined]  # PEP 3333 has it

    async def test(client: Client) -> None:
        answer = await client.request("POST", "/old/deep?q=1", content=b"body", headers={"x-a": "1", "x_a": "2"})
        assert (answer.status_code, answer.headers["x-old"]) == (201, "yes")
        assert answer.text == "['/old', '/deep', '1', 'q=1']body"

    in_client(Application([Mount("/old", from_wsgi(old))]), test)


def test_a_form_gives_text_only_as_text() -> None:
    async def parts() -> AsyncIterator[bytes]:
        yield b""

    file = UploadFile("a", "b", SMALL)
    form = FormData([("a", "1"), ("f", file)])
    assert (form.text("a"), form.text("f", "none"), form.text("z")) == ("1", "none", "")
    form.close()
    assert file.file.closed
