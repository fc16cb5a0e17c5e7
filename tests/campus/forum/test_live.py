"""The forum in several browsers at once, on our server with two workers: everything arrives without a reload.

Rule 4 of docs/design.md: the table is the truth, the bus is a hint. What is pushed comes at once; what nobody pushed
(a worker that died before it could, a network that was away) comes by comparison of versions.
"""

import json
import os
import signal
import statistics
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, Request
from websockets.sync.client import ClientConnection, connect

from campus.model import Role
from fixtures.browser import Browsing
from fixtures.course_site import publish_lesson
from fixtures.live_forum import LiveSite, Person, live_site
from fixtures.servers import wait_until

pytestmark = pytest.mark.process

PUSHED_SECONDS = 10.0  # nobody asks the database by itself, and a browser's beat comes after 25 s
HEALED_SECONDS = 20.0
LATENCY_MILLISECONDS = 100

WATCH = """() => {
  window.arrivals = {};
  new MutationObserver(() => {
    for (const one of document.querySelectorAll('.messages > .message')) window.arrivals[one.id] ??= Date.now();
  }).observe(document.body, {childList: true, subtree: true});
}"""


@pytest.fixture
def site(tmp_path: Path, database_url: str) -> Iterator[LiveSite]:
    with live_site(tmp_path, database_url) as running:
        yield running


@pytest.fixture(scope="module")
def sqlite_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveSite]:
    folder = tmp_path_factory.mktemp("forum")
    with live_site(folder, f"sqlite:///{folder}/site.sqlite") as running:
        yield running


def opened(browsing: Browsing, site: LiveSite, person: Person | None, path: str, *, connected: bool = True) -> Page:
    """Open a page in a context of its own, and wait until its parts are known to be fresh."""
    context = browsing.context()
    if person is not None:
        context.add_cookies([person.cookie(site.url)])  # type: ignore[list-item]  # Playwright's TypedDict
    page = context.new_page()
    page.goto(site.url + path)
    if connected:
        page.locator("html.live-connected").wait_for()
    page.evaluate("() => { window.sameDocument = true }")
    return page


def sees(page: Page, selector: str, *, seconds: float = PUSHED_SECONDS, **having: Any) -> None:
    """Fail unless the page shows it in time, in the document that was loaded first."""
    page.locator(selector, **having).first.wait_for(timeout=seconds * 1000)
    assert page.evaluate("window.sameDocument === true"), "the page was loaded again"


def misses(page: Page, selector: str, *, seconds: float = PUSHED_SECONDS, **having: Any) -> None:
    """Fail unless it is gone in time."""
    page.locator(selector, **having).first.wait_for(state="detached", timeout=seconds * 1000)
    assert page.evaluate("window.sameDocument === true"), "the page was loaded again"


def send(page: Page, text: str) -> None:
    page.fill("#message-form-text", text)
    page.click("#message-form button.primary")


def test_what_is_written_edited_deleted_locked_and_pinned_reaches_the_other_browsers(
    site: LiveSite, browsing: Browsing
) -> None:
    anna, petra = site.person("anna"), site.person("petra", Role.MODERATOR)
    number = site.start_thread(anna, "Bread")
    path = f"/threads/{number}"
    writer, moderator = opened(browsing, site, anna, path), opened(browsing, site, petra, path)
    stranger, listing = opened(browsing, site, None, path), opened(browsing, site, None, "/forum/questions")
    requests = count_requests(stranger)

    send(writer, "A **second** one")
    for page in (writer, moderator, stranger):
        sees(page, "#m2 strong", has_text="second")
    assert wait_for(writer, lambda: writer.input_value("#message-form-text") == "", PUSHED_SECONDS), "it is sent"
    sees(listing, ".thread-row .count", has_text="2")
    sees(writer, "#m2 [data-own] a")  # the writer may edit it at once
    assert not stranger.locator("#m2 [data-own]").count()

    writer.click("#m2 [data-own] a >> nth=0")
    writer.wait_for_url("**/edit")
    writer.fill("#message-form-text", "A *third* one")
    writer.click("#message-form button.primary")
    for page in (writer, moderator, stranger):
        sees(page, "#m2 em", has_text="third")

    moderator.click("#moderate-pinned button")
    sees(stranger, ".badge", has_text="Pinned")
    sees(listing, ".thread-row .badge", has_text="Pinned")
    writer.fill("#message-form-text", "half a thou")
    moderator.click("#moderate-locked button")
    sees(stranger, ".thread-locked")
    sees(writer, ".thread-locked")
    writer.locator("#message-form-text").wait_for(state="hidden")
    moderator.click("#moderate-locked button")
    misses(writer, ".thread-locked")
    assert writer.input_value("#message-form-text") == "half a thou", "an update takes nothing from who is typing"

    writer.goto(f"{site.url}{path}/messages/2/delete")
    writer.click("#delete-message button")
    for page in (moderator, stranger):
        sees(page, "#m2.removed")
        assert "third" not in page.inner_text("#m2")
    moderator.click("#moderate-m1 button")
    sees(stranger, "#m1.hidden-message")
    assert "Message 1" not in stranger.locator(".messages").inner_html(), "not only out of sight"
    moderator.click("#moderate-hidden button")
    misses(stranger, "#m1")
    assert requests() == [], "everything was pushed: the reader's page asked for nothing"


def count_requests(page: Page) -> Callable[[], list[str]]:
    """Return a function that lists what the page has asked for since."""
    seen: list[str] = []

    def note(request: Request) -> None:
        seen.append(request.url)

    page.on("request", note)
    return lambda: list(seen)


def test_the_median_message_is_in_the_other_browser_within_100_ms(sqlite_site: LiveSite, browsing: Browsing) -> None:
    site = sqlite_site
    anna = site.person("anna")
    path = f"/threads/{site.start_thread(anna, 'Bread')}"
    writer, reader = opened(browsing, site, anna, path), opened(browsing, site, None, path)
    reader.evaluate(WATCH)
    took = []
    for number in range(2, 23):
        writer.fill("#message-form-text", f"Message {number}")
        sent = writer.evaluate(
            "() => { const at = Date.now(); document.querySelector('#message-form').requestSubmit(); return at }"
        )
        reader.locator(f"#m{number}").wait_for()
        assert wait_for(writer, lambda: writer.input_value("#message-form-text") == "", PUSHED_SECONDS)
        took.append(reader.evaluate(f"window.arrivals['m{number}']") - sent)
    assert len(took) >= 20
    assert statistics.median(took) < LATENCY_MILLISECONDS, took


def test_where_sockets_are_blocked_messages_come_by_a_stream(sqlite_site: LiveSite, browsing: Browsing) -> None:
    site = sqlite_site
    anna = site.person("anna")
    path = f"/threads/{site.start_thread(anna, 'Bread')}"
    context = browsing.context()
    context.route_web_socket("**/*", lambda route: route.close())
    reader = context.new_page()
    streams: list[str] = []
    reader.on("request", lambda request: streams.append(request.url))
    reader.goto(site.url + path)
    assert wait_for(reader, lambda: any("/live/events" in one for one in streams), HEALED_SECONDS)
    reader.locator("html.live-connected").wait_for()
    reader.evaluate("() => { window.sameDocument = true }")
    streams.clear()
    writer = opened(browsing, site, anna, path)
    send(writer, "By another way")
    sees(reader, "#m2")
    assert streams == [], "pushed, not polled"


def test_a_page_is_complete_after_the_network_was_away(sqlite_site: LiveSite, browsing: Browsing) -> None:
    site = sqlite_site
    browsing.expect_problem("ERR_INTERNET_DISCONNECTED|WebSocket")
    anna = site.person("anna")
    number = site.start_thread(anna, "Bread")
    reader = opened(browsing, site, None, f"/threads/{number}")
    writer = opened(browsing, site, anna, f"/threads/{number}")
    reader.context.set_offline(True)
    for text in ("two", "three"):
        send(writer, text)
        sees(writer, ".message", has_text=text)
    assert not reader.locator("#m2").count(), "the network is away, else this proves nothing"
    reader.context.set_offline(False)
    sees(reader, "#m2", seconds=HEALED_SECONDS)
    sees(reader, "#m3", seconds=HEALED_SECONDS)


def test_a_page_is_complete_after_the_worker_that_held_its_socket_was_killed(
    sqlite_site: LiveSite, browsing: Browsing
) -> None:
    site = sqlite_site
    browsing.expect_problem("WebSocket|ERR_CONNECTION|ERR_EMPTY")
    anna = site.person("anna")
    number = site.start_thread(anna, "Bread")
    closed: list[str] = []
    context = browsing.context()
    reader = context.new_page()
    reader.on("websocket", lambda socket: socket.on("close", lambda _socket: closed.append(socket.url)))
    reader.goto(f"{site.url}/threads/{number}")
    reader.locator("html.live-connected").wait_for()
    reader.evaluate("() => { window.sameDocument = true }")
    for pid in site.server.worker_pids():  # the page's own among them; each is replaced before the next one goes
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: pid not in site.server.worker_pids(), what="the end of the worker")  # noqa: B023  # called at once
        if wait_for(reader, lambda: bool(closed), 0.5):
            break
    assert wait_for(reader, lambda: bool(closed), HEALED_SECONDS), "the socket ended with its worker"
    site.write(anna, number, "while nobody listened")
    sees(reader, "#m2", seconds=HEALED_SECONDS)


def wait_for(page: Page, condition: Callable[[], bool], seconds: float) -> bool:
    """Return whether the condition holds in time; the page's events are heard meanwhile."""
    for _ in range(round(seconds / 0.02)):
        if condition():
            return True
        page.wait_for_timeout(20)
    return condition()


def test_a_message_whose_worker_died_between_commit_and_publish_arrives(
    tmp_path: Path, sqlite_url: str, browsing: Browsing
) -> None:
    with live_site(tmp_path, sqlite_url, has_floor=True) as site:
        anna = site.person("anna")
        number = site.start_thread(anna, "Bread")
        reader = opened(browsing, site, None, f"/threads/{number}")
        site.write(anna, number, "told to nobody")  # by a process without a bus
        sees(reader, "#m2", seconds=HEALED_SECONDS)
        browsing.close()


def test_a_full_page_leads_to_the_next_one_and_who_reads_below_stays_there(
    sqlite_site: LiveSite, browsing: Browsing
) -> None:
    site = sqlite_site
    anna, boris = site.person("anna"), site.person("boris")
    number = site.start_thread(anna, "Bread", messages=29)
    path = f"/threads/{number}"
    reader, writer = opened(browsing, site, anna, path), opened(browsing, site, boris, path)
    assert reader.evaluate("scrollY") == 0
    send(writer, "the thirtieth")
    sees(reader, "#m30")
    sees(reader, ".new-below a")
    assert reader.evaluate("scrollY") == 0, "who reads above is not moved"
    reader.click(".new-below a")
    reader.locator(".new-below a").wait_for(state="hidden")
    send(writer, "the first of the next page")
    writer.wait_for_url(f"{site.url}{path}?page=2#m31")
    sees(reader, ".pages a[rel=next]")
    reader.click(".pages a[rel=next]")
    sees(reader, "#m31")
    send(writer, "and one more")
    sees(reader, "#m32")


def test_the_first_message_beside_a_lesson_appears_beside_it_in_the_other_browser(
    sqlite_site: LiveSite, browsing: Browsing
) -> None:
    site = sqlite_site
    anna = site.person("anna")
    address, _subject = site.behind(publish_lesson)
    writer, reader = opened(browsing, site, anna, address), opened(browsing, site, None, address)
    assert reader.locator(".lesson-thread .empty").is_visible()
    send(writer, "Is this **clear**?")
    sees(reader, ".lesson-thread #m1 strong")
    sees(writer, ".lesson-thread #m1 strong")
    send(writer, "And this?")
    sees(reader, ".lesson-thread #m2")


def test_what_is_unread_is_marked_in_lists_and_in_the_menu_until_another_tab_shows_it(
    sqlite_site: LiveSite, browsing: Browsing
) -> None:
    site = sqlite_site
    anna, boris = site.person("anna"), site.person("boris")
    listing = opened(browsing, site, boris, "/forum/questions")
    writer = opened(browsing, site, anna, "/forum/questions/new")
    writer.fill("#thread-form-title", "Spelt")
    writer.fill("#thread-form-text", "A grain.")
    writer.click("#thread-form button.primary")
    writer.wait_for_url("**/threads/*")
    row = f"#thread-{writer.url.rpartition('/')[2]}"
    sees(listing, f"{row} a.badge", has_text="new")
    count = "#layout-unread-count .badge"
    sees(listing, count)
    other_tab = listing.context.new_page()
    other_tab.goto(writer.url)
    misses(listing, f"{row} a.badge")
    other_tab.close()
    send(writer, "Another.")
    sees(listing, f"{row} a.badge", has_text="1 new")
    assert not writer.locator(f"{row} a.badge").count()


def test_a_preview_follows_what_is_typed_once_it_was_asked_for(sqlite_site: LiveSite, browsing: Browsing) -> None:
    site = sqlite_site
    anna = site.person("anna")
    page = opened(browsing, site, anna, f"/threads/{site.start_thread(anna, 'Bread')}")
    page.fill("#message-form-text", "one **bold** word")
    page.click("#message-form button[name=preview]")
    sees(page, "#preview strong", has_text="bold")
    page.fill("#message-form-text", "one `code` word")
    sees(page, "#preview code", has_text="code", seconds=HEALED_SECONDS)
    assert page.input_value("#message-form-text") == "one `code` word"
    assert not page.locator("#m2").count(), "a preview sends nothing"


def test_a_preview_takes_old_complaints_away(sqlite_site: LiveSite, browsing: Browsing) -> None:
    browsing.expect_problem("status of 422")
    site = sqlite_site
    anna = site.person("anna")
    page = opened(browsing, site, anna, f"/threads/{site.start_thread(anna, 'Bread')}")
    page.click("#message-form button.primary")
    sees(page, "#message-form .form-errors")
    page.fill("#message-form-text", "one **bold** word ")
    page.click("#message-form button[name=preview]")
    sees(page, "#preview strong", has_text="bold")
    misses(page, "#message-form .form-errors")
    misses(page, "#message-form [aria-invalid], #message-form .field-wrong, #message-form .field-error")
    assert page.input_value("#message-form-text") == "one **bold** word ", "as it was typed, to the last space"
    page.click("#message-form button.primary")
    sees(page, "#m2", has_text="bold")


def test_a_message_is_pushed_to_sockets_on_every_worker(sqlite_site: LiveSite) -> None:
    site = sqlite_site
    anna = site.person("anna")
    number = site.start_thread(anna, "Bread")
    address = f"thread-messages?community=1&number={number}&page=1"
    with ExitStack() as open_sockets:
        sockets: list[ClientConnection] = []
        workers: set[int] = set()
        while len(workers) < 2:
            assert len(sockets) < 200, "the connections all went to one worker"
            socket = open_sockets.enter_context(connect(site.url.replace("http", "ws") + "/live/socket"))
            sockets.append(socket)
            workers.add(holder_of(socket.local_address[1], site.server.port, site.server.worker_pids()))
            socket.send(json.dumps({"join": [[address, ""]]}))
            assert '"m1\\"' in next_html(socket)
        cookie = anna.cookie(site.url)
        headers = {"cookie": f"{cookie['name']}={cookie['value']}", "sec-fetch-site": "same-origin"}
        answer = httpx.post(f"{site.url}/threads/{number}/messages", data={"text": "To all"}, headers=headers)
        assert answer.status_code == 303
        for socket in sockets:
            assert "To all" in next_html(socket)


def next_html(socket: ClientConnection) -> str:
    """Return the next message that brings HTML, as it is on the wire; it must come before any floor asks."""
    while True:
        message = str(socket.recv(PUSHED_SECONDS))
        if '"type":"html"' in message:
            return message


def holder_of(client_port: int, server_port: int, pids: list[int]) -> int:
    """Return the process that holds the server's end of a connection on this machine (/proc/net/tcp, proc(5))."""
    ends = f"0100007F:{server_port:04X} 0100007F:{client_port:04X}"
    line = next(line for line in Path("/proc/net/tcp").read_text().splitlines() if ends in line)
    wanted = f"socket:[{line.split()[9]}]"
    for pid in pids:
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            try:
                if descriptor.readlink() == Path(wanted):
                    return pid
            except FileNotFoundError:
                continue  # closed meanwhile
    raise AssertionError(f"none of {pids} holds {wanted}")
