"""Live parts in real browsers: pushed, complete after every kind of absence, and never against whoever types."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from fixtures.browser import Browsing, until
from fixtures.live_server import BoardServer
from fixtures.servers import wait_until

pytestmark = pytest.mark.browser

CONNECTED = re.compile(r"\blive-connected\b")
OFFLINE = re.compile(r"\blive-offline\b")


def room(browsing: Browsing, board: BoardServer, *, name: str = "", **options: Any) -> Page:
    """A page of room 1 in a browser of its own, connected."""
    context = browsing.context(**options)
    if name:
        context.add_cookies([{"name": "name", "value": name, "url": board.url}])
    page = context.new_page()
    page.goto(board.url + "/rooms/1")
    if options.get("java_script_enabled", True):
        expect(page.locator("html")).to_have_class(CONNECTED)
    return page


def say(board: BoardServer, text: str, *, publish: bool = True) -> None:
    board.call(board.board.say(1, "ada", text, publish=publish))


def has(page: Page, text: str) -> None:
    expect(page.locator("ol")).to_contain_text(text)


def requests_of(page: Page) -> list[str]:
    urls: list[str] = []
    page.on("request", lambda request: urls.append(request.url))
    return urls


def test_a_message_is_pushed_to_the_other_browser_without_a_request(browsing: Browsing, board: BoardServer) -> None:
    writer, reader = room(browsing, board, name="ada"), room(browsing, board)
    requests = requests_of(reader)
    reader.evaluate("window.mark = 1")
    writer.locator("#text").fill("Привет, мир")
    writer.get_by_role("button", name="Say").click()
    has(reader, "ada: Привет, мир")
    has(writer, "ada: Привет, мир")
    expect(reader.locator("p span")).to_have_text("1")
    assert requests == []
    assert reader.evaluate("window.mark") == 1, "no full reload"


def test_an_idle_page_asks_nothing(browsing: Browsing, board: BoardServer) -> None:
    page = room(browsing, board)
    requests = requests_of(page)
    before = len(board.switches.paths)
    page.wait_for_timeout(2500)  # the claim is about time that passes
    assert requests == []
    assert len(board.switches.paths) == before


def test_an_update_leaves_focus_caret_and_text_to_whoever_types(browsing: Browsing, board: BoardServer) -> None:
    page = room(browsing, board)
    page.locator("#text").press_sequentially("half a sentence")
    page.locator("#text").press("Home")
    page.locator("#text").press_sequentially(">")
    say(board, "news")
    has(page, "news")
    assert page.evaluate("[document.activeElement.id, document.activeElement.selectionStart]") == ["text", 1]
    expect(page.locator("#text")).to_have_value(">half a sentence")


def test_details_that_were_opened_stay_open_when_a_message_comes(browsing: Browsing, board: BoardServer) -> None:
    say(board, "first")
    page = room(browsing, board)
    page.locator("summary").click()
    say(board, "second")
    has(page, "second")
    assert page.locator("details").first.evaluate("(d) => d.open") is True


def test_a_personal_part_fills_its_place(browsing: Browsing, board: BoardServer) -> None:
    page = room(browsing, board, name="ada")
    expect(page.locator("[data-live^=own]")).to_have_text("ada wrote 0")
    say(board, "x")
    expect(page.locator("[data-live^=own]")).to_have_text("ada wrote 1")


def test_after_logging_in_the_connection_is_the_members_own(browsing: Browsing, board: BoardServer) -> None:
    page = room(browsing, board)
    page.evaluate("window.mark = 1")
    page.get_by_role("link", name="Index").click()
    page.locator("#login input").fill("ada")
    page.locator("#login button").click()
    expect(page.locator("[data-live^=own]")).to_have_text("ada wrote 0")
    say(board, "x")
    expect(page.locator("[data-live^=own]")).to_have_text("ada wrote 1")
    assert page.evaluate("window.mark") == 1


def test_what_must_not_be_seen_any_more_is_emptied(browsing: Browsing, board: BoardServer) -> None:
    say(board, "private")
    page = room(browsing, board, name="ada")
    has(page, "private")
    board.call(board.board.change_account("ada", suspended=True))
    expect(page.locator("ol")).to_have_count(0)
    assert "private" not in page.content()


def test_a_page_is_complete_after_it_was_offline(browsing: Browsing, board: BoardServer) -> None:
    browsing.expect_problem("ERR_INTERNET_DISCONNECTED")
    page = room(browsing, board)
    page.context.set_offline(True)
    expect(page.locator("html")).to_have_class(OFFLINE)
    say(board, "while away")
    expect(page.locator("ol")).not_to_contain_text("while away")
    page.locator("#text").fill("typed while away")
    page.context.set_offline(False)
    has(page, "while away")
    expect(page.locator("html")).to_have_class(CONNECTED)
    expect(page.locator("#text")).to_have_value("typed while away")


def test_a_page_is_complete_after_its_connection_was_cut(browsing: Browsing, board: BoardServer) -> None:
    page = room(browsing, board)
    board.drop_connections()
    say(board, "while away")
    has(page, "while away")
    say(board, "pushed again")
    has(page, "pushed again")


def test_a_message_whose_publish_was_lost_arrives_by_the_floor(browsing: Browsing, board: BoardServer) -> None:
    page = room(browsing, board)
    requests = requests_of(page)
    say(board, "said by a worker that died", publish=False)
    has(page, "said by a worker that died")
    assert requests == []


def test_where_sockets_are_blocked_the_stream_takes_over(browsing: Browsing, board: BoardServer) -> None:
    board.switches.blocks_sockets = True
    browsing.expect_problem("WebSocket connection to .* failed")
    page = room(browsing, board)
    assert page.evaluate("live.connection.way") == "stream"
    requests = requests_of(page)
    say(board, "streamed")
    has(page, "streamed")
    assert requests == [], "pushed, not polled"
    board.drop_connections()
    say(board, "streamed again")
    has(page, "streamed again")


def test_where_streams_are_blocked_too_the_page_asks_each_second(browsing: Browsing, board: BoardServer) -> None:
    board.switches.blocks_sockets = board.switches.blocks_streams = True
    browsing.expect_problem("WebSocket connection to .* failed")
    browsing.expect_problem("status of 502")
    page = room(browsing, board)
    assert page.evaluate("live.connection.way") == "poll"
    say(board, "asked for")
    has(page, "asked for")


def test_under_wsgi_the_page_is_told_to_ask_and_opens_no_socket(browsing: Browsing, board: BoardServer) -> None:
    board.switches.is_wsgi = True
    page = room(browsing, board)
    assert page.locator("meta[name=live-transport]").get_attribute("content") == "poll"
    say(board, "asked for")
    has(page, "asked for")
    assert "/live/socket" not in board.switches.paths
    assert "/live/events" not in board.switches.paths


def test_a_server_that_was_away_is_not_taken_for_a_blocked_socket(browsing: Browsing, board: BoardServer) -> None:
    browsing.expect_problem("WebSocket connection to .* failed")
    page = room(browsing, board)
    board.switches.blocks_sockets = True
    board.drop_connections()
    expect(page.locator("html")).to_have_class(OFFLINE)
    wait_until(lambda: board.switches.paths.count("/live/socket") >= 3, what="several tries")
    board.switches.blocks_sockets = False
    expect(page.locator("html")).to_have_class(CONNECTED, timeout=20_000)
    assert page.evaluate("live.connection.way") == "socket"


def test_a_page_without_live_parts_opens_no_connection(browsing: Browsing, board: BoardServer) -> None:
    page = browsing.page(board.url + "/")
    assert page.evaluate("live.connection.state") == "idle"
    page.locator("#room-link").click()
    expect(page.locator("html")).to_have_class(CONNECTED)
    say(board, "seen after walking there")
    has(page, "seen after walking there")


def test_a_page_with_too_many_parts_keeps_the_first_ones_alive(browsing: Browsing, board: BoardServer) -> None:
    page = room(browsing, board)
    warnings: list[str] = []
    page.on("console", lambda message: warnings.append(message.text) if message.type == "warning" else None)
    page.evaluate(
        """() => {
            for (let room = 100; room < 600; room++) {
                const part = `<div data-live="a-part-with-a-long-name?room=${room}" data-version=""></div>`;
                document.body.insertAdjacentHTML("beforeend", part);
            }
            live.connection.update();
        }"""
    )
    say(board, "still live")
    has(page, "still live")
    wait_until(lambda: page.evaluate("1") and warnings, what="the warning of what stays still")
    assert page.evaluate("live.connection.state") == "open"


def test_a_burst_of_messages_ends_with_all_of_them_shown(browsing: Browsing, board: BoardServer) -> None:
    page = room(browsing, board)
    for number in range(100):
        say(board, f"message {number}.")
    expect(page.locator("ol > li")).to_have_count(100)
    has(page, "message 99.")
    expect(page.locator("p span")).to_have_text("100")


def test_going_to_another_page_leaves_the_parts_of_the_first(browsing: Browsing, board: BoardServer) -> None:
    page = room(browsing, board)
    wait_until(lambda: len(board.board.live.feeds) == 2, what="two feeds")
    page.get_by_role("link", name="Index").click()
    expect(page.locator("h1")).to_have_text("Index")
    wait_until(lambda: len(board.board.live.feeds) == 0, what="no feeds")


def test_the_latency_simulator_delays_what_is_sent(browsing: Browsing, board: BoardServer) -> None:
    page = browsing.page(board.url + "/")
    page.evaluate("live.latency(400)")
    page.evaluate("window.began = performance.now()")
    page.locator("#room-link").click()
    expect(page.locator("h1")).to_have_text("Room 1")
    assert page.evaluate("performance.now() - began") >= 400
    page.evaluate("live.latency(0)")


def test_hooks_tell_the_pages_own_scripts_and_may_say_no(browsing: Browsing, board: BoardServer) -> None:
    page = room(browsing, board)
    page.evaluate(
        """() => {
            window.heard = [];
            for (const name of ["live:before-morph", "live:morphed"]) {
                document.addEventListener(name, (event) => { heard.push([name, event.detail.address]); });
            }
            document.addEventListener("live:before-morph", (event) => {
                if (event.detail.address.startsWith("count")) event.preventDefault();
            });
        }"""
    )
    say(board, "x")
    has(page, "x")
    until(page, "heard.length >= 3")
    heard = page.evaluate("heard")
    assert ["live:before-morph", "board?room=1"] in heard
    assert ["live:morphed", "board?room=1"] in heard
    assert ["live:morphed", "count?room=1"] not in heard
    expect(page.locator("p span")).to_have_text("0")


def test_without_javascript_everything_is_there_and_nothing_moves(browsing: Browsing, board: BoardServer) -> None:
    browsing.expect_problem("status of 422")
    page = room(browsing, board, java_script_enabled=False)
    page.locator("#text").fill("plain")
    page.get_by_role("button", name="Say").click()
    has(page, "plain")
    assert page.url.startswith(board.url + "/rooms/1#m")
    page.locator("#text").fill("")
    page.get_by_role("button", name="Say").click()
    expect(page.locator("#error")).to_contain_text("cannot be said")
    page.get_by_role("link", name="Index").click()
    page.get_by_role("link", name="one", exact=True).click()
    page.go_back()
    expect(page.locator("h1")).to_have_text("Index")
