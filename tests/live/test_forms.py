"""Forms: sent once, answered in place, nothing lost."""

import re

import pytest
from playwright.sync_api import Page, Route, expect

from fixtures.browser import Browsing, until
from fixtures.live_server import BoardServer
from fixtures.servers import wait_until

pytestmark = pytest.mark.browser


@pytest.fixture
def room(browsing: Browsing, board: BoardServer) -> Page:
    page = browsing.page(board.url + "/rooms/1")
    page.evaluate("window.mark = 1")
    return page


@pytest.fixture
def index(browsing: Browsing, board: BoardServer) -> Page:
    page = browsing.page(board.url + "/")
    page.evaluate("window.mark = 1")
    return page


def test_a_form_is_sent_answered_and_emptied_and_the_address_has_the_fragment(room: Page, board: BoardServer) -> None:
    room.locator("#text").fill("hello")
    room.get_by_role("button", name="Say").click()
    expect(room.locator("ol")).to_contain_text("guest: hello")
    expect(room.locator("#text")).to_have_value("")
    expect(room).to_have_url(re.compile(r"/rooms/1#m\d+$"))
    assert room.evaluate("document.querySelector(':target')?.localName") == "li"
    assert room.evaluate("window.mark") == 1
    room.reload()
    expect(room.locator("#text")).to_have_value("")


def test_errors_are_shown_in_place_with_what_was_typed(room: Page, browsing: Browsing, board: BoardServer) -> None:
    browsing.expect_problem("status of 422")
    room.locator("#text").fill("forbidden words")
    room.get_by_role("button", name="Say").click()
    expect(room.locator("#error")).to_contain_text("cannot be said")
    expect(room.locator("#text")).to_have_value("forbidden words")
    expect(room.locator("#text")).to_be_focused()
    expect(room).to_have_url(board.url + "/rooms/1")
    assert room.evaluate("history.length") == 2
    room.locator("#text").fill("better words")
    room.get_by_role("button", name="Say").click()
    expect(room.locator("ol")).to_contain_text("better words")
    expect(room.locator("#error")).to_have_text("")
    expect(room.locator("#text")).to_have_value("")


def test_a_double_click_sends_once(index: Page, board: BoardServer) -> None:
    index.locator("#send").dblclick()
    wait_until(lambda: board.board.slow_posts == 1, what="the form to arrive")
    expect(index.locator("#send")).to_be_disabled()
    expect(index.locator("#slow")).to_have_class("live-loading")
    assert index.locator("#slow").get_attribute("aria-busy") == "true"
    index.locator("#slow input").press("Enter")
    board.call(open_gate(board))
    expect(index.locator("h1")).to_have_text("Page posted-1")
    assert board.board.slow_posts == 1


async def open_gate(board: BoardServer) -> None:
    board.board.gate.set()


def test_what_is_typed_while_the_answer_is_awaited_is_kept(browsing: Browsing, board: BoardServer) -> None:
    page = browsing.page(board.url + "/rooms/1")
    held: list[Route] = []
    page.route("**/rooms/1/messages", lambda route: held.append(route))
    page.locator("#text").fill("first")
    with page.expect_request("**/rooms/1/messages"):
        page.get_by_role("button", name="Say").click()
    page.locator("#text").press_sequentially(" and the next")
    held[0].continue_()
    expect(page.locator("ol")).to_contain_text("guest: first")
    expect(page.locator("h1")).to_have_text("Room 1")
    until(page, "!document.documentElement.classList.contains('live-loading')")
    expect(page.locator("#text")).to_have_value("first and the next")


def test_a_form_that_could_not_be_sent_keeps_its_text_and_can_be_sent_again(room: Page, browsing: Browsing) -> None:
    browsing.expect_problem("ERR_INTERNET_DISCONNECTED")
    room.locator("#text").fill("important")
    room.context.set_offline(True)
    room.get_by_role("button", name="Say").click()
    expect(room.get_by_role("status")).to_contain_text("Not sent")
    expect(room.locator("#reply")).to_have_class("live-failed")
    expect(room.locator("#text")).to_have_value("important")
    room.context.set_offline(False)
    room.get_by_role("button", name="Say").click()
    expect(room.locator("ol")).to_contain_text("important")
    expect(room.locator("#reply")).not_to_have_class("live-failed")


def test_a_draft_is_there_again_after_going_away_and_back(room: Page) -> None:
    room.locator("#text").fill("half a thought")
    room.get_by_role("link", name="Index").click()
    expect(room.locator("h1")).to_have_text("Index")
    room.go_back()
    expect(room.locator("#text")).to_have_value("half a thought")
    room.reload()
    expect(room.locator("#text")).to_have_value("half a thought")


def test_what_was_sent_is_no_draft_though_its_sender_did_not_wait(room: Page, board: BoardServer) -> None:
    held: list[Route] = []
    room.route("**/rooms/1/messages", lambda route: held.append(route))
    room.locator("#text").fill("sent and left")
    room.get_by_role("button", name="Say").click()
    room.get_by_role("link", name="Index").click()
    expect(room.locator("h1")).to_have_text("Index")
    with room.expect_response("**/rooms/1/messages"):
        held[0].continue_()
    room.go_back()
    expect(room.locator("ol")).to_contain_text("sent and left")
    expect(room.locator("#text")).to_have_value("")


def test_a_draft_does_not_walk_into_the_form_of_another_page(room: Page, board: BoardServer) -> None:
    room.locator("#text").fill("for room 1")
    room.evaluate("live.visit('/rooms/3')")  # no room of that number: the same form, another page
    expect(room.locator("h1")).to_have_text("Room 3")
    expect(room.locator("#text")).to_have_value("")


def test_a_search_form_changes_address_and_page(index: Page, board: BoardServer) -> None:
    index.locator("#find-q").fill("кошка")
    index.locator("#find-q").press("Enter")
    expect(index.locator("#found")).to_have_text("Found for кошка")
    assert index.evaluate("new URL(location).searchParams.get('q')") == "кошка"
    index.go_back()
    expect(index.locator("h1")).to_have_text("Index")


def test_a_filter_sends_itself_keeps_the_focus_and_leaves_no_history(browsing: Browsing, board: BoardServer) -> None:
    page = browsing.page(board.url + "/")
    page.evaluate("live.visit('/search')")
    expect(page.locator("h1")).to_have_text("Search")
    page.locator("#q").press_sequentially("cats", delay=20)
    expect(page.locator("#found")).to_have_text("Found for cats")
    expect(page.locator("#q")).to_be_focused()
    expect(page.locator("#q")).to_have_value("cats")
    page.go_back()
    expect(page.locator("h1")).to_have_text("Index")


def test_a_preview_changes_its_element_only(room: Page, board: BoardServer) -> None:
    room.locator("#text").fill("<b>bold</b>")
    room.get_by_role("button", name="Preview").click()
    expect(room.locator("#preview b")).to_have_text("<b>bold</b>")
    expect(room.locator("h1")).to_have_text("Room 1")
    expect(room.locator("#text")).to_have_value("<b>bold</b>")
    expect(room).to_have_url(board.url + "/rooms/1")


def test_a_redirect_after_a_form_is_followed_to_its_fragment(index: Page, board: BoardServer) -> None:
    index.locator("#away button").click()
    expect(index.locator("h1")).to_have_text("Page arrived")
    expect(index).to_have_url(board.url + "/pages/arrived#far")
    until(index, "scrollY > 500")
    assert index.evaluate("window.mark") == 1
    index.go_back()
    expect(index.locator("h1")).to_have_text("Index")


def test_a_redirect_to_another_site_after_a_form_is_a_full_load(index: Page) -> None:
    index.locator("#away input").fill("http://127.0.0.1:1/login")
    with index.expect_request("http://127.0.0.1:1/login") as request:
        index.locator("#away button").click()
    assert request.value.is_navigation_request()
