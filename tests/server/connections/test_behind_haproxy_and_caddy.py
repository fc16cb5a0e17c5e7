"""A real HAProxy and a real Caddy, configured as docs/server/proxies.md says, in front of `veche serve`."""

import csv
import http.client
import io
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from fixtures.certificates import TLS_NAME, Authority
from fixtures.documented import documented, program
from fixtures.servers import RunningCommand, ServerProcess, free_port, wait_until

pytestmark = [pytest.mark.process, pytest.mark.peers]

CLIENT = "127.0.0.2"  # no trusted proxy, as the two servers themselves are
CLAIMS = {"X-Forwarded-For": "203.0.113.66", "X-Forwarded-Proto": "https", "Forwarded": "for=203.0.113.66"}

APPLICATION = """
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    body = " ".join(map(str, (*scope["client"], scope["scheme"], scope["http_version"]))).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})
"""

HAPROXY = """
global
    stats socket {folder}/admin mode 600 level admin
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s
    default-server inter 200ms fall 1000  # a machine that stands still does not take our server for dead
frontend requests
    bind 127.0.0.1:{requests}
    default_backend application
frontend connections
    mode tcp
    bind 127.0.0.1:{connections}
    default_backend octets
"""


class HAProxy(NamedTuple):
    """Its ports: where it speaks HTTP, and where it passes octets on."""

    requests: int
    connections: int
    admin: Path

    def health(self, backend: str) -> tuple[str, str]:
        """What it thinks of our server, such as UP, and by which check, such as L7OK."""
        with socket.socket(socket.AF_UNIX) as asking:
            asking.connect(str(self.admin))
            asking.sendall(b"show stat\n")
            told = b"".join(iter(lambda: asking.recv(65536), b"")).decode().removeprefix("# ")
        (row,) = [
            row for row in csv.DictReader(io.StringIO(told)) if (row["pxname"], row["svname"]) == (backend, "one")
        ]
        return row["status"], row["check_status"]


@contextmanager
def haproxy_before(plain: str, with_header: str, folder: Path, *, server: str = "") -> Iterator[HAProxy]:
    """HAProxy before these two binds; the block ends when both are found healthy. server: changes that line."""
    proxy = HAProxy(free_port(), free_port(), folder / "admin")
    backends = documented("HAProxy", {"10.0.0.20:8000": f"{plain} {server}", "10.0.0.20:443": with_header})
    frontends = HAPROXY.format(folder=folder, requests=proxy.requests, connections=proxy.connections)
    (folder / "haproxy.cfg").write_text(frontends + backends)
    with RunningCommand([program("haproxy"), "-db", "-f", folder / "haproxy.cfg"], ready=None):
        wait_until(proxy.admin.exists, what="HAProxy runs")
        for backend, check in (("application", "L7OK"), ("octets", "L4OK")):
            wait_until(lambda: proxy.health(backend) == ("UP", check), what=f"{backend} is healthy")  # noqa: B023
        yield proxy


@contextmanager
def both_binds(folder: Path) -> Iterator[tuple[str, str, ServerProcess, Authority]]:
    """Our server, on a plain bind and on one that wants a PROXY header and TLS after it."""
    (folder / "tells.py").write_text(APPLICATION)
    authority = Authority(folder)
    certificate, key = authority.issue(TLS_NAME)
    ports = [f"127.0.0.1:{free_port()}" for _ in range(2)]
    options = ["--tls-certificate", certificate, "--tls-key", key]
    bind = (f"http://{ports[0]}", f"proxy+https://{ports[1]}")
    with ServerProcess("tells:app", *options, bind=bind, app_dir=folder) as server:
        yield ports[0], ports[1], server, authority


def asked(connection: http.client.HTTPConnection, claims: dict[str, str]) -> str:
    """What the application says of us."""
    try:
        connection.request("GET", "/", headers=claims)
        response = connection.getresponse()
        assert response.status == 200
        return response.read().decode()
    finally:
        connection.close()


@pytest.mark.parametrize(("server", "version"), [("", "1.1"), ("proto h2", "2")])
def test_haproxy_finds_us_healthy_and_says_who_its_client_is_and_the_client_cannot(
    tmp_path: Path, server: str, version: str
) -> None:
    with (
        both_binds(tmp_path) as (plain, with_header, _, _),
        haproxy_before(plain, with_header, tmp_path, server=server) as proxy,
    ):
        client = http.client.HTTPConnection("127.0.0.1", proxy.requests, timeout=10, source_address=(CLIENT, 0))
        # A field gives no port. HAProxy replaces the client's X-Forwarded-Proto only if it speaks TLS.
        assert asked(client, {**CLAIMS, "X-Forwarded-Proto": "http"}) == f"{CLIENT} 0 http {version}"


def test_haproxys_proxy_header_says_who_its_client_is_before_the_clients_tls(tmp_path: Path) -> None:
    with (
        both_binds(tmp_path) as (plain, with_header, ours, authority),
        haproxy_before(plain, with_header, tmp_path) as proxy,
    ):
        source = (CLIENT, free_port())
        plain_socket = socket.create_connection(("127.0.0.1", proxy.connections), 10, source)
        client = http.client.HTTPConnection(TLS_NAME)
        client.sock = authority.client().wrap_socket(plain_socket, server_hostname=TLS_NAME)
        assert asked(client, CLAIMS) == f"{CLIENT} {source[1]} https 1.1"
        assert " WARNING " not in ours.log_text()  # its health checks come with a header and leave without TLS
        assert " ERROR " not in ours.log_text()


def test_caddy_says_who_its_client_is_and_the_client_cannot(tmp_path: Path) -> None:
    (tmp_path / "tells.py").write_text(APPLICATION)
    port = free_port()
    with ServerProcess("tells:app", app_dir=tmp_path) as server:
        addresses = {"site.example": f"http://127.0.0.1:{port}", "127.0.0.1:8000": server.url.removeprefix("http://")}
        (tmp_path / "Caddyfile").write_text("{\n    admin off\n}\n" + documented("Caddy", addresses))
        command = [program("caddy"), "run", "--config", str(tmp_path / "Caddyfile"), "--adapter", "caddyfile"]
        env = {"XDG_DATA_HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
        with RunningCommand(command, ready="serving initial configuration", env=env):
            client = http.client.HTTPConnection("127.0.0.1", port, timeout=10, source_address=(CLIENT, 0))
            assert asked(client, CLAIMS) == f"{CLIENT} 0 http 1.1"
