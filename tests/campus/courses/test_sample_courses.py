"""The sample's courses: there after the first start, with those who learn in them, and never twice."""

import asyncio
from pathlib import Path

from campus.accounts.queries import find_account_by_name
from campus.accounts.services import open_identity
from campus.courses.queries import count_done, find_course, load_outline
from campus.courses.sample import load_sample
from campus.model import DEFAULT_COMMUNITY_ID
from campus.settings import CampusSettings
from campus.site import FEATURES, create_application, open_parts
from veche.data import open_database
from veche.log import Logger
from veche.web.testing import Client


def test_a_sample_site_has_its_courses_once_with_pictures_and_progress(tmp_path: Path) -> None:
    settings = CampusSettings(data_directory=str(tmp_path), sample=True)

    async def scenario() -> None:
        async with Client(create_application(settings, make_ready=True)) as client:
            for course, pages in (("how-a-request-travels", "en"), ("kak-puteshestvuet-zapros", "ru")):
                page = await client.get(f"/courses/{course}")
                assert f'<ol class="outline" lang="{pages}">' in page.text
            lesson = await client.get("/courses/how-a-request-travels/02-the-queue")
            picture = lesson.text.partition('src="/courses/')[2].partition('"')[0]
            assert (await client.get(f"/courses/{picture}")).headers["content-type"] == "image/svg+xml"
        identity = open_identity()
        parts = open_parts(settings, open_database(settings.database_url), FEATURES, Logger(), identity)
        try:
            await load_sample(parts)  # as a start does that comes after one which died
            reader = parts.units.reader
            course_row = await find_course(reader, DEFAULT_COMMUNITY_ID, "how-a-request-travels")
            assert course_row is not None
            assert len(await load_outline(reader, course_row)) == 7
            account = await find_account_by_name(reader, "tomas")
            assert account is not None
            done = await count_done(reader, DEFAULT_COMMUNITY_ID, account.id, [course_row.id])
            assert done == {course_row.id: 7}
            assert await find_course(reader, DEFAULT_COMMUNITY_ID, "how-a-request-travels-2") is None
        finally:
            identity.passwords.close()
            await parts.database.close()

    asyncio.run(scenario())
