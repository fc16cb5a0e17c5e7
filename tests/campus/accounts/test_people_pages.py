"""The administrators' pages: who gets in, and what they do there."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from campus.model import Role
from fixtures.campus_site import Site, registration, running

PAGES = ("/administration/people", "/administration/registration")
ACTIONS = (
    "/administration/people/1/suspend",
    "/administration/people/1/return",
    "/administration/people/1/role",
    "/administration/registration",
    "/administration/invitations",
    "/administration/invitations/1/void",
)


def run(url: str, folder: Path, scenario: Callable[[Site], Awaitable[None]]) -> None:
    async def whole() -> None:
        async with running(url, folder) as site:
            await scenario(site)

    asyncio.run(whole())


@pytest.mark.parametrize("role", [Role.MEMBER, Role.TEACHER, Role.MODERATOR])
def test_only_administrators_get_in(sqlite_url: str, tmp_path: Path, role: Role) -> None:
    async def scenario(site: Site) -> None:
        stranger, member = site.visitor(), site.visitor()
        await site.register(member, "иван", role)
        for path in PAGES:
            assert (await stranger.get(path)).headers["location"].startswith("/login?next=")
            assert (await member.get(path)).status_code == 403
        for path in ACTIONS:
            assert (await stranger.post(path, form={})).status_code == 401
            assert (await member.post(path, form={"role": "administrator"})).status_code == 403

    run(sqlite_url, tmp_path, scenario)


def test_an_administrator_finds_appoints_suspends_and_lets_in_again(database_url: str, tmp_path: Path) -> None:
    async def scenario(site: Site) -> None:
        admin, ivan = site.visitor(), site.visitor()
        await site.register(admin, "админ", Role.ADMINISTRATOR)
        account_id = await site.register(ivan, "иван")
        page = await admin.get("/administration/people?q=иван")
        assert f'id="person-{account_id}"' in page.text
        page = await admin.submit(page, f"role-{account_id}", role="teacher")
        assert "Teacher" in (await admin.get("/members/иван")).text
        page = await admin.submit(page, f"suspend-{account_id}")
        assert "Suspended" in page.text
        assert (await ivan.get("/profile")).status_code == 303
        await admin.submit(page, f"return-{account_id}")
        assert (await site.log_in(ivan, "иван")).status_code == 303

    run(database_url, tmp_path, scenario)


def test_wrong_ids_roles_and_the_last_administrator(sqlite_url: str, tmp_path: Path) -> None:
    async def scenario(site: Site) -> None:
        admin = site.visitor()
        account_id = await site.register(admin, "админ", Role.ADMINISTRATOR)
        assert (await admin.post("/administration/people/7/suspend")).status_code == 404
        assert (await admin.post("/administration/people/7/return")).status_code == 404
        assert (await admin.post("/administration/invitations/7/void")).status_code == 404
        role = f"/administration/people/{account_id}/role"
        assert (await admin.post(role, form={"role": "emperor"})).status_code == 422
        assert (await admin.post("/administration/registration", form={"registration": "perhaps"})).status_code == 422
        answer = await admin.post(role, form={"role": "member"})
        assert answer.status_code == 409
        assert "There must be an administrator" in answer.text

    run(sqlite_url, tmp_path, scenario)


def test_an_invitation_is_made_shown_once_used_and_taken_back(sqlite_url: str, tmp_path: Path) -> None:
    async def scenario(site: Site) -> None:
        admin = site.visitor()
        await site.register(admin, "админ", Role.ADMINISTRATOR)
        page = await admin.get("/administration/registration")
        page = await admin.submit(page, "registration", registration="invitation")
        assert (await site.visitor().post("/register", form=registration("иван"))).status_code == 403
        assert (await admin.submit(page, "uses", uses="0")).status_code == 422
        page = await admin.submit(page, "uses", uses="2")
        found = re.search(r'id="new-invitation">http://testserver(/invitation/[\w-]+)<', page.text)
        assert found is not None
        path = found[1]
        fields = registration("иван")
        guest = site.visitor()
        answer = await guest.post(path, form=fields, follow_redirects=True)
        assert answer.path == "/profile"
        page = await admin.get("/administration/registration")
        assert path not in page.text
        assert "1 person can still use it" in page.text
        await admin.submit(page, "void")
        assert (await site.visitor().get(path)).status_code == 410

    run(sqlite_url, tmp_path, scenario)
