"""The first start of a site: tables, community, sample, administrator's link; each once."""

import asyncio
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from campus.settings import ADMINISTRATOR_LINK_FILE, CampusSettings
from campus.site import create_application
from veche.log import StreamLog
from veche.web.testing import Client


def open_site(folder: Path, *, sample: bool = False) -> None:
    """Start the site once, and look at its front page."""

    async def start() -> None:
        settings = CampusSettings(data_directory=str(folder), sample=sample)
        application = create_application(settings, make_ready=True, logger=StreamLog(sys.stderr))
        async with Client(application) as client:
            assert (await client.get("/")).status_code == 200

    asyncio.run(start())


def test_a_first_start_makes_everything_that_a_site_needs(tmp_path: Path) -> None:
    open_site(tmp_path / "var")
    link = tmp_path / "var" / ADMINISTRATOR_LINK_FILE
    assert link.read_text(encoding="ascii").startswith("/administrator/")
    assert stat.S_IMODE(link.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "var").stat().st_mode) == 0o700


def test_a_second_start_keeps_the_administrators_link(tmp_path: Path) -> None:
    open_site(tmp_path)
    first = (tmp_path / ADMINISTRATOR_LINK_FILE).read_text(encoding="ascii")
    open_site(tmp_path)
    assert (tmp_path / ADMINISTRATOR_LINK_FILE).read_text(encoding="ascii") == first


def test_a_sample_site_lets_everybody_register_and_others_do_not(tmp_path: Path) -> None:
    async def registration_page(*, sample: bool) -> str:
        settings = CampusSettings(data_directory=str(tmp_path / str(sample)), sample=sample)
        async with Client(create_application(settings, make_ready=True)) as client:
            return (await client.get("/register")).text

    assert 'name="password"' in asyncio.run(registration_page(sample=True))
    assert 'name="password"' not in asyncio.run(registration_page(sample=False))


def up(*options: str) -> subprocess.CompletedProcess[str]:
    """`campus up` in a process of its own, which must end by itself."""
    command = [sys.executable, "-m", "campus", "up", "--bind", "127.0.0.1:0", "--workers", "1", *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def assert_one_sentence(done: subprocess.CompletedProcess[str], *parts: str) -> None:
    assert done.returncode == 3
    assert "Traceback" not in done.stderr
    assert "\\x" not in done.stderr, "the driver's line ends are no line ends here"
    (failure,) = [line for line in done.stderr.splitlines() if "cannot be used" in line]
    for part in parts:
        assert part in failure
    assert "expected a" in failure


@pytest.mark.process
def test_a_database_that_does_not_answer_is_told_in_one_sentence(tmp_path: Path) -> None:
    done = up("--database", "postgresql://nobody:geheim@127.0.0.1:1/x", "--data-directory", str(tmp_path))
    assert_one_sentence(done, "Connection refused", "port 1", "--database")
    assert "geheim" not in done.stderr


@pytest.mark.process
@pytest.mark.parametrize("in_the_way", ["", "starting.lock"])  # of the folder itself; of what a start writes there
def test_a_data_directory_that_cannot_be_used_is_told_in_one_sentence(tmp_path: Path, in_the_way: str) -> None:
    folder = tmp_path / "var"
    if in_the_way:
        (folder / in_the_way).mkdir(parents=True)
    else:
        folder.write_text("a file", encoding="utf-8")
    assert_one_sentence(up("--data-directory", str(folder)), f"the data directory {folder}", "--data-directory")


def test_a_bug_at_start_keeps_its_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def broken(*_arguments: object) -> None:
        raise LookupError("a bug")

    monkeypatch.setattr("campus.start._fill", broken)
    with pytest.raises(RuntimeError, match="a bug"):
        open_site(tmp_path)
    assert "Traceback" in capsys.readouterr().err
