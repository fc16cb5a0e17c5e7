"""The whole way once, as people go it: `campus up` on a fresh folder, two browsers, with JavaScript and without.

Register with a Cyrillic name, start a thread, write, edit and delete, go back and forward, enrol, leave and come back.
With JavaScript the second browser sees everything arrive in the document that it loaded first; without it, after a
reload.
"""

import re
import sys
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from fixtures.browser import Browsing
from fixtures.servers import RunningCommand, free_port

pytestmark = [pytest.mark.browser, pytest.mark.process]

PASSWORD = "девять колоколов зовут"
COURSE = "/courses/how-a-request-travels"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("site")
    address = f"127.0.0.1:{free_port()}"
    command = [sys.executable, "-m", "campus", "up", "--sample", "--bind", address, "--data-directory", str(folder)]
    with RunningCommand(command, ready="Campus is at"):
        yield f"http://{address}"


class Reader:
    """One person with one page."""

    def __init__(self, page: Page, site: str, *, live: bool) -> None:
        self.page = page
        self.site = site
        self.live = live

    def open(self, path: str) -> None:
        """Load a page, and mark its document."""
        self.page.goto(self.site + path)
        self.mark()

    def mark(self) -> None:
        """Mark the document that is loaded now."""
        if self.live:
            self.page.evaluate("() => { window.sameDocument = true }")

    def look_again(self) -> None:
        """What a reader without JavaScript does to see news."""
        if not self.live:
            self.page.reload()

    def has_never_reloaded(self) -> bool:
        """Whether the document is the one that open() marked; without JavaScript there is nothing to ask."""
        return not self.live or self.page.evaluate("window.sameDocument === true") is True


@pytest.mark.parametrize("live", [True, False], ids=["javascript", "no javascript"])
def test_two_readers_go_the_whole_way(site: str, browsing: Browsing, *, live: bool) -> None:
    browsing.expect_problem("422")
    anna = Reader(browsing.page(java_script_enabled=live), site, live=live)
    ivan = Reader(browsing.page(java_script_enabled=live), site, live=live)
    register(anna, "Анна", "Ёлкина", "анна" if live else "аня")
    ivan.open("/forum/questions")
    thread = start_a_thread(anna, ivan)
    write_edit_and_delete(anna, ivan, thread)
    go_back_and_forward(anna, thread)
    learn_leave_and_come_back(anna)
    assert anna.has_never_reloaded()
    assert ivan.has_never_reloaded()


def register(reader: Reader, first: str, last: str, name: str) -> None:
    """Register; the first try has a character that no name may have, and keeps what was typed."""
    page = reader.page
    reader.open("/register")
    page.fill("[name=first_name]", first)
    page.fill("[name=last_name]", last)
    page.fill("[name=account_name]", name + "@")
    page.fill("[name=password]", PASSWORD)
    page.click("main form button[type=submit]")
    expect(page.locator("[id$=account-name-error]")).to_contain_text("@")
    expect(page.locator("[name=first_name]")).to_have_value(first)
    page.fill("[name=account_name]", name)
    page.fill("[name=password]", PASSWORD)
    page.click("main form button[type=submit]")
    expect(page.locator("#layout-account-menu")).to_contain_text(f"{first} {last}")
    reader.mark()  # a login may load a new document: what follows must not


def start_a_thread(writer: Reader, other: Reader) -> str:
    """Start a thread, see it in the other's list, and have the other open it; return its path."""
    title = f"Где звонит колокол? {'live' if writer.live else 'plain'}"
    page = writer.page
    page.click(".menu a[href='/forum']")
    page.locator("main a[href$='/forum/questions']").first.click()
    page.get_by_role("link", name="New thread").click()
    page.fill("[name=title]", title)
    page.fill("[name=text]", "Первое **сообщение**.")
    page.locator("main form button.primary").click()
    expect(page).to_have_url(re.compile(r"/threads/\d+"))
    expect(page.locator("#m1 strong")).to_have_text("сообщение")
    other.look_again()
    link = other.page.get_by_role("link", name=title)
    expect(link).to_be_visible()
    link.click()
    expect(other.page.locator("#m1")).to_be_visible()
    return page.url.removeprefix(writer.site).split("#")[0]


def write_edit_and_delete(writer: Reader, other: Reader, thread: str) -> None:
    """What one writes, changes and deletes, the other sees."""
    page = writer.page
    for text in ("Второе", "Третье"):
        page.fill("#composer textarea", text)
        page.locator("#composer button.primary").click()
        expect(page.locator(".message", has_text=text)).to_be_visible()
    other.look_again()
    expect(other.page.locator("#m3")).to_contain_text("Третье")

    page.locator("#m2").get_by_role("link", name="Edit").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Edit the message")
    page.fill("[name=text]", "Второе, исправленное")
    page.locator("main form button.primary").click()
    other.look_again()
    expect(other.page.locator("#m2")).to_contain_text("исправленное")
    expect(other.page.locator("#m2")).to_contain_text("edited")

    page.locator("#m3").get_by_role("link", name="Delete").click()
    page.locator("#delete-message button").click()
    other.look_again()
    expect(other.page.locator("#m3")).to_contain_text("This message was deleted.")
    expect(page).to_have_url(re.compile(re.escape(thread)))


def go_back_and_forward(reader: Reader, thread: str) -> None:
    """The address bar shows where one is, and the browser's own buttons lead there."""
    page = reader.page
    page.goto(reader.site + thread) if not reader.live else page.click(".menu a[href='/forum']")
    page.click(".menu a[href='/courses']")
    expect(page).to_have_url(reader.site + "/courses")
    page.locator(f"main a[href$='{COURSE}']").first.click()
    expect(page).to_have_url(reader.site + COURSE)
    page.go_back()
    expect(page).to_have_url(reader.site + "/courses")
    expect(page.get_by_role("heading", level=1)).to_have_text("Courses")
    page.go_forward()
    expect(page).to_have_url(reader.site + COURSE)
    expect(page.get_by_role("heading", level=1)).to_have_text("How a request travels")


def learn_leave_and_come_back(reader: Reader) -> None:
    """Progress is kept by those who leave, and comes back with them."""
    page = reader.page
    page.locator("#enrol button").click()
    expect(page.locator("#course-progress")).to_have_attribute("value", "0")
    page.locator(".outline a").first.click()
    page.locator("#mark-done button.primary").click()
    expect(page.locator("#lesson-progress")).to_have_attribute("value", "1")
    page.locator("a[rel=next]").first.click()
    expect(page.locator("#lesson-progress")).to_have_attribute("value", "1")
    page.locator(".crumbs a[href$='/how-a-request-travels']").first.click()
    page.locator("#leave-course button").click()
    expect(page.locator("#enrol")).to_contain_text("1 lesson that you had done is kept")
    page.locator("#enrol button").click()
    expect(page.locator("#course-progress")).to_have_attribute("value", "1")
