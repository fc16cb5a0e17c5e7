"""One's own page and members' pages: what is changed, shown, ended."""

import asyncio
import html
import re
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from campus.accounts.actions import create_token
from campus.accounts.administration import suspend, unsuspend
from campus.accounts.services import open_identity
from campus.model import DEFAULT_COMMUNITY_ID, Role
from fixtures.campus_site import PASSWORD, Site, running
from veche.data import Reader
from veche.identity import SessionModel, Sessions

Scenario = Callable[[Site], Awaitable[None]]


def run(url: str, folder: Path, scenario: Scenario) -> None:
    async def whole() -> None:
        async with running(url, folder) as site:
            await scenario(site)

    asyncio.run(whole())


def test_names_and_about_are_changed_and_seen_by_strangers(database_url: str, tmp_path: Path) -> None:
    async def scenario(site: Site) -> None:
        ivan = site.visitor()
        await site.register(ivan, "Иван")
        page = await ivan.get("/profile")
        page = await ivan.submit(
            page, "about", first_name="  Иоанн ", last_name="", about="Люблю **сети**. <script>alert(1)</script>"
        )
        assert page.path == "/profile"
        assert 'value="Иоанн"' in page.text
        seen = await site.visitor().get("/members/Иван")
        assert "<h1>Иоанн</h1>" in seen.text
        assert "<strong>сети</strong>" in seen.text
        assert "<script>alert" not in seen.text
        assert (await site.visitor().get("/members/ИВАН")).headers["location"] == "/members/%D0%98%D0%B2%D0%B0%D0%BD"
        assert (await site.visitor().get("/members/nobody")).status_code == 404

    run(database_url, tmp_path, scenario)


def test_a_wrong_profile_comes_back_with_every_error_and_nothing_is_changed(sqlite_url: str, tmp_path: Path) -> None:
    async def scenario(site: Site) -> None:
        ivan = site.visitor()
        await site.register(ivan, "иван")
        wrong = {"first_name": "И1", "last_name": "П\u202e", "about": "x" * 4001}
        answer = await ivan.post("/profile", form=wrong)
        assert answer.status_code == 422
        assert answer.text.count('class="field-error"') == 3
        assert "“1”" in answer.text
        assert "U+202E RIGHT-TO-LEFT OVERRIDE" in answer.text
        assert "Иван Петров" in (await site.visitor().get("/members/иван")).text

    run(sqlite_url, tmp_path, scenario)


def test_a_new_password_asks_for_the_old_one_and_ends_the_other_browsers(sqlite_url: str, tmp_path: Path) -> None:
    async def scenario(site: Site) -> None:
        here, there = site.visitor(), site.visitor()
        await site.register(here, "иван")
        await site.log_in(there, "иван")
        wrong = await here.post("/profile/password", form={"old_password": "nonsense!", "new_password": "новые слова"})
        assert wrong.status_code == 422
        assert "This is not your present password." in wrong.text
        weak = await here.post("/profile/password", form={"old_password": PASSWORD, "new_password": "qwertyuiop"})
        assert "would be guessed at once" in weak.text
        before = here.cookies["session"]
        good = await here.post("/profile/password", form={"old_password": PASSWORD, "new_password": "новые слова"})
        assert good.status_code == 303
        assert here.cookies["session"] != before
        assert (await here.get("/profile")).status_code == 200
        assert (await there.get("/profile")).status_code == 303

    run(sqlite_url, tmp_path, scenario)


def test_sessions_are_shown_with_their_browsers_and_ended(database_url: str, tmp_path: Path) -> None:
    async def scenario(site: Site) -> None:
        here = site.visitor(user_agent="Robot <here>")
        phone = site.visitor(user_agent="Phone")
        laptop = site.visitor(user_agent="Laptop")
        await site.register(here, "иван")
        stranger = site.visitor()
        await site.register(stranger, "мария")
        for one in (phone, laptop):
            await site.log_in(one, "иван")
        page = await here.get("/profile")
        assert "Robot &lt;here&gt;" in page.text
        ids = re.findall(r'id="session-(\d+)"', page.text)
        assert len(ids) == 3
        ends = [form for form in page.forms if form.action.endswith("/end")]
        assert len(ends) == 2, "the own session is ended by logging out"
        assert (await stranger.post(ends[0].action)).status_code == 404
        await here.submit(page, ends[0])
        left = [one for one in (phone, laptop) if (await one.get("/profile")).status_code == 200]
        assert len(left) == 1
        await here.post("/profile/sessions/end-others")
        assert (await left[0].get("/profile")).status_code == 303
        assert (await here.get("/profile")).status_code == 200

    run(database_url, tmp_path, scenario)


def test_the_language_is_the_members_then_the_cookies_then_the_browsers(sqlite_url: str, tmp_path: Path) -> None:
    async def scenario(site: Site) -> None:
        visitor = site.visitor(accept_language="ru-RU,ru;q=0.9,en;q=0.5")
        assert '<html lang="ru">' in (await visitor.get("/login")).text
        await visitor.post("/language?next=/login", form={"language": "en"})
        assert '<html lang="en">' in (await visitor.get("/login")).text
        await site.register(visitor, "иван")
        answer = await visitor.post("/language?next=//evil.example", form={"language": "ru"})
        assert answer.headers["location"] == "/"
        assert '<html lang="ru">' in (await visitor.get("/profile")).text
        elsewhere = site.visitor(accept_language="en")
        await site.log_in(elsewhere, "иван")
        assert '<html lang="ru">' in (await elsewhere.get("/profile")).text
        await elsewhere.post("/language", form={"language": ""})
        assert '<html lang="en">' in (await elsewhere.get("/profile")).text
        assert (await visitor.post("/language", form={"language": "tlh"})).status_code == 422

    run(sqlite_url, tmp_path, scenario)


def test_a_token_is_shown_once_acts_for_its_owner_and_ends_when_revoked(database_url: str, tmp_path: Path) -> None:
    async def scenario(site: Site) -> None:
        ivan = site.visitor()
        await site.register(ivan, "иван")
        page = await ivan.submit(await ivan.get("/profile"), "token_name", token_name="Резервная <копия>")
        found = re.search(r'id="new-token">(veche_[\w-]+)<', page.text)
        assert found is not None
        token = found[1]
        assert page.headers["cache-control"] == "no-store"
        page = await ivan.get("/profile")
        assert token not in page.text
        assert html.escape("Резервная <копия>") in page.text
        program = site.visitor(authorization=f"Bearer {token}")
        assert 'value="Петров"' in (await program.get("/profile")).text
        # No session cookie, so nothing can be forged: a form passes without proof of its origin.
        posted = await program.post("/language", headers={"sec-fetch-site": "cross-site"}, form={"language": "ru"})
        assert posted.status_code == 303
        for path in ("/profile/tokens", "/profile/password", "/profile/sessions/end-others"):
            form = {"token_name": "more", "old_password": PASSWORD, "new_password": "новые слова"}
            assert (await program.post(path, form=form)).status_code == 403, "a program is not the person"
        await ivan.submit(page, "revoke")
        answer = await program.get("/profile", headers={"accept": "application/json"})
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'
        assert answer.headers["content-type"].startswith("application/problem+json")

    run(database_url, tmp_path, scenario)


@pytest.mark.parametrize(
    "authorization", ["Bearer", "Bearer ", "Bearer veche_x", "Bearer \u00e9", "bearer veche_" + "A" * 43]
)
def test_a_token_that_opens_nothing_is_401_everywhere(sqlite_url: str, tmp_path: Path, authorization: str) -> None:
    async def scenario(site: Site) -> None:
        program = site.visitor(authorization=authorization, accept="application/json")
        for path in ("/", "/login", "/profile"):
            assert (await program.get(path)).status_code == 401

    run(sqlite_url, tmp_path, scenario)


def test_a_suspended_members_browser_and_token_are_out_at_once(sqlite_url: str, tmp_path: Path) -> None:
    async def scenario(site: Site) -> None:
        ivan = site.visitor()
        account_id = await site.register(ivan, "иван")
        identity = open_identity(now=site.clock)
        token = await create_token(site.units, identity, account_id, "program")
        program = site.visitor(authorization=f"Bearer {token}", accept="application/json")
        assert (await program.get("/")).status_code == 200
        await suspend(site.units, identity, DEFAULT_COMMUNITY_ID, account_id)
        assert (await ivan.get("/profile")).status_code == 303
        assert (await program.get("/")).status_code == 401
        answer = await site.log_in(ivan, "иван")
        assert answer.status_code == 403
        assert "An administrator has suspended this account." in answer.text
        await unsuspend(site.units, DEFAULT_COMMUNITY_ID, account_id)
        assert (await ivan.get("/profile")).status_code == 303, "the old session does not come back"
        assert (await program.get("/")).status_code == 200

    run(sqlite_url, tmp_path, scenario)


def test_a_session_is_over_when_idle_and_its_last_use_is_written_seldom(sqlite_url: str, tmp_path: Path) -> None:
    async def scenario(site: Site) -> None:
        ivan = site.visitor()
        await site.register(ivan, "иван")
        for _ in range(5):
            site.clock.advance(timedelta(days=29))
            assert (await ivan.get("/profile")).status_code == 200
        site.clock.advance(timedelta(days=30))
        assert (await ivan.get("/profile")).status_code == 303

    run(sqlite_url, tmp_path, scenario)


def test_roles_are_shown_on_the_members_page(sqlite_url: str, tmp_path: Path) -> None:
    async def scenario(site: Site) -> None:
        await site.register(site.visitor(), "мария", Role.TEACHER)
        assert "Teacher" in (await site.visitor().get("/members/мария")).text

    run(sqlite_url, tmp_path, scenario)


def test_one_page_looks_its_viewer_up_once(sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(site: Site) -> None:
        visitor = site.visitor()
        await site.register(visitor, "иван")
        looked: list[str] = []
        find = Sessions.find

        async def counted(sessions: Sessions, reader: Reader, secret: str, now: datetime) -> SessionModel | None:
            looked.append(secret)
            return await find(sessions, reader, secret, now)

        monkeypatch.setattr(Sessions, "find", counted)
        page = await visitor.get("/profile")
        assert 'action="/logout"' in page.text, "the layout's menu knows the viewer, too"
        assert len(looked) == 1

    run(sqlite_url, tmp_path, scenario)
