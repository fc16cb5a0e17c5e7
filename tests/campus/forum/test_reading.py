"""What is unread, where it begins, and what is read when."""

import asyncio
from pathlib import Path

from campus.forum.actions import create_category
from campus.model import DEFAULT_COMMUNITY_ID
from campus.settings import CampusSettings
from fixtures.campus_site import running


def test_what_others_wrote_is_unread_until_its_page_was_shown(database_url: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        settings = CampusSettings(registration="open", messages_per_minute=1000)
        async with running(database_url, tmp_path, settings) as site:
            await create_category(site.units, DEFAULT_COMMUNITY_ID, "questions", "Questions")
            anna, boris = site.visitor(), site.visitor()
            await site.register(anna, "anna")
            await site.register(boris, "boris")
            page = await anna.get("/forum/questions/new")
            answer = await anna.submit(page, "thread-form", title="Rye", text="1")
            address = answer.path

            assert "Rye" not in (await anna.get("/threads/unread")).text, "one's own is read"
            assert "Rye" in (await boris.get("/threads/unread")).text
            await boris.get(address)
            assert "Rye" not in (await boris.get("/threads/unread")).text
            for number in range(2, 33):
                await anna.post(f"{address}/messages", form={"text": str(number)})
            assert (await boris.get(f"{address}/unread")).headers["location"] == f"{address}#m2"
            await boris.get(address)
            assert (await boris.get(f"{address}/unread")).headers["location"] == f"{address}?page=2#m31"
            assert (await boris.post(f"{address}/read", form={"last": "32"})).status_code == 204
            assert "Rye" not in (await boris.get("/threads/unread")).text
            assert (await boris.get(f"{address}/unread")).headers["location"] == f"{address}?page=2#m32"
            assert (await boris.post(f"{address}/read", form={"last": "9"})).status_code == 204
            assert "Rye" not in (await boris.get("/threads/unread")).text, "a mark moves forward only"

    asyncio.run(scenario())
