"""The sample content: loaded once, quickly, whole."""

import asyncio
import time
from pathlib import Path

from campus.forum.queries import list_categories, list_threads
from campus.model import DEFAULT_COMMUNITY_ID
from campus.sample import sample_content
from campus.settings import CampusSettings
from campus.site import create_application
from fixtures.campus_site import KeptLog
from veche.data import UnitsOfWork, open_database
from veche.web.testing import Client

QUICK_SECONDS = 10.0  # two on a machine that does nothing else


def test_a_first_start_shows_the_sample_threads_and_a_second_one_adds_nothing(
    database_url: str, tmp_path: Path
) -> None:
    async def scenario() -> None:
        settings = CampusSettings(database=database_url, data_directory=str(tmp_path / "var"), sample=True)
        for _start in range(2):
            began = time.monotonic()
            async with Client(create_application(settings, logger=KeptLog(), make_ready=True)) as client:
                assert time.monotonic() - began < QUICK_SECONDS
                for category in sample_content().categories:
                    assert (await client.get(f"/forum/{category.slug}")).status_code == 200
            (tmp_path / "var" / "sample-pending").touch()  # as if the start had died here
        database = open_database(database_url)
        reader = UnitsOfWork(database, lambda changes: None).reader
        threads = await list_threads(reader, DEFAULT_COMMUNITY_ID, limit=1000)
        assert len(threads) == len(sample_content().threads)
        assert len(await list_categories(reader, DEFAULT_COMMUNITY_ID)) == len(sample_content().categories)
        assert sum(one.message_count for one in threads) == sum(len(one.messages) for one in sample_content().threads)
        subjects = {one.subject for one in threads if one.subject is not None}
        assert len(subjects) == sum(bool(one.lesson) for one in sample_content().threads)
        assert all(one.startswith("lesson:") for one in subjects), "each thread knows its lesson"
        await database.close()

    asyncio.run(scenario())
