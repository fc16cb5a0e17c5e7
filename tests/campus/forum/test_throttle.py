"""Who writes very fast is told to wait, and loses nothing of what was typed."""

import asyncio
from pathlib import Path

from campus.forum.actions import create_category
from campus.model import DEFAULT_COMMUNITY_ID
from campus.settings import CampusSettings
from fixtures.campus_site import running


def test_more_messages_than_the_setting_allows_are_refused_with_the_text_kept(
    database_url: str, tmp_path: Path
) -> None:
    async def scenario() -> None:
        settings = CampusSettings(registration="open", messages_per_minute=3)
        async with running(database_url, tmp_path, settings) as site:
            await create_category(site.units, DEFAULT_COMMUNITY_ID, "questions", "Questions")
            anna = site.visitor(accept_language="ru")
            await site.register(anna, "anna")
            thread = {"title": "Rye", "text": "1"}
            address = (await anna.post("/forum/questions/new", form=thread)).headers["location"]
            for text in ("2", "3"):
                assert (await anna.post(f"{address}/messages", form={"text": text})).status_code == 303
            refused = await anna.post(f"{address}/messages", form={"text": "one more thing"})
            assert refused.status_code == 429
            assert "one more thing" in refused.text
            assert "Вы пишете очень быстро. Подождите 20 секунд" in refused.text
            refused = await anna.post("/forum/questions/new", form={"title": "Oats", "text": "soaked"})
            assert refused.status_code == 429
            assert "soaked" in refused.text
            assert 'id="m4"' not in (await anna.get(address)).text

    asyncio.run(scenario())
