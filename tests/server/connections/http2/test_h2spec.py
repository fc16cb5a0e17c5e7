"""RFC 9113 and RFC 7541 by h2spec, every case and strictly, against a real server."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from fixtures.certificates import TLS_NAME, Authority
from fixtures.serving import serve
from fixtures.tools import tool
from veche.server.manner import Manner

CASES = 146  # of the version that scripts/tools/h2spec.sh pins
# On a cleartext port whoever does not begin with the preface speaks HTTP/1 (RFC 9113 §3.3) and is answered 400 in it.
# Over TLS, where HTTP/2 was agreed on, no case is left out.
NOT_IN_CLEARTEXT = "3.5. HTTP/2 Connection Preface"


async def hello(scope: dict[str, Any], receive: Any, send: Any) -> None:
    assert scope["type"] == "http"
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": b"hello"})


def run(port: int, *options: str) -> tuple[int, int, str]:
    """Return how many cases there were, how many failed, and what was said."""
    command = [str(tool("h2spec")), "-S", "-h", "127.0.0.1", "-p", str(port), "-o", "5", *options]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    count = re.search(r"(\d+) tests, (\d+) passed, (\d+) skipped, (\d+) failed", said)
    assert count is not None, said
    assert count[3] == "0", said
    return int(count[1]), int(count[4]), said[said.find("Failures:") :]


@pytest.mark.long
@pytest.mark.process
def test_every_case_of_h2spec_passes_over_tls(tmp_path: Path) -> None:
    certificate, key = Authority(tmp_path).issue(TLS_NAME)
    with serve(hello, manner=Manner(tls=True), tls_certificate=(certificate,), tls_key=(key,)) as served:
        cases, failed, said = run(served.address[1], "-t", "-k")
    assert failed == 0, said
    assert cases == CASES


@pytest.mark.long
@pytest.mark.process
def test_every_case_of_h2spec_but_one_passes_in_cleartext() -> None:
    with serve(hello) as served:
        cases, failed, said = run(served.address[1])
    assert cases == CASES
    assert failed == 1, said
    assert NOT_IN_CLEARTEXT in said
