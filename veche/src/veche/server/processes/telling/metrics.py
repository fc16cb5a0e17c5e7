"""Metrics for Prometheus (text exposition format 0.0.4), told by the master from the scoreboard.

One job: from counters to text, and from a scraper's request to a response.
Must not know: sockets, how workers are started and ended.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from veche.server.processes.telling.status import ServerStatus
from veche.server.scoreboard.counters import DURATION_BOUNDS_SECONDS, Counter
from veche.server.scoreboard.handshakes import WORDS

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
END_OF_HEAD: Final = b"\r\n\r\n"

Sample = tuple[str, str, float]  # what follows the name, labels, value

TOTALS: Final = (
    ("connections_total", Counter.CONNECTIONS, "Connections accepted."),
    (
        "refused_connections_total",
        Counter.REFUSED_CONNECTIONS,
        "Connections closed at once because their address had connections_per_address.",
    ),
    ("silent_clients_total", Counter.SILENT_CLIENTS, "Clients let go because they did not send a request in time."),
    (
        "requests_overdue_total",
        Counter.OVERDUE,
        "Requests and WebSocket handshakes that ran over their time: answered 504.",
    ),
    ("threads_lost_total", Counter.THREADS_EVER_LOST, "Threads given up because their request ran over its time."),
    ("accept_pauses_total", Counter.ACCEPT_PAUSES, "How often a worker stopped accepting, its end included."),
    ("request_body_bytes_total", Counter.OCTETS_IN, "Octets of request bodies."),
    ("response_body_bytes_total", Counter.OCTETS_OUT, "Octets of response bodies."),
)


def metrics_text(server: ServerStatus, totals: list[int], starts: int, ends: Mapping[str, int]) -> str:
    """All of them. totals: of all workers, those that have ended included. ends: by the word of their verdict."""
    return "".join(line + "\n" for line in _lines(server, totals, starts, ends))


def _lines(server: ServerStatus, totals: list[int], starts: int, ends: Mapping[str, int]) -> Iterator[str]:
    classes = [(f"{number}xx", totals[Counter.RESPONSES_1XX + number - 1]) for number in range(1, 6)]
    by_class = (("", f'status="{name}"', count) for name, count in classes)
    yield from _metric("requests_total", "counter", "Requests answered, by class of status.", by_class)
    yield from _metric(
        "request_duration_seconds",
        "histogram",
        "From the whole request to the whole answer, as the application gave it.",
        _histogram(totals),
    )
    queue = totals[Counter.QUEUE_MICROSECONDS] / 1e6
    yield from _total("request_queue_seconds_total", "Time that requests have waited for the application.", queue)
    for name, counter, words in TOTALS:
        yield from _total(name, words, totals[counter])
    yield from _metric(
        "handshakes_failed_total",
        "counter",
        "Connections that ended in their TLS handshake or PROXY header, by reason.",
        _handshakes(totals),
    )
    yield from _total("worker_starts_total", "Workers started.", starts)
    by_verdict = (("", f'verdict="{verdict}"', count) for verdict, count in sorted(ends.items()))
    yield from _metric("worker_ends_total", "counter", "Workers that have ended, by verdict.", by_verdict)
    yield from _workers(server)


def _workers(server: ServerStatus) -> Iterator[str]:
    states = dict.fromkeys(("starting", "serving", "stopping"), 0)
    for worker in server.workers:
        states[worker.state] = states.get(worker.state, 0) + 1
    by_state = (("", f'state="{state}"', count) for state, count in states.items())
    yield from _metric("workers", "gauge", "Workers, by state.", by_state)
    gauges = (
        ("connections", "Open connections.", [worker.connections for worker in server.workers]),
        ("websockets", "Open WebSockets.", [worker.websockets for worker in server.workers]),
        ("requests_in_flight", "Requests in the application.", [worker.running for worker in server.workers]),
        (
            "threads_lost",
            "Threads that hang in a request whose time is over.",
            [worker.threads_lost for worker in server.workers],
        ),
        (
            "resident_memory_bytes",
            "Memory that the worker holds.",
            [worker.resident_octets for worker in server.workers],
        ),
        (
            "loop_silence_seconds",
            "Since the worker's event loop turned last; over 2 it is blocked.",
            [worker.beat_seconds or 0.0 for worker in server.workers],
        ),
    )
    for name, words, values in gauges:
        # By place, not by number: numbers only grow, and each would be a series for ever.
        labelled = ((f'place="{worker.place}"', value) for worker, value in zip(server.workers, values, strict=True))
        yield from _metric(f"worker_{name}", "gauge", words, (("", labels, value) for labels, value in labelled))


def _handshakes(totals: list[int]) -> Iterator[Sample]:
    first = int(Counter.HANDSHAKES_FAILED)
    for failure, words in WORDS.items():
        yield "", f'handshake="{words.handshake}",reason="{words.reason}"', totals[first + failure]


def _histogram(totals: list[int]) -> Iterator[Sample]:
    cumulated = 0
    first = int(Counter.DURATION_BUCKETS)
    for bound, count in zip(DURATION_BOUNDS_SECONDS, totals[first:], strict=False):
        cumulated += count
        yield "_bucket", f'le="{bound:g}"', cumulated
    cumulated += totals[first + len(DURATION_BOUNDS_SECONDS)]
    yield "_bucket", 'le="+Inf"', cumulated
    yield "_sum", "", totals[Counter.DURATION_MICROSECONDS] / 1e6
    yield "_count", "", cumulated


def _total(name: str, words: str, value: float) -> Iterator[str]:
    yield from _metric(name, "counter", words, (("", "", value),))


def _metric(name: str, kind: str, words: str, samples: Iterable[Sample]) -> Iterator[str]:
    yield f"# HELP veche_{name} {words}"
    yield f"# TYPE veche_{name} {kind}"
    for suffix, labels, value in samples:
        braces = f"{{{labels}}}" if labels else ""
        number = f"{value:.9g}" if isinstance(value, float) else str(value)
        yield f"veche_{name}{suffix}{braces} {number}"


def respond(question: bytes, text: str) -> bytes:
    """The HTTP/1.1 response to a scraper's request: /metrics, for GET and HEAD; it ends the connection."""
    words = question.partition(b"\r\n")[0].split(b" ")
    if len(words) != 3 or not words[2].startswith(b"HTTP/1."):
        return _response("400 Bad Request", "text/plain", "this is HTTP/1.1\n")
    if words[0] not in (b"GET", b"HEAD"):
        return _response("405 Method Not Allowed", "text/plain", "only GET and HEAD\n", "allow: GET, HEAD\r\n")
    if words[1].partition(b"?")[0] != b"/metrics":
        return _response("404 Not Found", "text/plain", "there is only /metrics\n")
    response = _response("200 OK", CONTENT_TYPE, text)
    return response.partition(END_OF_HEAD)[0] + END_OF_HEAD if words[0] == b"HEAD" else response


def _response(status: str, content_type: str, text: str, fields: str = "") -> bytes:
    body = text.encode()
    head = f"HTTP/1.1 {status}\r\ncontent-type: {content_type}\r\ncontent-length: {len(body)}\r\n{fields}"
    return f"{head}connection: close\r\n\r\n".encode() + body
