"""`veche serve --bind https://…`: several binds, wrong files, new certificates by HUP."""

import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from fixtures.certificates import Authority
from fixtures.servers import ServerProcess, wait_until

APPLICATIONS = Path(__file__).parents[1] / "processes"

pytestmark = pytest.mark.process


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def names_at(port: int, authority: Authority) -> set[str]:
    with (
        socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
        authority.client().wrap_socket(plain, server_hostname="localhost") as connection,
    ):
        certificate: dict[str, list[tuple[str, str]]] = connection.getpeercert()  # type: ignore[assignment]  # too wide
        return {name for _, name in certificate["subjectAltName"]}


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_one_server_serves_with_and_without_tls(authority: Authority, tmp_path: Path, loop: str) -> None:
    certificate, key = authority.issue("localhost")
    path = tmp_path / "site.sock"
    with ServerProcess(
        "applications:app",
        *("--tls-certificate", certificate, "--tls-key", key, "--loop", loop),
        bind=["127.0.0.1:0", "https://127.0.0.1:0", f"https+unix:{path}"],
        app_dir=APPLICATIONS,
    ) as server:
        plain, https, unix = server.addresses
        assert (plain.split(":")[0], https.split(":")[0], unix) == ("http", "https", f"https+unix:{path}")
        assert httpx.get(plain).status_code == 200
        trusted = authority.client()
        assert httpx.get(f"https://localhost:{https.rpartition(':')[2]}", verify=trusted).status_code == 200
        over_unix = httpx.HTTPTransport(uds=str(path), verify=trusted)
        with httpx.Client(transport=over_unix) as client:
            assert client.get("https://localhost/").status_code == 200


def test_a_wrong_certificate_ends_the_start_in_one_line(authority: Authority) -> None:
    (certificate, _), (_, other) = authority.issue("localhost"), authority.issue("other.example")
    with ServerProcess(
        "applications:app",
        *("--tls-certificate", certificate, "--tls-key", other),
        bind=["https://127.0.0.1:0"],
        app_dir=APPLICATIONS,
        wait_ready=False,
    ) as server:
        assert server.wait() == 1
        said = server.log_text()
        assert said.startswith(f"Error: key {other} does not belong to certificate {certificate}")
        assert said.count("\n") == 1


@pytest.mark.parametrize("option", ["--tls-client-certificate=required", "--tls-certificate=any.pem"])
def test_options_of_tls_without_an_address_that_speaks_it_end_the_start(option: str) -> None:
    command = [sys.executable, "-m", "veche", "serve", "applications:app", "--bind", "127.0.0.1:0", option]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert ended.returncode == 1
    assert "no address speaks it: write --bind https://127.0.0.1:0" in ended.stderr


def test_an_expired_certificate_is_served_and_told(authority: Authority) -> None:
    certificate, key = authority.issue("localhost", expired=True)
    with ServerProcess(
        "applications:app",
        *("--tls-certificate", certificate, "--tls-key", key),
        bind=["https://127.0.0.1:0"],
        app_dir=APPLICATIONS,
    ) as server:
        server.wait_for_log("expired on 2020-01-01: clients refuse it; renew it")


def test_hup_takes_new_certificates_up_and_keeps_the_workers_when_they_are_broken(authority: Authority) -> None:
    certificate, key = authority.issue("localhost", "first.example")
    fresh, fresh_key = authority.issue("localhost", "second.example", file="fresh")
    with ServerProcess(
        "applications:app",
        *("--tls-certificate", certificate, "--tls-key", key),
        bind=["https://127.0.0.1:0"],
        app_dir=APPLICATIONS,
    ) as server:
        assert "first.example" in names_at(server.port, authority)
        shutil.copy(fresh, certificate)
        server.signal(signal.SIGHUP)
        server.wait_for_log("does not belong to certificate(?s:.*)reload abandoned")
        assert "first.example" in names_at(server.port, authority)
        shutil.copy(fresh_key, key)
        server.signal(signal.SIGHUP)
        wait_until(lambda: "second.example" in names_at(server.port, authority), what="the new certificate")
