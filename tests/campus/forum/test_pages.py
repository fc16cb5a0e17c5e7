"""The forum's pages: what one sees, writes and is refused, without a browser's script."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from campus.forum.actions import create_category
from campus.model import DEFAULT_COMMUNITY_ID, Role
from campus.settings import CampusSettings
from fixtures.campus_site import Site, running
from veche.web.testing import Client


def run(
    url: str, folder: Path, scenario: Callable[[Site], Awaitable[None]], settings: CampusSettings | None = None
) -> None:
    async def whole() -> None:
        async with running(url, folder, settings) as site:
            await create_category(site.units, DEFAULT_COMMUNITY_ID, "questions", "Questions", "Ask.")
            await create_category(site.units, DEFAULT_COMMUNITY_ID, "кухня", "Кухня")
            await scenario(site)

    asyncio.run(whole())


async def member(site: Site, name: str, role: Role = Role.MEMBER) -> Client:
    visitor = site.visitor()
    await site.register(visitor, name, role)
    return visitor


async def started(client: Client, title: str = "Why 3 bytes?", text: str = "I *wonder*.") -> str:
    """Start a thread in Questions through the form; return its address."""
    page = await client.get("/forum/questions/new")
    answer = await client.submit(page, "thread-form", title=title, text=text)
    assert answer.status_code == 200, answer.text
    return answer.path


def test_a_thread_is_started_answered_edited_and_a_message_deleted(database_url: str, tmp_path: Path) -> None:
    async def scenario(site: Site) -> None:
        anna, boris = await member(site, "anna"), await member(site, "борис")
        address = await started(anna)
        page = await boris.get(address)
        assert "<em>wonder</em>" in page.text
        answer = await boris.submit(page, "message-form", text="Because of **UTF-8**.")
        assert answer.status_code == 200
        assert 'id="m2"' in answer.text
        assert "<strong>UTF-8</strong>" in answer.text
        page = await boris.get(f"{address}/messages/2/edit")
        answer = await boris.submit(page, "message-form", text="Because of `UTF-8`.")
        assert "<code>UTF-8</code>" in answer.text
        assert "edited" in answer.text
        page = await boris.get(f"{address}/messages/2/delete")
        answer = await boris.submit(page, "delete-message")
        assert "UTF-8" not in answer.text
        assert "This message was deleted." in answer.text
        for path in ("/forum", "/forum/questions", "/threads/unread"):
            assert "Why 3 bytes?" in (await anna.get(path)).text, path

    run(database_url, tmp_path, scenario)


def test_a_preview_shows_the_text_and_keeps_it_without_sending(sqlite_url: str, tmp_path: Path) -> None:
    async def scenario(site: Site) -> None:
        anna = await member(site, "anna")
        address = await started(anna)
        page = await anna.get(address)
        answer = await anna.submit(page, "message-form", text="a **bold** word", preview="on")
        assert "<strong>bold</strong>" in answer.text
        assert "a **bold** word" in answer.text
        assert 'id="m2"' not in (await anna.get(address)).text

    run(sqlite_url, tmp_path, scenario)


def test_moderators_lock_pin_hide_rename_and_move(sqlite_url: str, tmp_path: Path) -> None:
    async def scenario(site: Site) -> None:
        anna, petra = await member(site, "anna"), await member(site, "petra", Role.MODERATOR)
        address = await started(anna)
        await petra.submit(await petra.get(address), "moderate-locked", locked="yes")
        assert "A moderator has locked this thread" in (await anna.get(address)).text
        refused = await anna.post(f"{address}/messages", form={"text": "Still"})
        assert refused.status_code == 409
        assert "Still" in refused.text
        await petra.submit(await petra.get(address), "moderate-hidden", hidden="yes")
        assert (await anna.get(address)).status_code == 404
        assert "Why 3 bytes?" not in (await anna.get("/forum/questions")).text
        await petra.submit(await petra.get(address), "moderate-hidden", hidden="no")
        page = await petra.get(f"{address}/settings")
        answer = await petra.submit(page, "place-form", title="Why three?", category="кухня")
        assert answer.path == address
        assert "Why three?" in answer.text
        assert "Why three?" in (await anna.get("/forum/кухня")).text
        assert "Why three?" not in (await anna.get("/forum/questions")).text

    run(sqlite_url, tmp_path, scenario)


def test_who_may_not_is_told_so(sqlite_url: str, tmp_path: Path) -> None:
    async def scenario(site: Site) -> None:
        anna, boris, stranger = await member(site, "anna"), await member(site, "boris"), site.visitor()
        address = await started(anna)
        assert (await stranger.get(address)).status_code == 200
        assert (await stranger.get("/forum/questions/new")).headers["location"].startswith("/login")
        assert (await stranger.post(f"{address}/messages", form={"text": "x"})).status_code == 401
        assert (await boris.get(f"{address}/messages/1/edit")).status_code == 403
        assert (await boris.post(f"{address}/messages/1/edit", form={"text": "x"})).status_code == 403
        assert (await boris.post(f"{address}/messages/1/delete")).status_code == 403
        assert (await boris.post(f"{address}/moderate", form={"locked": "yes"})).status_code == 403
        assert (await boris.post(f"{address}/delete")).status_code == 403
        for path in (
            "/threads/99",
            "/forum/nowhere",
            f"{address}/messages/7",
            f"{address}?page=2",
            f"{address}?page=0",
        ):
            assert (await boris.get(path)).status_code == 404, path

    run(sqlite_url, tmp_path, scenario)


def test_public_pages_say_what_they_are(sqlite_url: str, tmp_path: Path) -> None:
    async def scenario(site: Site) -> None:
        anna, stranger = await member(site, "anna"), site.visitor()
        address = await started(anna, "Rye or wheat?", "It *depends* on the oven.")
        page = (await stranger.get(address)).text
        assert "<title>Rye or wheat? · Campus</title>" in page
        assert '<meta name="description" content="It depends on the oven.">' in page
        assert f'<link rel="canonical" href="https://campus.example{address}">' in page
        assert '<meta property="og:title" content="Rye or wheat?">' in page
        assert '<meta name="robots" content="index, follow">' in page
        for path in ("/forum", "/forum/questions"):
            assert f'<link rel="canonical" href="https://campus.example{path}">' in (await stranger.get(path)).text

    settings = CampusSettings(registration="open", public_url="https://campus.example")
    run(sqlite_url, tmp_path, scenario, settings)


def test_a_member_s_page_lists_the_threads_that_they_began(database_url: str, tmp_path: Path) -> None:
    async def scenario(site: Site) -> None:
        anna = await member(site, "anna")
        await started(anna, "Rye or wheat?")
        assert "Rye or wheat?" in (await site.visitor().get("/members/anna")).text
        assert "Rye or wheat?" in (await anna.get("/profile")).text

    run(database_url, tmp_path, scenario)


def test_a_message_cannot_bring_html_or_scripts_into_the_page(sqlite_url: str, tmp_path: Path) -> None:
    async def scenario(site: Site) -> None:
        anna = await member(site, "anna")
        address = await started(anna, "<b>bold</b>", "<script>alert(1)</script> [x](javascript:alert(1))")
        page = (await site.visitor().get(address)).text
        assert "<script>alert" not in page
        assert 'href="javascript' not in page
        assert "<b>bold" not in page

    run(sqlite_url, tmp_path, scenario)
