"""The browser's modules as they are served: small, cacheable for ever, and the same program as their sources."""

import asyncio
import gzip
import re
import subprocess
from pathlib import Path
from shutil import which

import pytest

from veche.live.client_files import FOLDER, ClientFiles
from veche.web import Application, Route
from veche.web.testing import Client, ClientResponse

BUDGET_OCTETS = 12 * 1024


def test_all_modules_together_stay_under_12_kilobytes_compressed() -> None:  # docs/design.md §6
    modules = ClientFiles().modules
    assert len(gzip.compress(b"".join(modules.values()), 9)) < BUDGET_OCTETS


def test_only_comments_and_indentation_are_left_out() -> None:
    for name, content in ClientFiles().modules.items():
        served = content.decode().splitlines()
        source = [line.strip() for line in (FOLDER / name).read_text().splitlines()]
        rest = iter(source)
        assert all(line in rest for line in served), f"{name}: the lines as served stand in the source, in this order"
        assert len(served) > 5
        assert not [line for line in served if line.startswith(("//", "/*", "*"))]


@pytest.mark.skipif(which("node") is None, reason="node is not installed; the browser tests load the modules too")
def test_what_is_served_is_javascript(tmp_path: Path) -> None:
    for name, content in ClientFiles().modules.items():
        (tmp_path / name).with_suffix(".mjs").write_bytes(content)
        checked = subprocess.run(
            ["node", "--check", (tmp_path / name).with_suffix(".mjs")], capture_output=True, text=True, check=False
        )
        assert checked.returncode == 0, checked.stderr


def test_no_module_needs_what_a_content_security_policy_forbids() -> None:
    for path in FOLDER.glob("*.js"):
        assert not re.search(r"\beval\b\(|new Function|setAttribute\(\"style\"|javascript:", path.read_text()), (
            path.name
        )


def get(path: str, **headers: str) -> ClientResponse:
    files = ClientFiles()
    application = Application([Route(files.path, files.serve)])

    async def ask() -> ClientResponse:
        async with Client(application) as client:
            return await client.get(path, headers=headers)

    return asyncio.run(ask())


def test_a_module_is_kept_for_ever_under_the_address_of_its_version() -> None:
    response = get(ClientFiles().address())
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/javascript; charset=utf-8"
    assert response.headers["cache-control"] == "public, max-age=31536000, immutable"


def test_a_module_is_compressed_for_who_takes_it() -> None:
    files = ClientFiles()
    response = get(files.address(), **{"accept-encoding": "br, gzip"})
    assert response.headers["content-encoding"] == "gzip"
    assert gzip.decompress(response.content) == files.modules["live.js"]


@pytest.mark.parametrize("path", ["/static/live/000000000000/live.js", "{folder}/nothing.js", "{folder}/..%2Flive.py"])
def test_another_version_and_another_file_are_not_there(path: str) -> None:
    folder = ClientFiles().address("x").removesuffix("/x")
    assert get(path.format(folder=folder)).status_code == 404
