"""Registering, logging in and out: what is let in, what is refused, and how the refusal reads."""

import asyncio
import html
from pathlib import Path

import pytest

from campus.accounts.administration import create_administrator_link, create_password_link
from campus.accounts.services import open_identity
from campus.settings import CampusSettings, Registration
from fixtures.campus_site import PASSWORD, registration, running
from veche.web.testing import ClientResponse


def said(answer: ClientResponse, input_id: str) -> str:
    """Return the error beside the input, as a reader sees it."""
    _before, found, after = answer.text.partition(f'id="{input_id}-error">')
    assert found, f"there is no error beside {input_id}: {answer.text}"
    return html.unescape(after.partition("</p>")[0])


def test_a_cyrillic_name_registers_logs_out_and_logs_in(database_url: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(database_url, tmp_path) as site:
            visitor = site.visitor()
            page = await visitor.get("/register")
            answer = await visitor.submit(
                page, "register", first_name="Мария", last_name="Сидорова", account_name="Маша", password=PASSWORD
            )
            assert answer.path == "/profile"
            assert 'value="Мария"' in answer.text
            assert 'value="Сидорова"' in answer.text
            answer = await visitor.submit(answer, "log-out")
            assert answer.path == "/"
            assert (await visitor.get("/profile")).headers["location"] == "/login?next=%2Fprofile"
            page = await visitor.get("/login?next=%2Fprofile")
            answer = await visitor.submit(page, "login", account_name="МАША", password=PASSWORD)
            assert answer.path == "/profile"

    asyncio.run(scenario())


def test_every_error_stands_beside_its_field_and_all_but_the_password_is_kept(sqlite_url: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(sqlite_url, tmp_path) as site:
            typed = registration("ив@н/\u202e", first_name="Иван1", last_name="<Петров>", password="short-one")
            answer = await site.visitor().post("/register", form=typed)
            assert answer.status_code == 422
            assert said(answer, "registration-form-first-name") == "These characters are not allowed here: “1”."
            assert said(answer, "registration-form-last-name") == "These characters are not allowed here: “<”, “>”."
            assert said(answer, "registration-form-account-name") == (
                "These characters are not allowed here: “@”, “/”, U+202E RIGHT-TO-LEFT OVERRIDE."
            )
            assert said(answer, "registration-form-password") == "At least 10 characters are needed."
            assert 'value="Иван1"' in answer.text
            assert 'value="&lt;Петров&gt;"' in answer.text
            assert 'value="ив@н/\u202e"' in answer.text
            assert "short-one" not in answer.text

    asyncio.run(scenario())


@pytest.mark.parametrize("typed", ["iv@n", "ivan petrov", "иван\u200b", "iv\tan", "иван😀"])
def test_forbidden_characters_are_named_at_login_too(sqlite_url: str, tmp_path: Path, typed: str) -> None:
    async def scenario() -> None:
        async with running(sqlite_url, tmp_path) as site:
            answer = await site.log_in(site.visitor(), typed, "some secret words")
            assert answer.status_code == 422
            assert said(answer, "login-form-account-name").startswith("These characters are not allowed here: ")
            assert html.escape(typed) in answer.text
            assert "some secret words" not in answer.text

    asyncio.run(scenario())


@pytest.mark.parametrize("name", ["никто", "иван"])
def test_a_refused_login_says_the_same_for_a_wrong_name_and_a_wrong_password(
    sqlite_url: str, tmp_path: Path, name: str
) -> None:
    async def scenario() -> None:
        async with running(sqlite_url, tmp_path) as site:
            await site.register(site.visitor(), "иван")
            answer = await site.log_in(site.visitor(), name, "wrong horse battery")
            assert answer.status_code == 422
            assert "There is no account with this name and this password." in answer.text
            assert f'value="{name}"' in answer.text

    asyncio.run(scenario())


def test_after_too_many_attempts_the_page_says_when_to_come_back(sqlite_url: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(sqlite_url, tmp_path) as site:
            await site.register(site.visitor(), "иван")
            for _ in range(10):
                await site.log_in(site.visitor(), "иван", "wrong horse battery")
            answer = await site.log_in(site.visitor(accept_language="ru"), "иван")
            assert answer.status_code == 429
            assert int(answer.headers["retry-after"]) == 90
            assert "через 2 минуты" in answer.text

    asyncio.run(scenario())


def test_a_name_that_looks_like_one_that_exists_is_refused_beside_its_field(sqlite_url: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(sqlite_url, tmp_path) as site:
            await site.register(site.visitor(), "сор")
            answer = await site.visitor().post("/register", form=registration("cop"))
            assert answer.status_code == 422
            assert "looks like it" in said(answer, "registration-form-account-name")
            answer = await site.visitor().post("/register", form=registration("иvan"))
            assert "(Cyrillic, Latin)" in said(answer, "registration-form-account-name")

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("wanted", "reached"),
    [
        ("/profile", "/profile"),
        ("/members/иван?a=1&b=2#c", "/members/%D0%B8%D0%B2%D0%B0%D0%BD?a=1&b=2#c"),
        ("https://evil.example/", "/"),
        ("//evil.example/", "/"),
        ("/\\evil.example/", "/"),
        ("/\t/evil.example/", "/"),
        ("javascript:alert(1)", "/"),
        ("", "/"),
    ],
)
def test_a_login_leads_on_within_this_site_only(sqlite_url: str, tmp_path: Path, wanted: str, reached: str) -> None:
    async def scenario() -> None:
        async with running(sqlite_url, tmp_path) as site:
            visitor = site.visitor()
            await site.register(visitor, "иван")
            await visitor.post("/logout")
            form = {"account_name": "иван", "password": PASSWORD, "next": wanted}
            assert (await visitor.post("/login", form=form)).headers["location"] == reached

    asyncio.run(scenario())


@pytest.mark.parametrize("registration_mode", ["invitation", "closed"])
def test_where_registration_is_not_open_the_form_is_not_shown_and_not_taken(
    sqlite_url: str, tmp_path: Path, registration_mode: Registration
) -> None:
    async def scenario() -> None:
        settings = CampusSettings(registration=registration_mode)
        async with running(sqlite_url, tmp_path, settings) as site:
            page = await site.visitor().get("/register")
            assert page.status_code == 200
            assert 'name="account_name"' not in page.text
            answer = await site.visitor().post("/register", form=registration("иван"))
            assert answer.status_code == 403
            assert (await site.visitor().get("/invitation/unknown")).status_code == 410

    asyncio.run(scenario())


def test_another_site_cannot_log_a_browser_out_or_in(sqlite_url: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(sqlite_url, tmp_path) as site:
            visitor = site.visitor()
            await site.register(visitor, "иван")
            for path in ("/logout", "/login", "/profile", "/profile/password", "/profile/tokens", "/language"):
                answer = await visitor.post(path, headers={"sec-fetch-site": "cross-site"}, form={})
                assert answer.status_code == 403, path
            assert (await visitor.get("/profile")).status_code == 200
            assert (await visitor.get("/logout")).status_code == 405, "a picture's address must not log out"

    asyncio.run(scenario())


def test_over_https_the_cookie_is_bound_to_the_host(sqlite_url: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        settings = CampusSettings(registration="open", public_url="https://campus.example")
        async with running(sqlite_url, tmp_path, settings) as site:
            answer = await site.visitor().post("/register", form=registration("иван"))
            cookie = answer.headers["set-cookie"]
            assert cookie.startswith("__Host-session=")
            assert {"Path=/", "Secure", "HttpOnly", "SameSite=Lax"} <= set(cookie.split("; "))

    asyncio.run(scenario())


def test_a_planted_session_cookie_does_not_become_ones_own(sqlite_url: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(sqlite_url, tmp_path) as site:
            attacker, victim = site.visitor(), site.visitor()
            await site.register(attacker, "чужой")
            planted = attacker.cookies["session"]
            await site.register(site.visitor(), "иван")
            victim.cookies["session"] = planted
            answer = await site.log_in(victim, "иван")
            assert answer.status_code == 303
            assert victim.cookies["session"] != planted
            assert "чужой" not in (await victim.get("/profile")).text
            assert (await attacker.get("/profile")).status_code == 303, "the planted session ended"

    asyncio.run(scenario())


def test_the_links_lead_through_their_forms_once(sqlite_url: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(sqlite_url, tmp_path, CampusSettings(registration="closed")) as site:
            identity = open_identity(now=site.clock)
            path = await create_administrator_link(site.units, identity)
            first, second = site.visitor(), site.visitor()
            pages = [await first.get(path), await second.get(path)]
            assert all(page.headers["referrer-policy"] == "same-origin" for page in pages)
            fields = registration("админ")
            answer = await first.post(path, form=fields, follow_redirects=True)
            assert (answer.path, answer.status_code) == ("/administration/people", 200)
            answer = await second.post(path, form={**fields, "account_name": "второй"})
            assert answer.status_code == 410
            path = await create_password_link(site.units, identity, "админ")
            page = await second.get(path)
            assert "админ" in page.text
            answer = await second.submit(page, "new_password", new_password="админ")
            assert answer.status_code == 422
            answer = await second.submit(page, "new_password", new_password="совсем новые слова")
            assert answer.path == "/profile"
            assert (await first.get("/profile")).status_code == 303, "sessions of the old password are over"
            assert (await second.get(path)).status_code == 410
            assert (await site.log_in(site.visitor(), "админ", "совсем новые слова")).status_code == 303

    asyncio.run(scenario())
