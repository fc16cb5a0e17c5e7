"""--redirect-to-https: 308 to the same address, TLS and challenges pass, proxies are heard."""

from pathlib import Path

import httpx
import pytest

from fixtures.certificates import Authority
from fixtures.servers import ServerProcess
from fixtures.serving import Served, serve
from veche.asgi import Receive, Scope, Send

APPLICATIONS = Path(__file__).parents[1] / "processes"


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"the application"})


def ask(served: Served, line: str, *fields: str) -> tuple[int, str | None]:
    request = "\r\n".join([line, *fields, "", ""])
    status, got, _ = served.ask(request.encode())
    return status, got.get("location")


@pytest.mark.parametrize(
    ("line", "host", "location"),
    [
        ("GET /a/b?c=d HTTP/1.1", "www.example", "https://www.example/a/b?c=d"),
        ("GET /a%2fb%20c HTTP/1.1", "www.example:80", "https://www.example/a%2fb%20c"),
        ("GET / HTTP/1.1", "[::1]:8080", "https://[::1]/"),
        ("GET //evil.example/ HTTP/1.1", "www.example", "https://www.example//evil.example/"),
        ("GET http://other.example/x HTTP/1.1", "www.example", "https://other.example/x"),
        ("OPTIONS * HTTP/1.1", "www.example", "https://www.example/"),
    ],
)
def test_what_comes_without_tls_is_sent_to_the_same_address_under_https(line: str, host: str, location: str) -> None:
    with serve(application, redirect_to_https=True) as served:
        assert ask(served, line, f"Host: {host}") == (308, location)


@pytest.mark.parametrize("host", ["evil.example/", "a@b", "a b", "a, b"])
def test_a_host_that_is_none_is_refused(host: str) -> None:
    with serve(application, redirect_to_https=True) as served:
        assert ask(served, "GET / HTTP/1.1", f"Host: {host}") == (400, None)


def test_without_a_host_there_is_no_address() -> None:
    with serve(application, redirect_to_https=True) as served:
        assert ask(served, "GET / HTTP/1.0") == (400, None)


def test_the_port_is_the_settings() -> None:
    with serve(application, redirect_to_https=True, https_port=8443) as served:
        assert ask(served, "GET / HTTP/1.1", "Host: a:8080") == (308, "https://a:8443/")
    with serve(application) as served:
        assert ask(served, "GET / HTTP/1.1", "Host: a:8080") == (200, None)


def test_a_trusted_proxy_that_says_https_is_heard() -> None:
    with serve(application, redirect_to_https=True) as served:
        assert ask(served, "GET / HTTP/1.1", "Host: a", "X-Forwarded-Proto: https") == (200, None)
        assert ask(served, "GET / HTTP/1.1", "Host: a", "X-Forwarded-Proto: http") == (308, "https://a/")
    with serve(application, redirect_to_https=True, trusted_proxy=("none",)) as served:
        assert ask(served, "GET / HTTP/1.1", "Host: a", "X-Forwarded-Proto: https") == (308, "https://a/")


def test_a_websocket_without_tls_is_redirected_and_not_accepted() -> None:
    handshake = ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"]
    with serve(application, redirect_to_https=True) as served:
        key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
        assert ask(served, "GET /chat HTTP/1.1", "Host: a", *handshake, key) == (308, "https://a/chat")


@pytest.mark.process
def test_the_port_is_that_of_the_first_https_bind(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    certificate, key = authority.issue("localhost")
    with ServerProcess(
        "applications:app",
        *("--tls-certificate", certificate, "--tls-key", key, "--redirect-to-https"),
        bind=["127.0.0.1:0", "https://127.0.0.1:0"],
        app_dir=APPLICATIONS,
    ) as server:
        plain, https = (address.rpartition(":")[2] for address in server.addresses)
        with httpx.Client(verify=authority.client(), follow_redirects=True) as client:
            answer = client.post(f"http://localhost:{plain}/x?y=z", content=b"kept")
        assert (answer.status_code, answer.url) == (200, httpx.URL(f"https://localhost:{https}/x?y=z"))
        assert answer.request.method == "POST"
