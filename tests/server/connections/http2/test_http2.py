"""HTTP/2 over real sockets: real clients, and raw ones that break the rules (RFC 9113)."""

import asyncio
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from fixtures.certificates import TLS_NAME, Authority
from fixtures.serving import Served, serve
from veche.server.manner import Manner


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


def test_an_application_sees_no_exception_of_ours() -> (
    None
):  # by prior knowledge we have just taken a head for a bad one
    async def tells(scope: dict[str, Any], receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": repr(sys.exc_info()[1]).encode()})

    with serve(tells) as served:
        assert ask(served, "GET", "/").content == b"None"


def test_the_preface_is_welcome_only_at_the_beginning() -> None:  # RFC 9113 §3.4
    with serve(echo) as served, served.connect() as peer:
        peer.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert peer.read_response()[0] == 200
        peer.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        assert peer.read_response()[0] == 505


def test_over_tls_http_2_is_agreed_on_and_the_scheme_is_https(tmp_path: Path) -> None:  # RFC 9113 §3.2
    async def tells(scope: dict[str, Any], receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        told = f"{scope['http_version']} {scope['scheme']} {scope['client'][0]}".encode()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": told})

    authority = Authority(tmp_path)
    certificate, key = authority.issue(TLS_NAME)
    with serve(tells, manner=Manner(tls=True), tls_certificate=(certificate,), tls_key=(key,)) as served:
        url = f"https://{TLS_NAME}:{served.address[1]}/"
        with httpx.Client(http2=True, verify=authority.client()) as client:
            answer = client.get(url)
            assert (answer.http_version, answer.text) == ("HTTP/2", "2 https 127.0.0.1")
        with httpx.Client(verify=authority.client()) as client:
            assert client.get(url).text == "1.1 https 127.0.0.1"


def test_a_trusted_proxy_speaks_for_its_client_in_http_2_too() -> None:
    async def tells(scope: dict[str, Any], receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        told = f"{scope['client'][0]} {scope['scheme']}".encode()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": told})

    saying = {"X-Forwarded-For": "192.0.2.7", "X-Forwarded-Proto": "https"}
    with serve(tells, trusted_proxy=("127.0.0.1",)) as served:
        assert ask(served, "GET", "/", headers=saying).text == "192.0.2.7 https"
        assert ask(served, "GET", "/", headers={"X-Forwarded-For": "x y z"}).status_code == 400
        assert ask(served, "GET", "/").text == "127.0.0.1 http"
    with serve(tells, trusted_proxy=("192.0.2.1",)) as served:
        assert ask(served, "GET", "/", headers=saying).text == "127.0.0.1 http"
