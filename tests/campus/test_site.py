"""The composed site: its own error pages, what middleware adds, its start and its end."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from campus.accounts.feature import ACCOUNTS
from campus.accounts.services import open_identity
from campus.accounts.viewer import Viewers
from campus.feature import Feature, ProfileSection
from campus.model import METADATA
from campus.screen import Screen
from campus.settings import CampusSettings
from campus.site import create_application
from fixtures.campus_site import CHEAP, KeptLog, Site, running
from veche.data import DatabaseUnavailable, create_tables, open_database
from veche.identity import Passwords
from veche.log import Level
from veche.web import HTTPConnection, HTTPException, Response, Route
from veche.web.testing import Client


async def broken(_screen: Screen) -> Response:
    raise RuntimeError("the secret is 42")


async def unavailable() -> Response:
    raise DatabaseUnavailable("nobody answers")


async def gone() -> Response:
    raise HTTPException(410, "It was here.")


async def shown(reader: object, viewer: object, account_id: int) -> dict[str, object] | None:
    return {"count": 7}


async def hidden(reader: object, viewer: object, account_id: int) -> dict[str, object] | None:
    return None


def extra_feature(folder: Path) -> Feature:
    """A feature with pages that fail and a part of the member's page."""
    templates = folder / "extra" / "templates"
    templates.mkdir(parents=True)
    (templates / "section.html").write_text("<p>{{ section.count }} of them</p>", encoding="utf-8")
    return Feature(
        name="extra",
        templates=templates,
        routes=(Route("/broken", broken), Route("/unavailable", unavailable), Route("/gone", gone)),
        profile_sections=(
            ProfileSection("extra/section.html", shown),
            ProfileSection("extra/nothing.html", hidden),
        ),
    )


def run(
    url: str, folder: Path, scenario: Callable[[Site], Awaitable[None]], settings: CampusSettings | None = None
) -> None:
    async def whole() -> None:
        async with running(url, folder, settings, features=(ACCOUNTS, extra_feature(folder))) as site:
            await scenario(site)

    asyncio.run(whole())


def test_an_unknown_path_is_the_sites_own_404_in_the_readers_language(sqlite_url: str, tmp_path: Path) -> None:
    async def scenario(site: Site) -> None:
        answer = await site.visitor(accept_language="ru").get("/нет/такого")
        assert answer.status_code == 404
        assert "Здесь ничего нет" in answer.text
        assert 'class="shell"' in answer.text
        problem = await site.visitor(accept="application/json").get("/nothing")
        assert problem.headers["content-type"] == "application/problem+json"

    run(sqlite_url, tmp_path, scenario)


def test_the_readable_page_of_the_api_wears_the_sites_style_sheet(sqlite_url: str, tmp_path: Path) -> None:
    async def scenario(site: Site) -> None:
        page = (await site.visitor().get("/api")).text
        found = re.search(r'<link rel="stylesheet" href="([^"]+)">', page)
        assert found is not None
        sheet = await site.visitor().get(found[1])
        assert sheet.status_code == 200
        assert sheet.headers["content-type"].startswith("text/css")
        assert "main.api" in sheet.text
        assert '<main class="api">' in page

    run(sqlite_url, tmp_path, scenario)


def test_a_403_advises_to_send_again_only_where_that_helps(sqlite_url: str, tmp_path: Path) -> None:
    async def scenario(site: Site) -> None:
        member = site.visitor()
        await site.register(member, "anna")
        answer = await member.get("/administration/people")
        assert answer.status_code == 403
        assert "Your role in this community" in answer.text
        assert "once more" not in answer.text
        foreign = {"sec-fetch-site": "cross-site"}
        answer = await member.post("/login", form={}, headers=foreign)
        assert answer.status_code == 403
        assert "send it once more" in answer.text
        assert "Your role" not in answer.text
        russian = await member.post("/login", form={}, headers={**foreign, "accept-language": "ru"})
        assert "отправьте форму ещё раз" in russian.text

    run(sqlite_url, tmp_path, scenario)


def test_who_is_logged_in_stays_so_on_an_error_page(sqlite_url: str, tmp_path: Path) -> None:
    async def scenario(site: Site) -> None:
        visitor = site.visitor()
        await site.register(visitor, "иван")
        assert 'action="/logout"' in (await visitor.get("/nothing")).text
        assert 'action="/logout"' not in (await site.visitor().get("/nothing")).text
        assert (await visitor.get("/gone")).status_code == 410

    run(sqlite_url, tmp_path, scenario)


def test_a_server_error_is_a_page_with_an_id_that_stands_in_the_log(sqlite_url: str, tmp_path: Path) -> None:
    async def scenario(site: Site) -> None:
        answer = await site.visitor().get("/broken")
        assert answer.status_code == 500
        assert "the secret is 42" not in answer.text
        logged = [fields for level, _message, fields in site.log.entries if level is Level.ERROR]
        assert str(logged[-1]["error_id"]) in answer.text
        assert "the secret is 42" in str(logged[-1]["error"])

    run(sqlite_url, tmp_path, scenario)


def test_the_traceback_is_shown_in_debug_only(sqlite_url: str, tmp_path: Path) -> None:
    async def scenario(site: Site) -> None:
        answer = await site.visitor().get("/broken")
        assert "the secret is 42" in answer.text
        assert "test_site.py" in answer.text

    run(sqlite_url, tmp_path, scenario, CampusSettings(debug=True))


def test_a_database_that_does_not_answer_is_503_also_for_who_is_logged_in(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(site: Site) -> None:
        visitor = site.visitor()
        await site.register(visitor, "иван")
        answer = await visitor.get("/unavailable")
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "2"

        async def down(self: Viewers, connection: HTTPConnection) -> object:
            raise DatabaseUnavailable("nobody answers")

        monkeypatch.setattr(Viewers, "_find", down)
        answer = await visitor.get("/profile")
        assert answer.status_code == 503
        assert "Nothing that was saved is lost" in answer.text
        assert (await visitor.get("/nothing")).status_code == 404

    run(sqlite_url, tmp_path, scenario)


def test_every_page_carries_its_policy_and_is_not_kept_by_others(sqlite_url: str, tmp_path: Path) -> None:
    async def scenario(site: Site) -> None:
        for path in ("/", "/login", "/nothing"):
            answer = await site.visitor().get(path)
            policy = answer.headers["content-security-policy"]
            assert "default-src 'self'" in policy
            assert "frame-ancestors 'none'" in policy
            assert "unsafe-inline" not in policy
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["cache-control"] in ("private, no-cache", "no-store")

    run(sqlite_url, tmp_path, scenario)


def test_a_page_names_the_live_client_and_the_style_sheet_and_both_are_there(sqlite_url: str, tmp_path: Path) -> None:
    async def scenario(site: Site) -> None:
        visitor = site.visitor()
        page = await visitor.get("/")
        for mark in ('rel="stylesheet" href="', 'type="module" src="'):
            address = page.text.partition(mark)[2].partition('"')[0]
            assert (await visitor.get(address)).status_code == 200, address

    run(sqlite_url, tmp_path, scenario)


def test_a_feature_adds_its_part_to_a_members_page(sqlite_url: str, tmp_path: Path) -> None:
    async def scenario(site: Site) -> None:
        visitor = site.visitor()
        await site.register(visitor, "иван")
        for path in ("/profile", "/members/иван"):
            assert "<p>7 of them</p>" in (await visitor.get(path)).text

    run(sqlite_url, tmp_path, scenario)


def test_requests_are_logged_when_asked_for(sqlite_url: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        create_tables(open_database(sqlite_url), METADATA)
        settings = CampusSettings(database=sqlite_url, data_directory=str(tmp_path))
        for wanted in (True, False):
            log = KeptLog()
            identity = open_identity(Passwords(CHEAP))
            application = create_application(settings, logger=log, log_requests=wanted, identity=identity)
            async with Client(application) as client:
                await client.get("/login")
            assert [fields["path"] for _level, message, fields in log.entries if message == "request"] == (
                ["/login"] if wanted else []
            )

    asyncio.run(scenario())
