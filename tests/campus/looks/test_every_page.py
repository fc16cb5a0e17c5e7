"""Every page of the site, as people with other eyes, other languages and small screens meet it.

One site and one browser for all of them, because starting them costs more than the pages do.
"""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

from fixtures.browser import Browsing, until
from fixtures.looking import go, visit_as
from fixtures.tour import Stop, Tour, touring

LANGUAGES: Final = ("en", "ru")
PHONE: Final = 320
"""WCAG 2.2, 1.4.10 (reflow): 320 CSS pixels."""
IN_ENGLISH: Final = ("api",)
"""It speaks of types and fields, and those have their names from the code."""
WHOLE: Final = {"resultTypes": ["violations"]}
COLOURS: Final = {"resultTypes": ["violations"], "runOnly": ["color-contrast"]}
WIDER_THAN_THE_SCREEN: Final = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture(scope="module")
def tour(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tour]:
    with touring(tmp_path_factory.mktemp("tour")) as tour:
        yield tour


@pytest.fixture(scope="module")
def empty_tour(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tour]:
    with touring(tmp_path_factory.mktemp("empty"), is_empty=True) as tour:
        yield tour


def walk(browsing: Browsing, tour: Tour, language: str) -> Iterator[tuple[Stop, Page]]:
    """Yield every page, opened by its person in the language."""
    for person in sorted({stop.person for stop in tour.stops}):
        page = visit_as(browsing.context(viewport={"width": 1280, "height": 900}), tour, person, language)
        for stop in tour.stops:
            if stop.person == person:
                go(page, tour, stop)
                yield stop, page


def violations(page: Page, options: dict[str, Any]) -> list[str]:
    """Return what axe-core finds, one line each."""
    page.evaluate(AXE_SCRIPT)
    found = page.evaluate(f"axe.run({json.dumps(options)})")
    return [f"{one['id']}: {node['html'][:160]}" for one in found["violations"] for node in one["nodes"]]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_is_accessible_in_light_and_dark_and_fits_a_small_phone(
    browsing: Browsing, tour: Tour, language: str
) -> None:
    browsing.expect_problem(r"status of (403|404|410|422|500)|nothing\.png")
    look(browsing, tour, language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_empty_site_is_as_accessible(browsing: Browsing, empty_tour: Tour, language: str) -> None:
    look(browsing, empty_tour, language)


def look(browsing: Browsing, tour: Tour, language: str) -> None:
    """Walk through the site, and fail with everything that was found."""
    problems = []
    for stop, page in walk(browsing, tour, language):
        here = f"{stop.name} ({language})"
        if stop.name not in IN_ENGLISH and page.locator("html").get_attribute("lang") != language:
            problems.append(f"{here}: <html lang> is another language")
        problems += [f"{here}, light: {line}" for line in violations(page, WHOLE)]
        page.emulate_media(color_scheme="dark")
        problems += [f"{here}, dark: {line}" for line in violations(page, COLOURS)]
        page.set_viewport_size({"width": PHONE, "height": 700})
        if page.evaluate(WIDER_THAN_THE_SCREEN) > 0:
            problems.append(f"{here}: wider than a small phone")
        page.emulate_media(color_scheme="light")
        page.set_viewport_size({"width": 1280, "height": 900})
    assert not problems, "\n".join(problems)


def test_a_reader_sees_the_time_of_the_own_clock_also_on_the_next_page(browsing: Browsing, tour: Tour) -> None:
    page = browsing.page(f"{tour.url}/forum", timezone_id="Asia/Kathmandu")  # UTC+05:45: nobody is there by accident
    page.locator(".thread-row .title").first.click()
    page.wait_for_url("**/threads/*")
    shown = page.locator(".message time").first
    moment = datetime.fromisoformat(shown.get_attribute("datetime") or "").astimezone(ZoneInfo("Asia/Kathmandu"))
    until(page, f"document.querySelector('.message time').textContent.includes('{moment:%M}')")
    assert f"{moment.hour % 12 or 12}:{moment:%M}" in shown.inner_text()
