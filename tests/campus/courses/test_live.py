"""Courses in several browsers, on our server with two workers: progress and outlines arrive without a reload."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from campus.model import Role
from fixtures.browser import Browsing
from fixtures.course_site import make_course
from fixtures.live_forum import LiveSite, Person, live_site

pytestmark = [pytest.mark.browser, pytest.mark.process]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveSite]:
    """Nothing here asks by itself: what arrives was pushed."""
    folder: Path = tmp_path_factory.mktemp("courses")
    with live_site(folder, f"sqlite:///{folder}/site.sqlite") as running:
        yield running


def entered(browsing: Browsing, site: LiveSite, person: Person | None) -> BrowserContext:
    context = browsing.context()
    if person is not None:
        context.add_cookies([person.cookie(site.url)])  # type: ignore[list-item]  # Playwright's TypedDict
    return context


def opened(context: BrowserContext, site: LiveSite, path: str) -> Page:
    """Open a tab, and wait until it is connected."""
    page = context.new_page()
    page.goto(site.url + path)
    page.locator("html.live-connected").wait_for()
    page.evaluate("() => { window.sameDocument = true }")
    return page


def test_progress_reaches_the_readers_other_tabs_and_comes_back_after_leaving(
    site: LiveSite, browsing: Browsing
) -> None:
    site.behind(lambda units: make_course(units, slug="progress", course_id=21))
    context = entered(browsing, site, site.person("anna"))
    course, lesson = opened(context, site, "/courses/progress"), opened(context, site, "/courses/progress/water")
    other = opened(entered(browsing, site, site.person("boris")), site, "/courses/progress")

    course.click("#enrol button")
    expect(course.locator("#my-progress")).to_contain_text("0 of 3 lessons done")
    expect(lesson.locator("#mark-done")).to_be_visible()
    lesson.click("#mark-done button")
    expect(lesson.locator("#my-lesson")).to_contain_text("1 of 3 lessons done")
    expect(course.locator("#my-progress")).to_contain_text("1 of 3 lessons done")
    expect(course.locator(".outline li.done")).to_have_count(1)
    course.click("#leave-course button")
    expect(lesson.locator("#enrol")).to_be_visible()
    course.click("#enrol button")
    expect(course.locator("#my-progress")).to_contain_text("1 of 3 lessons done")
    expect(other.locator("#enrol")).to_be_visible()  # another reader sees nothing of it
    assert all(page.evaluate("window.sameDocument === true") for page in (course, lesson, other))


def test_a_changed_outline_reaches_open_pages(site: LiveSite, browsing: Browsing) -> None:
    teacher = site.person("olga", Role.TEACHER)
    site.behind(lambda units: make_course(units, slug="outline", course_id=22, teacher=teacher.account_id))
    writer = opened(entered(browsing, site, teacher), site, "/courses/outline/fire/edit")
    stranger = opened(entered(browsing, site, None), site, "/courses/outline")
    member = opened(entered(browsing, site, site.person("vera")), site, "/courses/outline")

    writer.fill("#lesson-form-title", "Embers")
    writer.click("#lesson-form button.primary")
    for page in (stranger, member):
        expect(page.locator(".outline")).to_contain_text("Embers")
        assert page.evaluate("window.sameDocument === true")


def test_the_preview_opens_beside_what_is_typed(site: LiveSite, browsing: Browsing) -> None:
    teacher = site.person("ilya", Role.TEACHER)
    site.behind(lambda units: make_course(units, slug="preview", course_id=23, teacher=teacher.account_id))
    page = opened(entered(browsing, site, teacher), site, "/courses/preview/fire/edit")
    page.fill("#lesson-form-text", "Very **hot**.")
    page.click("button[name=preview]")
    expect(page.locator("#preview strong")).to_have_text("hot")
    assert page.input_value("#lesson-form-text") == "Very **hot**."
    assert page.url == f"{site.url}/courses/preview/fire/edit"


def test_everything_works_without_javascript(site: LiveSite, browsing: Browsing) -> None:
    site.behind(lambda units: make_course(units, slug="plain", course_id=24))
    context = browsing.context(java_script_enabled=False)
    context.add_cookies([site.person("gleb").cookie(site.url)])  # type: ignore[list-item]  # Playwright's TypedDict
    page = context.new_page()
    page.goto(f"{site.url}/courses/plain")
    page.click("#enrol button")
    page.click(".outline a >> nth=0")
    page.click("#mark-done button")
    expect(page.locator("#my-lesson")).to_contain_text("1 of 3 lessons done")
    page.click("a[rel=next]")
    expect(page.locator("h1")).to_have_text("Water")
    page.go_back()
    expect(page.locator("h1")).to_have_text("Flour")
