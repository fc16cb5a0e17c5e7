"""HTTP/2 over real sockets: real clients, and raw ones that break the rules (RFC 9113)."""

import asyncio
import shutil
import subprocess
from typing import Any

import httpx
import pytest

from fixtures.serving import Served, serve


async def echo(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answer with what was asked: method, path, fields, and the body's octets."""
    assert scope["type"] == "http"
    body = b""
    while True:
        message = await receive()
        body += message["body"]
        if not message["more_body"]:
            break
    fields = [(b"x-version", scope["http_version"].encode()), (b"x-method", scope["method"].encode())]
    await send({"type": "http.response.start", "status": 200, "headers": fields})
    await send({"type": "http.response.body", "body": body or scope["raw_path"]})


def wsgi_echo(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    body = environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Type", "text/plain"), ("X-Protocol", environ["SERVER_PROTOCOL"])])
    return [body or environ["PATH_INFO"].encode()]


def ask(served: Served, method: str, path: str, **options: Any) -> httpx.Response:
    with httpx.Client(http1=False, http2=True) as client:
        return client.request(method, served.url + path, **options)


@pytest.mark.parametrize("application", [echo, wsgi_echo])
def test_a_client_with_prior_knowledge_is_answered_in_http_2(application: Any) -> None:  # RFC 9113 §3.3
    with serve(application) as served:
        answer = ask(served, "GET", "/some/path")
        assert (answer.http_version, answer.status_code, answer.content) == ("HTTP/2", 200, b"/some/path")


@pytest.mark.parametrize("application", [echo, wsgi_echo])
@pytest.mark.parametrize("octets", [1, 70_000, 3_000_000])
def test_bodies_larger_than_every_window_go_both_ways(application: Any, octets: int) -> None:  # RFC 9113 §5.2
    body = bytes(range(256)) * (octets // 256) + b"x" * (octets % 256)
    with serve(application) as served:
        answer = ask(served, "POST", "/", content=body)
        assert answer.content == body
        assert answer.headers["content-length"] == str(octets)


def test_many_requests_share_a_connection() -> None:  # RFC 9113 §5
    async def ask_all(url: str) -> list[bytes]:
        async with httpx.AsyncClient(http1=False, http2=True, limits=httpx.Limits(max_connections=1)) as client:
            answers = await asyncio.gather(*(client.get(f"{url}/{number}") for number in range(50)))
            return [answer.content for answer in answers]

    with serve(echo) as served:
        assert asyncio.run(ask_all(served.url)) == [f"/{number}".encode() for number in range(50)]
        assert served.server.open_connections <= 1


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not here")
def test_curl_with_prior_knowledge_sends_and_reads_a_body() -> None:
    with serve(echo) as served:
        command = ["curl", "-s", "-m", "5", "--http2-prior-knowledge", "-w", " %{http_version}", "-d", "hello"]
        answer = subprocess.run([*command, served.url], capture_output=True, check=True).stdout
        assert answer == b"hello 2"


def test_the_preface_is_welcome_only_at_the_beginning() -> None:  # RFC 9113 §3.4
    with serve(echo) as served, served.connect() as peer:
        peer.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert peer.read_response()[0] == 200
        peer.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        assert peer.read_response()[0] == 505
