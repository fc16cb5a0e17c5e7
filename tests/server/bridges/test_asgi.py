"""ASGI 3 over real sockets: scope, receive, send, and what asyncio promises to a Task (asgi.readthedocs.io)."""

import asyncio
import contextvars
import socket
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import StreamingResponse

from fixtures.requests import get, post
from fixtures.serving import serve, wait_for
from veche.asgi import Receive, Scope, Send

REQUEST_ID: contextvars.ContextVar[str] = contextvars.ContextVar("REQUEST_ID", default="none")


async def respond(send: Send, text: str) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": text.encode()})


def test_the_scope_tells_the_request() -> None:
    scopes: list[Scope] = []

    async def keeps(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        scopes.append(scope)
        await respond(send, "")

    with serve(keeps) as served, served.connect() as peer:
        peer.send(get(b"X-Two: a", b"x-two: b", line=b"PUT /a%20b/%D0%B0?q=%20 HTTP/1.1"))
        peer.read_response()
        expected = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": "PUT",
            "scheme": "http",
            "path": "/a b/а",
            "raw_path": b"/a%20b/%D0%B0",
            "query_string": b"q=%20",
            "root_path": "",
            "headers": [(b"host", b"example.org"), (b"x-two", b"a"), (b"x-two", b"b")],
            "client": peer.socket.getsockname(),
            "server": served.address,
            "state": {},
            "extensions": {"http.response.pathsend": {}, "http.response.early_hint": {}, "http.response.trailers": {}},
        }
        assert scopes == [expected]


@pytest.mark.parametrize("body", [b"same", bytearray(b"same"), memoryview(b"same")])
def test_a_body_may_be_any_kind_of_octets(body: Any) -> None:
    async def answers(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})

    with serve(answers) as served, served.connect() as peer:
        peer.send(get())
        assert peer.read_response()[2] == b"same"


@pytest.mark.parametrize("body", ["text", 4, None])
def test_a_body_that_is_no_octets_is_the_application_s_fault(body: Any) -> None:
    async def answers(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})

    with serve(answers) as served, served.connect() as peer:
        peer.send(get())
        assert peer.read_response()[0] == 500


def test_nothing_in_a_scope_is_shared_with_another_request() -> None:
    kept: list[Scope] = []

    async def spoils(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        kept.append({**scope, "headers": list(scope["headers"]), "asgi": dict(scope["asgi"])})
        scope["headers"].clear()
        scope["asgi"].clear()
        scope["state"]["spoilt"] = True
        await respond(send, "")

    with serve(spoils) as served, served.connect() as peer:
        for _ in range(3):
            peer.send(get())
            peer.read_response()
        assert kept[0] == kept[1] == kept[2]


def test_the_lifespans_state_reaches_each_request_as_a_copy() -> None:
    async def counts(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await receive()
            scope["state"].update(pool="open", seen=[])
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
            return
        assert "own" not in scope["state"]
        scope["state"]["own"] = True
        scope["state"]["seen"].append(scope["path"])
        await respond(send, f"{scope['state']['pool']} {len(scope['state']['seen'])}")

    with serve(counts) as served:
        assert [served.ask(get())[2] for _ in range(3)] == [b"open 1", b"open 2", b"open 3"]


def test_what_asyncio_promises_to_a_task_holds() -> None:
    async def child(number: int) -> int:
        await asyncio.sleep(0)
        return number

    async def promises(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        task = asyncio.current_task()
        assert isinstance(task, asyncio.Task)
        assert REQUEST_ID.get() == "none"  # nothing of another request of this connection
        REQUEST_ID.set(scope["path"])
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await asyncio.sleep(10)
        assert task.cancelling() == 0
        async with asyncio.TaskGroup() as group:
            children = [group.create_task(child(number)) for number in range(3)]
        assert [one.result() for one in children] == [0, 1, 2]
        with pytest.raises(ExceptionGroup):
            async with asyncio.TaskGroup() as group:
                group.create_task(asyncio.sleep(10))
                raise LookupError
        assert await asyncio.wait_for(child(7), 10) == 7
        assert tuple(await asyncio.gather(child(1), child(2))) == (1, 2)
        assert await asyncio.to_thread(REQUEST_ID.get) == scope["path"]
        assert asyncio.current_task() is task
        assert task in asyncio.all_tasks()
        assert REQUEST_ID.get() == scope["path"]
        await respond(send, "kept")

    for plain_asyncio in (False, True):
        with serve(promises, plain_asyncio=plain_asyncio) as served, served.connect() as peer:
            for number in range(3):
                peer.send(get(line=b"GET /%d HTTP/1.1" % number))
                assert peer.read_response()[2] == b"kept"
            peer.send(get() + get() + get())
            assert [peer.read_response()[2] for _ in range(3)] == [b"kept"] * 3
            assert served.log.entries == []


def test_timeouts_in_the_very_first_step_work() -> None:  # before the application has ever suspended
    async def waits(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        async with asyncio.timeout(5) as limit:
            await respond(send, "in time")
        assert not limit.expired()

    with serve(waits) as served:
        assert served.ask(get())[2] == b"in time"
        assert served.log.entries == []


def test_an_application_may_cancel_itself_and_others_are_not_harmed() -> None:
    async def cancels(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        if scope["path"] == "/cancel":
            task = asyncio.current_task()
            assert task is not None
            task.cancel()
            await asyncio.sleep(1)
        await respond(send, "fine")

    with serve(cancels) as served:
        assert served.ask(get(line=b"GET /cancel HTTP/1.1"))[0] == 503
        assert served.ask(get())[2] == b"fine"


def test_a_client_that_leaves_is_noticed() -> None:
    seen: list[str] = []

    async def listens(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        while (message := await receive())["type"] == "http.request":
            seen.append("request")
        seen.append(message["type"])
        await asyncio.sleep(0.05)  # the end of input is told first, the loss of the connection then
        try:
            while True:
                await send({"type": "http.response.start", "status": 200, "headers": []})
                for _ in range(100):
                    await send({"type": "http.response.body", "body": b"x" * 65536, "more_body": True})
                    await asyncio.sleep(0)
        except OSError:
            seen.append("OSError")
            raise

    with serve(listens) as served:
        with served.connect() as peer:
            peer.send(get())
            wait_for(lambda: seen == ["request"])
        wait_for(lambda: seen == ["request", "http.disconnect", "OSError"])
        wait_for(lambda: served.server.open_connections == 0)
        assert served.log.entries == []


def test_a_stream_that_ends_because_its_client_left_is_no_fault_of_the_application() -> None:
    async def stream(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"event", "more_body": True})
        assert (await receive())["type"] == "http.disconnect"

    with serve(stream) as served:
        with served.connect() as peer:
            peer.send(get())
            peer.read_until(b"event")
            peer.socket.shutdown(socket.SHUT_WR)
            peer.read_to_end()
        wait_for(lambda: served.server.open_connections == 0)
        assert served.log.entries == []


def test_receive_after_the_response_says_disconnect() -> None:
    seen: list[str] = []

    async def asks(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        await receive()
        waiting = asyncio.ensure_future(receive())
        await asyncio.sleep(0)
        await respond(send, "done")
        seen.append((await waiting)["type"])
        seen.append((await receive())["type"])

    with serve(asks) as served:
        assert served.ask(get())[2] == b"done"
        wait_for(lambda: seen == ["http.disconnect"] * 2)


def test_work_after_the_response_does_not_hold_the_connection() -> None:
    release = threading.Event()
    finished: list[str] = []

    async def works_on(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        await respond(send, scope["path"])
        while not release.is_set():
            await asyncio.sleep(0.01)
        finished.append(scope["path"])

    with serve(works_on) as served, served.connect() as peer:
        for path in (b"/1", b"/2"):
            peer.send(get(line=b"GET " + path + b" HTTP/1.1"))
            assert peer.read_response()[2] == path
        release.set()
        wait_for(lambda: sorted(finished) == ["/1", "/2"])


def test_the_body_comes_in_parts_and_in_order() -> None:
    async def collects(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        parts: list[bytes] = []
        more = True
        while more:
            message = await receive()
            parts.append(message["body"])
            more = message["more_body"]
        await respond(send, f"{len(parts) > 1} {b''.join(parts) == b'0123456789' * 100_000}")

    with serve(collects) as served, served.connect() as peer:
        peer.send(post(b"0123456789" * 100_000, b"Content-Length: 1000000"))
        assert peer.read_response()[2] == b"True True"


# Draining


def test_a_drain_finishes_what_runs_and_says_close() -> None:
    begun, release = threading.Event(), threading.Event()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        begun.set()
        while not release.is_set():
            await asyncio.sleep(0.01)
        await respond(send, "finished")

    with serve(slow) as served, served.connect() as idle, served.connect() as peer:
        wait_for(lambda: served.server.open_connections == 2)
        peer.send(get())
        assert begun.wait(5)
        drained = served.submit(served.server.drain(10))
        assert idle.read_to_end() == b""
        with pytest.raises(OSError):
            served.connect()
        release.set()
        status, fields, body = peer.read_response()
        assert (status, fields["connection"], body) == (200, "close", b"finished")
        assert peer.read_to_end() == b""
        drained.result(20)


def test_a_drain_tells_event_streams_at_once() -> None:
    async def events(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        headers = [(b"content-type", b"text/event-stream; charset=utf-8")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b": hello\n\n", "more_body": True})
        while (await receive())["type"] != "http.disconnect":
            pass
        await send({"type": "http.response.body", "body": b": bye\n\n"})

    with serve(events) as served, served.connect() as peer:
        peer.send(get())
        peer.read_until(b": hello\n\n")
        drained = served.submit(served.server.drain(60))
        assert b": bye" in peer.read_to_end()
        drained.result(20)


def test_a_drain_lets_a_download_of_unknown_length_arrive() -> None:  # Starlette cuts it when it hears of the drain
    release = threading.Event()

    async def rows() -> AsyncIterator[bytes]:
        yield b"first,"
        while not release.is_set():
            await asyncio.sleep(0.005)
        for _ in range(10):
            await asyncio.sleep(0.005)
            yield b"row,"

    async def downloads(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        await StreamingResponse(rows(), media_type="text/csv")(scope, receive, send)

    with serve(downloads) as served, served.connect() as peer, served.connect() as idle:
        wait_for(lambda: served.server.open_connections == 2)
        peer.send(get())
        peer.read_until(b"first,")
        drained = served.submit(served.server.drain(60))
        assert idle.read_to_end() == b""  # what is told at once has been told
        release.set()
        assert peer.read_to_end().endswith(b"4\r\nrow,\r\n" * 10 + b"0\r\n\r\n")
        drained.result(20)
        assert served.log.entries == []


def test_a_drain_tells_other_streams_and_whoever_still_reads_after_half_of_its_time() -> None:
    ends: list[str] = []
    told_at: list[float] = []

    async def waits(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        if scope["path"] == "/stream":
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
            await send({"type": "http.response.body", "body": b"part", "more_body": True})
        while (await receive())["type"] != "http.disconnect":
            pass
        told_at.append(time.monotonic())
        ends.append(scope["path"])
        if scope["path"] == "/stream":
            await send({"type": "http.response.body", "body": b"bye"})

    lines = (b"GET /stream HTTP/1.1", b"GET /poll HTTP/1.1")
    with serve(waits) as served, served.connect() as stream, served.connect() as poll:
        for peer, line in zip((stream, poll), lines, strict=True):
            peer.send(get(line=line))
        with served.connect() as upload:
            upload.send(post(b"half", b"Content-Length: 10"))
            wait_for(lambda: served.server.requests_served == 3)
            began = time.monotonic()
            drained = served.submit(served.server.drain(1.0))
            assert stream.read_to_end().endswith(b"3\r\nbye\r\n0\r\n\r\n")
            assert poll.read_to_end().startswith(b"HTTP/1.1 503 ")
            assert upload.read_to_end().startswith(b"HTTP/1.1 503 ")
            drained.result(20)
        assert sorted(ends) == ["/", "/poll", "/stream"]
        assert min(told_at) - began >= 0.5
        assert served.log.entries == []


def test_a_drain_lets_a_file_that_is_on_its_way_arrive(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"a" * 20_000_000)

    async def sends(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.pathsend", "path": str(path)})

    with serve(sends) as served, served.connect() as peer:
        peer.send(get())
        peer.received += peer.socket.recv(1000)
        drained = served.submit(served.server.drain(20))
        assert len(peer.read_response()[2]) == 20_000_000
        assert peer.read_to_end() == b""
        drained.result(20)


def test_a_drain_cancels_what_is_left_at_its_deadline() -> None:
    ends: list[str] = []

    async def endless(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        try:
            await asyncio.sleep(1000)
        except asyncio.CancelledError:
            ends.append("cancelled")
            raise

    with serve(endless) as served, served.connect() as peer:
        peer.send(get())
        wait_for(lambda: served.server.requests_served == 1)
        served.submit(served.server.drain(0.1)).result(20)
        assert ends == ["cancelled"]
        assert peer.read_to_end().startswith(b"HTTP/1.1 503 ")


@pytest.mark.parametrize("whole", [True, False])
def test_an_application_begins_when_a_body_that_came_with_its_head_is_there(whole: bool) -> None:
    at_once: list[bool] = []

    async def echoes(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        first = receive()
        try:
            first.send(None)  # type: ignore[attr-defined]  # a coroutine
            at_once.append(False)
            first.close()  # type: ignore[attr-defined]
            message = await receive()
        except StopIteration as done:
            at_once.append(True)
            message = done.value
        await respond(send, message["body"].decode())

    with serve(echoes) as served, served.connect() as peer:
        octets = get(b"Content-Length: 5", line=b"POST / HTTP/1.1") + b"hello"
        if whole:
            peer.send(octets + get(line=b"GET /next HTTP/1.1"))
        else:
            peer.send(octets[:-5])
            wait_for(lambda: at_once)
            peer.send(octets[-5:])
        assert peer.read_response()[2] == b"hello"
        if whole:
            assert peer.read_response()[2] == b""  # what was pipelined after the body
        assert at_once[0] is whole


# Frameworks


def test_starlette_and_fastapi_run_unchanged() -> None:
    from collections.abc import AsyncIterator
    from contextlib import asynccontextmanager

    import httpx
    from fastapi import FastAPI, WebSocket
    from pydantic import BaseModel
    from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
    from starlette.requests import Request
    from starlette.responses import Response, StreamingResponse
    from websockets.sync.client import connect

    class Item(BaseModel):
        name: str

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[dict[str, Any]]:
        yield {"pool": "open"}

    application = FastAPI(lifespan=lifespan)

    class Marks(BaseHTTPMiddleware):
        async def dispatch(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
            response = await call_next(request)
            response.headers["x-marked"] = request.state.pool
            return response

    application.add_middleware(Marks)

    @application.post("/items")
    async def create(item: Item) -> Item:
        return item

    @application.get("/threads")
    def in_thread() -> dict[str, str]:
        return {"thread": threading.current_thread().name}

    @application.get("/stream")
    async def stream() -> StreamingResponse:
        async def parts() -> AsyncIterator[bytes]:
            for number in range(5):
                yield b"%d" % number
                await asyncio.sleep(0)

        return StreamingResponse(parts())

    @application.get("/fail")
    async def fail() -> None:
        raise LookupError("broken")

    @application.websocket("/socket")
    async def socket(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_json({"got": await websocket.receive_text()})

    with serve(application) as served:
        with httpx.Client(base_url=served.url) as client:
            for _ in range(2):
                answer = client.post("/items", json={"name": "чай"})
                assert (answer.status_code, answer.json()) == (200, {"name": "чай"})
                assert answer.headers["x-marked"] == "open"
                assert client.post("/items", json={}).status_code == 422
                assert client.get("/threads").status_code == 200
                assert client.get("/stream").text == "01234"
                assert client.get("/fail").status_code == 500
                assert client.get("/nowhere").status_code == 404
        with connect(f"ws://127.0.0.1:{served.address[1]}/socket") as websocket:
            websocket.send("hi")
            assert websocket.recv(timeout=5) == '{"got":"hi"}'
        assert [fields["target"] for _, _, fields in served.log.entries] == ["/fail"] * 2


@pytest.mark.parametrize("request_line", [b"HEAD / HTTP/1.1", b"GET / HTTP/1.1"])
def test_a_stream_of_nothing_without_end_leaves_others_their_turn(request_line: bytes) -> None:
    async def streams(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        if scope["path"] == "/other":
            await respond(send, "served")
            return
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while True:
            await send(
                {"type": "http.response.body", "body": b"x" if scope["method"] == "HEAD" else b"", "more_body": True}
            )

    with serve(streams) as served:
        with served.connect() as endless:
            endless.send(get(line=request_line))
            with served.connect() as other:
                other.send(get(line=b"GET /other HTTP/1.1"))
                assert other.read_response()[2] == b"served"
        with served.connect() as other:  # and the one that left was noticed: its send raises
            other.send(get(line=b"GET /other HTTP/1.1"))
            assert other.read_response()[2] == b"served"
