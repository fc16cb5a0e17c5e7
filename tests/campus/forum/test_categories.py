"""Categories: only administrators make, change and delete them; a new site's forum is usable from its pages alone."""

import asyncio
from pathlib import Path

import pytest

from campus.forum.shelving import slug_of
from campus.model import Role
from fixtures.campus_site import running


@pytest.mark.parametrize(
    ("title", "slug"),
    [("Bread & butter", "bread-butter"), ("Кухня", "кухня"), ("  new ", "category-new"), ("***", "category")],
)
def test_an_address_comes_from_the_title(title: str, slug: str) -> None:
    assert slug_of(title) == slug


def test_an_administrator_opens_the_forum_of_a_new_site(database_url: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(database_url, tmp_path) as site:
            admin, petra = site.visitor(), site.visitor()
            await site.register(admin, "admin", Role.ADMINISTRATOR)
            await site.register(petra, "petra", Role.MODERATOR)
            page = await admin.get("/forum")
            assert "/administration/categories" in page.text
            page = await admin.get("/administration/categories")
            page = await admin.submit(page, "category-form", title="Кухня", description="О еде.", language="ru")
            assert "Кухня" in page.text
            again = await admin.submit(page, "category-form", title="КУХНЯ")
            assert again.status_code == 409
            assert "A category of this name is there already." in again.text
            assert "О еде." in (await site.visitor().get("/forum/кухня")).text
            settings = page.text.partition('href="/administration/categories/')[2].partition('"')[0]
            address = f"/administration/categories/{settings}"
            form = {"title": "Большая кухня", "description": "", "position": "5"}
            assert (await admin.post(address, form=form)).status_code == 303
            assert "Большая кухня" in (await site.visitor().get("/forum/кухня")).text, "its address stays"
            await petra.post("/forum/кухня/new", form={"title": "Суп", "text": "Из чего?"})
            refused = await admin.post(f"{address}/delete")
            assert refused.status_code == 409
            assert "Threads stand in this category." in refused.text
            await petra.post("/threads/1/delete")
            assert (await admin.post(f"{address}/delete")).status_code == 303
            assert (await admin.get("/forum/кухня")).status_code == 404
            for one in ("/administration/categories", address):
                assert (await petra.get(one)).status_code == 403
                assert (await petra.post(one, form=form)).status_code == 403
            assert (await petra.post(f"{address}/delete")).status_code == 403

    asyncio.run(scenario())
