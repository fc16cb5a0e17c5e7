"""What asyncio, anyio and contextvars promise to a Task holds for a request, before and after it first suspends.

The first step of a request runs at once, in the turn of the loop in which its octets came (`bridges/starting.py`).
Nobody may be able to tell.
"""

import asyncio
import contextvars
from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from typing import Final

import anyio
import anyio.to_thread
import pytest

from fixtures.requests import get
from fixtures.serving import serve
from veche.asgi import Receive, Scope, Send

OWN: contextvars.ContextVar[str] = contextvars.ContextVar("OWN", default="nobody's")


def own_task() -> "asyncio.Task[object]":
    task = asyncio.current_task()
    assert task is not None
    return task


async def after(seconds: float, result: int) -> int:
    await asyncio.sleep(seconds)
    return result


async def the_current_task_is_one_and_real() -> None:
    task = own_task()
    assert type(task) is asyncio.Task
    await asyncio.sleep(0)
    assert own_task() is task
    await asyncio.sleep(0.001)
    assert own_task() is task
    assert task.get_coro() is not None
    assert not task.done()


async def it_is_among_all_tasks() -> None:
    assert own_task() in asyncio.all_tasks()
    await asyncio.sleep(0)
    assert own_task() in asyncio.all_tasks()


async def a_timeout_expires() -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.005):
            await asyncio.sleep(10)
    assert own_task().cancelling() == 0
    await asyncio.sleep(0)


async def a_timeout_of_nothing_expires() -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await asyncio.sleep(10)


async def a_timeout_that_is_not_needed_does_nothing() -> None:
    async with asyncio.timeout(10) as limit:
        await asyncio.sleep(0)
    assert not limit.expired()


async def timeouts_nest() -> None:
    async with asyncio.timeout(10):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.005):
                await asyncio.sleep(10)
        await asyncio.sleep(0)


async def a_group_of_tasks_ends_together() -> None:
    async with asyncio.TaskGroup() as group:
        children = [group.create_task(after(0, number)) for number in range(3)]
    assert [child.result() for child in children] == [0, 1, 2]


async def a_group_without_suspension_ends() -> None:
    async with asyncio.TaskGroup():
        pass


async def a_failing_child_ends_its_group() -> None:
    async def fails() -> None:
        raise LookupError

    with pytest.raises(ExceptionGroup) as raised:
        async with asyncio.TaskGroup() as group:
            group.create_task(fails())
            waiting = group.create_task(asyncio.sleep(10))
    assert raised.group_contains(LookupError)
    assert waiting.cancelled()


async def a_failing_body_ends_its_group() -> None:
    with pytest.raises(ExceptionGroup):
        async with asyncio.TaskGroup() as group:
            group.create_task(asyncio.sleep(10))
            raise LookupError


async def anyio_s_group_ends_together() -> None:
    seen: list[int] = []

    async def child(number: int) -> None:
        await anyio.sleep(0)
        seen.append(number)

    async with anyio.create_task_group() as group:
        group.start_soon(child, 1)
        group.start_soon(child, 2)
    assert sorted(seen) == [1, 2]


async def anyio_s_group_can_be_cancelled() -> None:
    async with anyio.create_task_group() as group:
        group.start_soon(anyio.sleep, 10)
        group.cancel_scope.cancel()
    assert group.cancel_scope.cancel_called
    await asyncio.sleep(0)


async def anyio_moves_on() -> None:
    with anyio.move_on_after(0.005) as scope:
        await anyio.sleep(10)
    assert scope.cancelled_caught
    with pytest.raises(TimeoutError), anyio.fail_after(0.005):
        await anyio.sleep(10)


async def anyio_runs_in_a_thread() -> None:
    OWN.set("here")
    assert await anyio.to_thread.run_sync(OWN.get) == "here"


async def anyio_s_task_is_one() -> None:
    task = anyio.get_current_task()
    await anyio.sleep(0)
    assert anyio.get_current_task() == task
    assert task.id == id(own_task())


async def a_thread_sees_the_context() -> None:
    OWN.set("here")
    assert await asyncio.to_thread(OWN.get) == "here"


async def a_child_sees_the_context_and_keeps_its_own() -> None:
    async def child() -> str:
        seen = OWN.get()
        OWN.set("child's")
        return seen

    OWN.set("parent's")
    assert await asyncio.create_task(child()) == "parent's"
    assert OWN.get() == "parent's"


async def the_context_lasts_over_suspensions() -> None:
    token = OWN.set("mine")
    await asyncio.sleep(0)
    await asyncio.sleep(0.001)
    assert OWN.get() == "mine"
    OWN.reset(token)
    assert OWN.get() == "nobody's"


async def a_context_manager_may_be_left_after_a_suspension() -> None:
    context = contextvars.copy_context()
    context.run(OWN.set, "elsewhere")
    assert OWN.get() == "nobody's"


async def it_may_cancel_itself_and_go_on() -> None:
    own_task().cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.sleep(10)
    own_task().uncancel()
    await asyncio.sleep(0)


async def waiting_for_something_has_an_end() -> None:
    assert await asyncio.wait_for(after(0, 7), 10) == 7
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(after(10, 7), 0.005)


async def gathering_works() -> None:
    assert list(await asyncio.gather(after(0.001, 1), after(0, 2))) == [1, 2]


async def a_shield_and_a_queue_work() -> None:
    queue: asyncio.Queue[int] = asyncio.Queue()

    async def put() -> None:
        await asyncio.sleep(0)
        await queue.put(7)

    putting = asyncio.ensure_future(put())
    assert await asyncio.shield(queue.get()) == 7
    await putting


async def locks_and_events_work() -> None:
    lock, event = asyncio.Lock(), asyncio.Event()
    asyncio.get_running_loop().call_soon(event.set)
    async with lock:
        await event.wait()
    assert not lock.locked()


async def an_asynchronous_generator_works() -> None:
    async def numbers() -> AsyncIterator[int]:
        for number in range(3):
            await asyncio.sleep(0)
            yield number

    assert [number async for number in numbers()] == [0, 1, 2]


async def a_bare_yield_gives_others_a_turn() -> None:
    class Bare:
        def __await__(self) -> Generator[None, None, None]:
            yield

    seen: list[int] = []
    asyncio.get_running_loop().call_soon(seen.append, 1)
    await Bare()
    assert seen == [1]


async def done_callbacks_are_called() -> None:
    child = asyncio.create_task(after(0, 7))
    seen: list[int] = []
    child.add_done_callback(lambda task: seen.append(task.result()))
    await child
    await asyncio.sleep(0)
    assert seen == [7]


async def the_running_loop_is_the_task_s() -> None:
    loop = asyncio.get_running_loop()
    assert own_task().get_loop() is loop
    future = loop.create_future()
    loop.call_soon(future.set_result, 7)
    assert await future == 7


CHECKS: Final[list[Callable[[], Awaitable[None]]]] = [
    the_current_task_is_one_and_real,
    it_is_among_all_tasks,
    a_timeout_expires,
    a_timeout_of_nothing_expires,
    a_timeout_that_is_not_needed_does_nothing,
    timeouts_nest,
    a_group_of_tasks_ends_together,
    a_group_without_suspension_ends,
    a_failing_child_ends_its_group,
    a_failing_body_ends_its_group,
    anyio_s_group_ends_together,
    anyio_s_group_can_be_cancelled,
    anyio_moves_on,
    anyio_runs_in_a_thread,
    anyio_s_task_is_one,
    a_thread_sees_the_context,
    a_child_sees_the_context_and_keeps_its_own,
    the_context_lasts_over_suspensions,
    a_context_manager_may_be_left_after_a_suspension,
    it_may_cancel_itself_and_go_on,
    waiting_for_something_has_an_end,
    gathering_works,
    a_shield_and_a_queue_work,
    locks_and_events_work,
    an_asynchronous_generator_works,
    a_bare_yield_gives_others_a_turn,
    done_callbacks_are_called,
    the_running_loop_is_the_task_s,
]


@pytest.mark.parametrize("plain_asyncio", [False, True], ids=["uvloop", "asyncio"])
def test_what_is_promised_to_a_task_holds_before_and_after_it_suspends(plain_asyncio: bool) -> None:
    checks = {f"/{check.__name__}": check for check in CHECKS}

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        assert OWN.get() == "nobody's"  # no other request's, though the connection is the same
        if scope["query_string"] == b"suspended":
            await asyncio.sleep(0)
        await checks[scope["path"]]()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"held"})

    with serve(application, plain_asyncio=plain_asyncio) as served, served.connect() as peer:
        for path in checks:
            for query in ("", "?suspended"):
                peer.send(get(line=f"GET {path}{query} HTTP/1.1".encode()))
                assert (path, query, peer.read_response()[2]) == (path, query, b"held")
        lines = [f"GET {path} HTTP/1.1".encode() for path in checks]
        peer.send(b"".join(get(line=line) for line in lines))  # pipelined: each starts when the one before has ended
        assert [peer.read_response()[2] for _ in lines] == [b"held"] * len(lines)
        assert served.log.entries == []


@pytest.mark.parametrize("suspended", [False, True])
def test_an_exception_before_and_after_the_first_suspension_is_a_500(suspended: bool) -> None:
    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        if suspended:
            await asyncio.sleep(0)
        raise LookupError("broken")

    with serve(application) as served, served.connect() as peer:
        for _ in range(2):
            peer.send(get())
            assert peer.read_response()[0] == 500
        assert len(served.log.entries) == 2


@pytest.mark.parametrize("suspended", [False, True])
def test_what_a_request_leaves_running_goes_on(suspended: bool) -> None:
    left: list[str] = []

    async def later(word: str) -> None:
        await asyncio.sleep(0.01)
        left.append(word)

    kept: set[asyncio.Task[None]] = set()

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        if scope["path"] == "/left":
            while not left:
                await asyncio.sleep(0.005)
        else:
            if suspended:
                await asyncio.sleep(0)
            kept.add(asyncio.create_task(later("done")))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"".join(word.encode() for word in left)})

    with serve(application) as served:
        assert served.ask(get())[2] == b""
        assert served.ask(get(line=b"GET /left HTTP/1.1"))[2] == b"done"
