"""Every lesson has its thread, and every such thread knows its lesson."""

import asyncio
from pathlib import Path

from campus.forum.queries import find_thread_about, list_categories
from campus.model import DEFAULT_COMMUNITY_ID
from fixtures.campus_site import running
from fixtures.course_site import publish_lesson


def test_the_first_message_beside_a_lesson_begins_its_thread_which_leads_back(
    database_url: str, tmp_path: Path
) -> None:
    async def scenario() -> None:
        async with running(database_url, tmp_path) as site:
            address, subject = await publish_lesson(site.units)
            anna, boris = site.visitor(), site.visitor()
            await site.register(anna, "anna")
            await site.register(boris, "boris")
            page = await anna.get(address)
            assert "Nobody has asked anything yet" in page.text
            answer = await anna.submit(page, "message-form", text="How **wet**?")
            assert answer.path == f"{address}#m1"
            assert "<strong>wet</strong>" in answer.text
            answer = await boris.submit(await boris.get(address), "message-form", text="Very.")
            thread = await find_thread_about(site.units.reader, DEFAULT_COMMUNITY_ID, subject)
            assert thread is not None
            assert (thread.title, thread.last_number) == ("Dough", 2)
            page = await site.visitor().get(f"/threads/{thread.number}")
            assert f'href="{address}"' in page.text
            assert "Very." in page.text

    asyncio.run(scenario())


def test_of_many_who_begin_at_once_one_begins_and_the_others_answer(database_url: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(database_url, tmp_path) as site:
            _address, subject = await publish_lesson(site.units)
            clients = [site.visitor() for _ in range(4)]
            for number, client in enumerate(clients):
                await site.register(client, f"pupil{number}")
            sent = [client.post(f"/threads/about/{subject}", form={"text": "And?"}) for client in clients]
            assert {answer.status_code for answer in await asyncio.gather(*sent)} == {303}
            thread = await find_thread_about(site.units.reader, DEFAULT_COMMUNITY_ID, subject)
            assert thread is not None
            assert thread.last_number == len(clients)
            assert len(await list_categories(site.units.reader, DEFAULT_COMMUNITY_ID)) == 1

    asyncio.run(scenario())


def test_nothing_can_be_said_about_what_is_not_there(sqlite_url: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(sqlite_url, tmp_path) as site:
            anna = site.visitor()
            await site.register(anna, "anna")
            for subject in ("lesson:1", "lesson:x", "lesson:-1", "nothing"):
                assert (await anna.post(f"/threads/about/{subject}", form={"text": "And?"})).status_code == 404

    asyncio.run(scenario())
