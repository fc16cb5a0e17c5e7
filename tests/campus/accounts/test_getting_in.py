"""Registering, logging in and out: what is let in, what is refused, and how the refusal reads."""

import asyncio
import html
from pathlib import Path

import pytest

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
            assert "Мария Сидорова" in answer.text
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
