"""`./bench nanoseconds`: what a request and each of its steps cost in this process, without sockets.

The minimum of many short repeats, so that it can be measured on a machine that others use. A row with "+" is the
difference that one feature makes to a whole request. The budgets are ours to keep (docs/benchmarks.md); no test
fails for a number.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benchmarks.applications import echo_asgi, hello_asgi, stream_asgi
from benchmarks.hot_path import BROWSERS, CONNECTIONS, SMALL, Worker, outside_of_tasks, worker
from benchmarks.report import aligned, model_name
from veche.server.bridges.asgi_extensions import HTTP_EXTENSIONS
from veche.wire.h1 import FieldLines, RequestHead, ResponseWriter

BENCHMARK = "nanoseconds"
ECHO = b"POST / HTTP/1.1\r\nHost: 127.0.0.1:8000\r\nContent-Length: 10240\r\n\r\n" + b"x" * 10_240
FIELDS = [(b"content-type", b"text/plain"), (b"content-length", b"13")]
DATE = b"date: Fri, 20 Nov 2026 12:00:00 GMT\r\n"


@dataclass(frozen=True, slots=True)
class Row:
    """One line: what, how many nanoseconds it may cost on the machine of docs/benchmarks.md, and how to do it once."""

    what: str
    budget: int
    call: Callable[[], object]
    times: int = 1000
    per: int = 1  # how often one call does it
    minus: Callable[[], object] | None = None  # the same without the feature


def nanoseconds(call: Callable[[], object], *, repeats: int, times: int) -> float:
    """The least nanoseconds that one call took, over `repeats` runs of `times` calls."""
    best = sys.maxsize
    counter = range(times)
    for _ in range(repeats):
        began = time.perf_counter_ns()
        for _ in counter:
            call()
        best = min(best, time.perf_counter_ns() - began)
    return best / times


def whole(what: str, budget: int, turn: Callable[[], None], minus: Callable[[], None] | None = None) -> Row:
    return Row(what, budget, turn, times=2, per=CONNECTIONS, minus=minus)


async def rows() -> list[Row]:
    """All of them."""
    plain = await worker(hello_asgi)
    small = plain.turn(SMALL)
    return [
        whole("ASGI hello, small request", 8000, small),
        whole("ASGI hello, a browser's 16 fields", 11_500, plain.turn(BROWSERS)),
        whole("ASGI hello, 16 fields, new path and cookie", 16_000, plain.varied_turn()),
        whole("ASGI echo of 10 KB", 13_500, (await worker(echo_asgi)).turn(ECHO)),
        whole("ASGI stream of 16 parts", 33_000, (await worker(stream_asgi)).turn(SMALL)),
        *_features(small, await worker(hello_asgi, access_log=True, access_log_file="/dev/null")),
        *_steps(plain),
    ]


def _features(small: Callable[[], None], logged: Worker) -> list[Row]:
    return [
        whole("+ access log on", 2500, logged.turn(SMALL), minus=small),
    ]


def _steps(plain: Worker) -> list[Row]:
    service = plain.service
    assert service is not None
    bridge: Any = service.bridge
    parser, board = service.head_parser, service.board
    head = parser.parse(SMALL)
    peer = plain.connections[0].peer_label
    exchange = bridge.open_exchange(plain.connections[0], head)
    return [
        Row("  parse the head, small", 700, lambda: parser.parse(SMALL)),
        Row("  parse the head, browser", 3100, lambda: parser.parse(BROWSERS)),
        Row("  scoreboard: enter and leave", 280, lambda: board.leave(board.enter(head.line.label, peer))),
        Row("  exchange made", 300, lambda: bridge.open_exchange(plain.connections[0], head)),
        Row("  scope made", 800, exchange.scope),
        Row("  of it: the names of the extensions", 80, HTTP_EXTENSIONS.copy),
        Row("  Task made and run", 1100, lambda: bridge.start_task(_nothing())),
        Row("  response: head and body", 1500, _response(head)),
        Row("  the application itself", 900, _application),
    ]


async def _nothing() -> None:
    pass


async def _swallow(message: Any) -> None:
    pass


def _application() -> None:
    try:
        hello_asgi({"type": "http"}, None, _swallow).send(None)
    except StopIteration:
        pass


def _response(head: RequestHead) -> Callable[[], bytes]:
    writer = ResponseWriter(head, FieldLines(), keep_alive=True)  # a connection has one for all its requests

    def respond() -> bytes:
        writer.begin(head, True)  # noqa: FBT003  # as the connection calls both
        writer.start(200, FIELDS)
        return writer.body(b"Hello, world!", False, DATE)  # noqa: FBT003

    return respond


def measure(rows: list[Row], repeats: int) -> list[tuple[str, ...]]:
    """Time every row, several times around, so that a loud moment does not fall on one row alone."""
    best: dict[str, float] = {}
    without: dict[str, float] = {}
    for _ in range(4):
        for row in rows:
            best[row.what] = min(best.get(row.what, sys.maxsize), _per_time(row, row.call, repeats))
            if row.minus is not None:
                without[row.what] = min(without.get(row.what, sys.maxsize), _per_time(row, row.minus, repeats))
    best.update({what: best[what] - took for what, took in without.items()})
    return [(row.what, f"{best[row.what]:,.0f}", f"{row.budget:,}") for row in rows]


def _per_time(row: Row, call: Callable[[], object], repeats: int) -> float:
    """A whole turn of many connections is long: it is repeated more often, fewer times in a run."""
    return nanoseconds(call, repeats=repeats * (8 if row.per > 1 else 1), times=row.times) / row.per


async def main(repeats: int) -> None:
    """Print the table."""
    all_rows = await rows()
    lines = await outside_of_tasks(lambda: measure(all_rows, repeats))
    print(f"Python {sys.version.split()[0]}; {model_name()}\n")
    print("\n".join(aligned([("nanoseconds", "measured", "budget"), *lines])))


if __name__ == "__main__":
    import uvloop

    parser = argparse.ArgumentParser(prog="./bench nanoseconds", description=__doc__)
    parser.add_argument("--repeats", type=int, default=25, help="repeats of each step (default 25)")
    options = parser.parse_args()
    if sys.version_info >= (3, 12):
        uvloop.run(main(options.repeats))
    else:
        asyncio.Runner(loop_factory=uvloop.new_event_loop).run(main(options.repeats))
