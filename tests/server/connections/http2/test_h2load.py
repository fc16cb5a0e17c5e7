"""h2load, nghttp2's own client, with many streams on several connections: every request is answered."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from fixtures.certificates import TLS_NAME, Authority
from fixtures.serving import serve
from veche.server.manner import Manner

pytestmark = [
    pytest.mark.process,
    pytest.mark.peers,
    pytest.mark.skipif(shutil.which("h2load") is None, reason="h2load is not here"),
]
REQUESTS = 400
BODY_OCTETS = 50_000  # more than a frame; together more than the window of a connection


async def echo(scope: dict[str, Any], receive: Any, send: Any) -> None:
    assert scope["type"] == "http"
    assert scope["http_version"] == "2"
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    more = True
    while more:
        event = await receive()
        more = event.get("more_body", False)
        await send({"type": "http.response.body", "body": event.get("body", b""), "more_body": more})


def assert_all_answered(url: str, protocol: str, *options: str, body_octets: int = 0) -> None:
    command = ["h2load", "-n", str(REQUESTS), "-c", "8", "-m", "20", "-T", "20", *options, url]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert re.search(rf"^Application protocol: {protocol}$", said, re.MULTILINE), said
    assert f"{REQUESTS} done, {REQUESTS} succeeded, 0 failed, 0 errored, 0 timeout" in said, said
    assert f"status codes: {REQUESTS} 2xx, 0 3xx, 0 4xx, 0 5xx" in said, said
    traffic = re.search(r"\((\d+)\) data$", said, re.MULTILINE)
    assert traffic is not None, said
    assert int(traffic[1]) == body_octets * REQUESTS, said


def test_every_request_is_answered_by_prior_knowledge() -> None:
    with serve(echo) as served:
        assert_all_answered(served.url, "h2c")


def test_every_body_is_taken_and_given_back_within_the_windows(tmp_path: Path) -> None:
    body = tmp_path / "body"
    body.write_bytes(b"a" * BODY_OCTETS)
    with serve(echo) as served:  # -w, -W: windows of 2^14 - 1 and 2^15 - 1 octets, so that answers must wait for them
        assert_all_answered(served.url, "h2c", "-d", str(body), "-w", "14", "-W", "15", body_octets=BODY_OCTETS)


def test_every_request_is_answered_over_tls(tmp_path: Path) -> None:
    certificate, key = Authority(tmp_path).issue(TLS_NAME)
    with serve(echo, manner=Manner(tls=True), tls_certificate=(certificate,), tls_key=(key,)) as served:
        assert_all_answered(f"https://127.0.0.1:{served.address[1]}/", "h2")
