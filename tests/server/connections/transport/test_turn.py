"""What connections write in one turn of the loop leaves at its end, in order, and without holding anybody up."""

import asyncio
from collections.abc import Callable
from typing import Any

from fixtures.serving import serve
from veche.server.connections.transport.turn import DIRECT_WRITES, SLOW_ANSWER_SECONDS, Turn

REQUEST = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"


class Kept:
    """A writer that remembers when it was asked to write."""

    def __init__(self, log: list[str], name: str) -> None:
        self._log, self._name = log, name

    def write_out(self) -> None:
        self._log.append(self._name)


def in_a_loop(use: Callable[[Turn, list[str]], None]) -> tuple[Turn, list[str]]:
    """Call `use` in one turn of a loop and let that turn end."""

    async def run() -> tuple[Turn, list[str]]:
        turn, log = Turn(asyncio.get_running_loop()), []  # type: tuple[Turn, list[str]]
        use(turn, log)
        assert log == []  # nothing before the end of the turn
        await asyncio.sleep(0)
        return turn, log

    return asyncio.run(run())


def test_all_that_wait_are_written_out_when_the_turn_ends_in_order() -> None:
    def use(turn: Turn, log: list[str]) -> None:
        turn.begin(Kept(log, "a"))
        turn._began += 60.0  # a quick turn, however long the machine lets it wait
        turn.waiting.append(Kept(log, "b"))

    turn, log = in_a_loop(use)
    assert log == ["a", "b"]
    assert turn.waiting == []
    assert turn.direct == 0  # they come together: the next ones wait for each other too


def test_who_was_alone_in_a_turn_does_not_wait_the_next_times() -> None:
    turn, _ = in_a_loop(lambda turn, log: turn.begin(Kept(log, "a")))
    assert turn.direct == DIRECT_WRITES


def test_slow_answers_do_not_wait_for_each_other() -> None:
    def use(turn: Turn, log: list[str]) -> None:
        turn.begin(Kept(log, "a"))
        turn._began -= 3 * SLOW_ANSWER_SECONDS  # the application's work, which blocks the loop
        turn.waiting.append(Kept(log, "b"))

    turn, _ = in_a_loop(use)
    assert turn.direct == DIRECT_WRITES


async def parts(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"160")]})
    for number in range(16):
        await send({"type": "http.response.body", "body": b"%010d" % number, "more_body": number < 15})


def test_the_parts_of_a_body_and_pipelined_answers_keep_their_order() -> None:
    whole = b"".join(b"%010d" % number for number in range(16))
    with serve(parts) as served, served.connect() as peer:
        peer.send(REQUEST * 5)
        for _ in range(5):
            assert peer.read_response()[2] == whole


def test_a_body_longer_than_the_buffer_is_not_kept_until_the_turn_ends() -> None:
    written: list[int] = []

    async def long(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(20):
            await send({"type": "http.response.body", "body": b"x" * 1000, "more_body": True})
            written.append(send.__self__._outlet._unsent_octets)
        await send({"type": "http.response.body"})

    with serve(long, write_buffer_octets=4000) as served:
        assert len(served.ask(REQUEST)[2]) == 20_000
    assert max(written) < 4000 + 2000
