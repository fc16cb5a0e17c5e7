"""The front page in its states, and what browsers and search engines ask a site for."""

import asyncio
from pathlib import Path
from xml.etree import ElementTree

import pytest

from campus.courses.model import CourseState
from campus.settings import CampusSettings
from fixtures.campus_site import Site, running
from fixtures.course_site import RunScenario, make_course, runner
from veche.web.errors import WrongConfiguration


@pytest.fixture
def run(sqlite_url: str, tmp_path: Path) -> RunScenario:
    return runner(sqlite_url, tmp_path)


def test_an_empty_community_says_so(run: RunScenario) -> None:
    async def scenario(site: Site) -> None:
        answer = await site.visitor().get("/")
        assert answer.status_code == 200
        assert "This place is new" in answer.text
        assert "Всё только" not in answer.text
        assert "Здесь всё только начинается" in (await site.visitor(accept_language="ru").get("/")).text

    run(scenario)


def test_a_stranger_sees_courses_to_start_and_a_member_the_own_ones_first(run: RunScenario) -> None:
    async def scenario(site: Site) -> None:
        await make_course(site.units)
        await make_course(site.units, slug="salt", course_id=12)
        visitor = site.visitor()
        page = (await visitor.get("/")).text
        assert "Courses to start" in page
        assert 'href="/courses/bread"' in page
        assert "Go on learning" not in page
        await site.register(visitor, "иван")
        await visitor.post("/courses/salt/enrol")
        page = (await visitor.get("/")).text
        assert "Иван Петров" in page
        assert page.index('href="/courses/salt"') < page.index('href="/courses/bread"')
        assert page.count('href="/courses/salt"') == 1

    run(scenario)


def test_a_reader_of_another_language_is_not_left_with_nothing(run: RunScenario) -> None:
    async def scenario(site: Site) -> None:
        await make_course(site.units)
        assert 'href="/courses/bread"' in (await site.visitor(accept_language="ru").get("/")).text

    run(scenario)


def test_the_site_map_lists_public_pages_only_and_robots_txt_names_it(run: RunScenario) -> None:
    async def scenario(site: Site) -> None:
        await make_course(site.units)
        await make_course(site.units, slug="secret", course_id=12, state=CourseState.DRAFT)
        visitor = site.visitor()
        robots = await visitor.get("/robots.txt")
        assert robots.headers["content-type"].startswith("text/plain")
        address = robots.text.partition("Sitemap: ")[2].strip()
        assert address.endswith("/sitemap.xml")
        answer = await visitor.get("/sitemap.xml")
        assert answer.headers["content-type"].startswith("application/xml")
        listed = [
            element.text or "" for element in ElementTree.fromstring(answer.text).iter() if element.text
        ]  # our own answer
        paths = ["/" + one.split("/", 3)[3] for one in listed if one.startswith("http")]
        assert paths[0] == "/"
        assert {"/courses", "/courses/bread", "/courses/bread/flour", "/forum"} <= set(paths)
        assert not [path for path in paths if "secret" in path]
        for path in paths:
            assert (await visitor.get(path)).status_code == 200, path

    run(scenario)


def test_every_public_page_tells_others_what_it_is_and_where(run: RunScenario) -> None:
    async def scenario(site: Site) -> None:
        await make_course(site.units)
        visitor = site.visitor()
        for path in ("/", "/courses", "/courses/bread", "/courses/bread/flour", "/forum"):
            page = (await visitor.get(path)).text
            assert page.count("<h1") == 1, path
            assert page.count("<title>") == 1, path
            address = page.partition('rel="canonical" href="')[2].partition('"')[0]
            assert address.startswith("http"), path
            assert address.endswith(path), path
            assert f'property="og:url" content="{address}"' in page, path
            for mark in ('name="description"', "og:title", "og:type", "og:locale", "og:image", "index, follow"):
                assert mark in page, f"{path} lacks {mark}"
        assert 'name="robots" content="noindex"' in (await visitor.get("/login")).text

    run(scenario)


def test_every_icon_that_a_page_names_is_there(run: RunScenario) -> None:
    async def scenario(site: Site) -> None:
        visitor = site.visitor()
        page = (await visitor.get("/")).text
        icons = [part.partition('"')[0] for part in page.split('icon" href="')[1:]]
        assert len(icons) == 3
        for address in icons:
            assert (await visitor.get(address)).headers["content-type"].startswith("image/"), address

    run(scenario)


def test_a_stranger_chooses_the_language_at_the_foot_of_any_page_and_stays_there(run: RunScenario) -> None:
    async def scenario(site: Site) -> None:
        visitor = site.visitor()
        page = await visitor.get("/courses?language=ru")
        assert '<html lang="en">' in page.text
        address = page.text.partition('id="choose-language"')[2].partition('action="')[2].partition('"')[0]
        answer = await visitor.post(address.replace("&amp;", "&"), form={"language": "ru"})
        assert answer.status_code == 303
        assert answer.headers["location"] == "/courses?language=ru"
        page = await visitor.get("/courses?language=ru")
        assert '<html lang="ru">' in page.text
        assert page.headers["content-language"] == "ru"

    run(scenario)


def test_the_operator_chooses_the_layout_and_a_missing_one_fails_the_start(tmp_path: Path) -> None:
    async def order(layout: str) -> bool:
        settings = CampusSettings(registration="open", layout=layout)
        folder = tmp_path / layout
        folder.mkdir()
        async with running(f"sqlite:///{folder / 'site.sqlite3'}", folder, settings) as site:
            page = (await site.visitor().get("/login")).text
            return page.index("<main") < page.index("<nav")

    assert asyncio.run(order("menu_in_footer"))
    assert not asyncio.run(order("menu_left"))
    with pytest.raises(WrongConfiguration, match="nowhere"):
        asyncio.run(order("nowhere"))
