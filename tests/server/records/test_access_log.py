"""The access log: one line for each request, nothing forged, nothing blocking, its time split."""

import asyncio
import re
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fixtures.http2 import GET, OPENING, headers
from fixtures.requests import get
from fixtures.serving import logged_requests, serve, wait_for
from fixtures.watching import watched
from veche.asgi import Receive, Scope, Send
from veche.server.connections.http1 import Http1Connection
from veche.server.errors import ServerError
from veche.server.records import AccessLog, FinishedRequest
from veche.server.records.formats import FORMATS, combined_line, json_line, text_line
from veche.server.scoreboard import Counter
from veche.wire.h1 import HeadParser

NOW = 1_795_000_000.25  # 2026-11-18T11:06:40.250Z
SLOW_SECONDS = 0.2
SLOW_MILLISECONDS = SLOW_SECONDS * 1000 - 1  # a loop's timers count whole ones


def finished(head: bytes = b"GET /a?b=c HTTP/1.1\r\nHost: h\r\n\r\n", **changes: Any) -> FinishedRequest:
    parsed = HeadParser(limit_fields=100).parse(head)
    request = FinishedRequest(
        line=parsed.line,
        fields=parsed.fields,
        client=("192.0.2.7", 50_000),
        scheme="https",
        status=200,
        octets_in=3,
        octets_out=13,
        arrived=1.0,
        whole=1.010,
        began=1.030,
        answered=1.060,
        written=1.100,
    )
    for name, value in changes.items():
        setattr(request, name, value)
    return request


async def hello(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] != "http":
        raise NotImplementedError
    if scope["path"] == "/fail":
        raise LookupError
    if scope["path"] == "/slow":
        await asyncio.sleep(SLOW_SECONDS)
    while (message := await receive()).get("more_body"):
        pass
    while scope["path"] == "/until-it-leaves" and message["type"] != "http.disconnect":
        message = await receive()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
    await send({"type": "http.response.body", "body": b"hello"})


def test_each_request_is_one_line_with_octets_and_client(tmp_path: Path) -> None:
    file = tmp_path / "access.log"
    with serve(hello, access_log=True, access_log_file=str(file), access_log_format="json") as served:
        with served.connect() as peer:
            peer.send(get(b"Content-Length: 3", line=b"POST /a?b=c HTTP/1.1") + b"abc")
            peer.read_response()
            peer.send(get(line=b"GET /fail HTTP/1.1"))
            peer.read_response()
            peer.send(b"BAD\r\n\r\n")
            peer.read_response()
        entries = logged_requests(file, 3)
        told = [(one["method"], one["target"], one["status"], one["octets_in"], one["octets_out"]) for one in entries]
        assert told[:2] == [("POST", "/a?b=c", 200, 3, 5), ("GET", "/fail", 500, 0, 22)]
        assert told[2][:3] == ("-", "-", 400)
        assert entries[0]["client"].startswith("127.0.0.1:")
        assert (entries[0]["http"], entries[0]["scheme"]) == ("1.1", "http")


def test_the_time_in_the_application_and_in_reading_are_told_apart(tmp_path: Path) -> None:
    file = tmp_path / "access.log"
    with serve(hello, access_log=True, access_log_file=str(file), access_log_format="json") as served:
        with served.connect() as peer:
            peer.send(get(line=b"GET /slow HTTP/1.1"))
            peer.read_response()
            octets = get(line=b"GET /read HTTP/1.1")
            peer.send(octets[:10])
            time.sleep(SLOW_SECONDS)  # the peer's slowness is what is measured
            peer.send(octets[10:])
            peer.read_response()
        slow, read = logged_requests(file, 2)
        assert slow["application_milliseconds"] >= SLOW_MILLISECONDS > slow["read_milliseconds"]
        assert read["read_milliseconds"] >= SLOW_MILLISECONDS / 2 > read["application_milliseconds"]


@pytest.mark.parametrize(("octets", "status"), [(b"GET / HT", 408), (b"BAD\r\n\r\n", 400)])
def test_a_head_that_was_refused_has_only_been_read(octets: bytes, status: int, tmp_path: Path) -> None:
    file = tmp_path / "access.log"
    settings: dict[str, Any] = {"access_log": True, "access_log_file": str(file), "access_log_format": "json"}
    with watched(hello, head_timeout_seconds=0.5, metrics_bind="127.0.0.1:0", **settings) as server:
        with server.served.connect() as peer:
            peer.send(octets)
            assert peer.read_response()[0] == status
        (entry,) = logged_requests(file, 1)
        assert (entry["status"], entry["queue_milliseconds"], entry["application_milliseconds"]) == (status, 0, 0)
        assert entry["read_milliseconds"] >= (499 if status == 408 else 0)
        totals = server.place.counters()
        assert totals[Counter.QUEUE_MICROSECONDS] == totals[Counter.DURATION_MICROSECONDS] == 0
        assert totals[Counter.RESPONSES_4XX] == 1


def test_a_refused_head_of_http_2_has_only_been_read_too(tmp_path: Path) -> None:
    file = tmp_path / "access.log"
    with serve(hello, access_log=True, access_log_file=str(file), access_log_format="json") as served:
        with served.connect() as peer:
            peer.send(OPENING + headers(1, [*GET, *[("a", "b")] * 101]))  # one more than head_limit_fields
            (entry,) = logged_requests(file, 1)
        assert (entry["status"], entry["queue_milliseconds"], entry["application_milliseconds"]) == (431, 0, 0)


def test_a_pipelined_request_waits_in_the_queue(tmp_path: Path) -> None:
    file = tmp_path / "access.log"
    with serve(hello, access_log=True, access_log_file=str(file), access_log_format="json") as served:
        with served.connect() as peer:
            peer.send(get(line=b"GET /slow HTTP/1.1") + get(line=b"GET /second HTTP/1.1"))
            peer.read_response()
            peer.read_response()
        _, second = logged_requests(file, 2)
        assert second["target"] == "/second"
        assert second["queue_milliseconds"] >= SLOW_MILLISECONDS / 2 > second["application_milliseconds"]


def test_a_peer_that_reads_late_shows_in_write(tmp_path: Path) -> None:
    file = tmp_path / "access.log"
    size = 8_000_000

    async def large(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"x" * size})

    with serve(large, access_log=True, access_log_file=str(file), access_log_format="json") as served:
        with served.connect() as peer:
            peer.send(get())
            wait_for(lambda: served.server.requests_served == 1)
            time.sleep(0.1)  # the peer's slowness is what is measured
            assert len(peer.read_response()[2]) == size
        (entry,) = logged_requests(file, 1)
        assert entry["write_milliseconds"] >= 50
        assert entry["application_milliseconds"] < entry["write_milliseconds"]


def test_a_wsgi_request_that_waits_for_a_thread_waits_in_the_queue(tmp_path: Path) -> None:
    file = tmp_path / "access.log"

    def sleepy(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        time.sleep(0.05)
        start_response("200 OK", [("Content-Length", "2")])
        return [b"ok"]

    settings: dict[str, Any] = {"access_log": True, "access_log_file": str(file), "access_log_format": "json"}
    with serve(sleepy, threads=1, **settings) as served, served.connect() as one, served.connect() as other:
        one.send(get())
        other.send(get())
        one.read_response()
        other.read_response()
        entries = logged_requests(file, 2)
        assert max(entry["queue_milliseconds"] for entry in entries) >= 40


def test_what_was_not_written_yet_is_written_when_the_server_stops(tmp_path: Path) -> None:
    file = tmp_path / "access.log"
    with serve(hello, access_log=True, access_log_file=str(file)) as served:
        served.ask(get())
    assert file.read_text().count("request method=GET target=/ ") == 1


def test_a_client_that_leaves_is_logged_with_499(tmp_path: Path) -> None:
    file = tmp_path / "access.log"
    with serve(hello, access_log=True, access_log_file=str(file), access_log_format="json") as served:
        with served.connect() as peer:
            peer.send(get(line=b"GET /until-it-leaves HTTP/1.1"))
            wait_for(lambda: served.server.requests_served == 1)
            peer.socket.setsockopt(1, 13, b"\1\0\0\0\0\0\0\0")  # SO_LINGER 0: a reset
        (entry,) = logged_requests(file, 1)
        assert (entry["target"], entry["status"]) == ("/until-it-leaves", 499)


def test_without_the_log_nothing_is_timed_or_kept() -> None:
    with serve(hello) as served, served.connect() as peer:
        peer.send(get())
        peer.read_response()
        assert served.server._service is not None
        (connection,) = served.server._service.connections
        assert isinstance(connection, Http1Connection)
        assert connection.times is None
        assert not [thread for thread in threading.enumerate() if thread.name == "access-log"]


def test_a_log_file_that_cannot_be_opened_is_said(tmp_path: Path) -> None:
    refusal = pytest.raises(ServerError, match=r"cannot be opened: the folder .*/no does not exist; make it")
    with refusal, serve(hello, access_log=True, access_log_file=str(tmp_path / "no" / "file")):
        pass


# Formats


def test_text_is_name_value_with_the_split_in_milliseconds() -> None:
    assert text_line(finished(), NOW) == (
        b'2026-11-18T11:06:40.250Z INFO request method=GET target="/a?b=c" status=200 client=192.0.2.7:50000 http=1.1 '
        b"scheme=https octets_in=3 octets_out=13 duration_milliseconds=100.000 read=10.000 queue=20.000 "
        b"application=30.000 write=40.000\n"
    )


def test_combined_is_what_tools_for_apache_and_nginx_read() -> None:
    head = b'GET /"a HTTP/1.0\r\nUser-Agent: x "y" \xff\r\nReferer: http://h/\r\n\r\n'
    assert combined_line(finished(head), NOW) == (
        b'192.0.2.7 - - [18/Nov/2026:11:06:40 +0000] "GET /\\x22a HTTP/1.0" 200 13 "http://h/" "x \\x22y\\x22 \\xFF"\n'
    )


def test_json_says_the_same_as_text() -> None:
    import json

    entry = json.loads(json_line(finished(client=("2001:db8::1", 5)), NOW))
    assert entry["client"] == "[2001:db8::1]:5"
    assert [entry[f"{part}_milliseconds"] for part in ("duration", "read", "queue", "application", "write")] == (
        [100.0, 10.0, 20.0, 30.0, 40.0]
    )
    assert (entry["time"], entry["message"], entry["target"]) == ("2026-11-18T11:06:40.250Z", "request", "/a?b=c")


@pytest.mark.parametrize("name", ["text", "combined", "json"])
def test_control_characters_of_a_path_or_field_cannot_forge_a_line(name: str) -> None:  # CVE-2020-7694
    head = b"GET /%1b[2J%0d%0aforged HTTP/1.1\r\nHost: h\r\nUser-Agent: \x9b31m\t\xe2\x80\xae\r\n\r\n"
    line = FORMATS[name](finished(head), NOW)  # type: ignore[index]  # one of the names
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    assert not re.search(rb"[\x00-\x09\x0b-\x1f\x7f-\xff]", line)


# Lines whose turn has not come


def test_a_request_is_written_once_its_octets_have_left() -> None:
    lines: list[bytes] = []

    class Kept:
        def write(self, octets: bytes, *, entries: int) -> None:
            lines.append(octets)

        def close(self) -> None:
            pass

    class Peer:
        unsent = 10

        def octets_unsent(self) -> int:
            return self.unsent

    async def run() -> None:
        log, peer = AccessLog(asyncio.get_running_loop(), text_line, Kept()), Peer()
        log.note(finished(), peer)
        log.flush()
        assert lines == []
        peer.unsent = 0
        log.flush()
        assert len(lines) == 1
        log.note(finished(), None)
        await asyncio.sleep(0.3)  # by itself, at most FLUSH_SECONDS late
        assert len(lines) == 2
        log.close()

    asyncio.run(run())
