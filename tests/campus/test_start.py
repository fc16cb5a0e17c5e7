"""The first start of a site: tables, community, sample, administrator's link; each once."""

import asyncio
import stat
import sys
from pathlib import Path

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
