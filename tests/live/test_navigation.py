"""Walking through a site: the address bar tells the truth, and back, forward, reload and new tabs are as ever."""

import pytest
from playwright.sync_api import Page, Route, expect

from fixtures.browser import Browsing, until
from fixtures.live_server import BoardServer

pytestmark = pytest.mark.browser


@pytest.fixture
def page(browsing: Browsing, board: BoardServer) -> Page:
    """The index, marked: the mark is gone after a full load."""
    page = browsing.page(board.url + "/")
    page.evaluate("window.mark = 1")
    return page


def heading(page: Page, text: str) -> None:
    expect(page.locator("h1")).to_have_text(text)


def is_same_document(page: Page) -> bool:
    return bool(page.evaluate("window.mark === 1"))


def scroll_to(page: Page, y: int) -> None:
    page.evaluate(f"scrollTo(0, {y})")
    until(page, f"history.state.scroll[1] === {y}")


def test_a_link_changes_page_address_and_title_without_a_full_load(page: Page, board: BoardServer) -> None:
    page.get_by_role("link", name="one", exact=True).click()
    heading(page, "Page one")
    expect(page).to_have_url(board.url + "/pages/one")
    expect(page).to_have_title("Page one")
    assert page.locator("meta[name=description]").get_attribute("content") == "Page one"
    assert page.locator("meta[name=description]").count() == 1
    assert is_same_document(page)


def test_back_and_forward_fetch_the_page_anew_and_restore_the_scroll(page: Page, board: BoardServer) -> None:
    scroll_to(page, 700)
    page.get_by_role("link", name="one", exact=True).evaluate("(link) => link.click()")
    heading(page, "Page one")
    until(page, "scrollY === 0")
    scroll_to(page, 300)
    page.locator("#low").evaluate("(link) => link.click()")
    heading(page, "Page low")
    before = board.switches.paths.count("/")
    page.go_back()
    heading(page, "Page one")
    until(page, "scrollY === 300")
    page.go_back()
    heading(page, "Index")
    until(page, "scrollY === 700")
    expect(page).to_have_url(board.url + "/")
    assert board.switches.paths.count("/") == before + 1, "fetched, not taken from memory"
    page.go_forward()
    page.go_forward()
    heading(page, "Page low")
    assert is_same_document(page)


def test_several_steps_back_at_once(page: Page, board: BoardServer) -> None:
    for name in ("one", "next"):
        page.get_by_role("link", name=name, exact=True).first.click()
        heading(page, f"Page {name}")
    page.evaluate("history.go(-2)")
    heading(page, "Index")
    page.evaluate("history.go(2)")
    heading(page, "Page next")
    expect(page).to_have_url(board.url + "/pages/next")


def test_a_reload_shows_the_same_page_at_the_same_place(page: Page) -> None:
    page.get_by_role("link", name="one", exact=True).click()
    heading(page, "Page one")
    scroll_to(page, 500)
    page.reload()
    heading(page, "Page one")
    until(page, "scrollY === 500")
    assert not is_same_document(page)
    page.go_back()
    heading(page, "Index")


def test_the_address_works_in_another_browser(page: Page, browsing: Browsing) -> None:
    page.get_by_role("link", name="one", exact=True).click()
    heading(page, "Page one")
    heading(browsing.page(page.url), "Page one")


@pytest.mark.parametrize("modifier", ["Control", "Shift"])
def test_a_modified_click_opens_a_tab_of_its_own(page: Page, modifier: str) -> None:
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="one", exact=True).click(modifiers=[modifier])  # type: ignore[list-item]  # a literal
    heading(opened.value, "Page one")
    heading(page, "Index")


def test_a_link_with_a_target_opens_its_window(page: Page) -> None:
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="new window").click()
    heading(opened.value, "Page one")
    heading(page, "Index")


def test_a_download_is_a_download(page: Page) -> None:
    with page.expect_download():
        page.get_by_role("link", name="as a file").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="download", exact=True).click()
    assert download.value.suggested_filename == "notes.txt"
    heading(page, "Index")
    assert is_same_document(page)


def test_an_external_link_and_one_that_is_not_live_are_the_browsers(page: Page, board: BoardServer) -> None:
    # The browser goes there itself, so the request is a navigation and none of ours.
    with page.expect_request("http://127.0.0.1:1/") as request:
        page.get_by_role("link", name="external").click()
    assert request.value.is_navigation_request()
    page.goto(board.url + "/")
    with page.expect_request("**/pages/off") as request:
        page.get_by_role("link", name="not live").click()
    assert request.value.is_navigation_request()


def test_a_hash_on_the_same_page_jumps_without_a_request(page: Page, board: BoardServer) -> None:
    before = len(board.switches.paths)
    page.get_by_role("link", name="below").click()
    until(page, "location.hash === '#below' && scrollY > 500")
    page.go_back()
    until(page, "location.hash === '' && scrollY === 0")
    page.go_forward()
    until(page, "location.hash === '#below' && scrollY > 500")
    assert len(board.switches.paths) == before
    page.get_by_role("link", name="Room").evaluate("(link) => link.click()")  # without scrolling there
    heading(page, "Room 1")
    page.go_back()
    heading(page, "Index")
    until(page, "location.hash === '#below' && scrollY > 500")


def test_a_hash_on_another_page_is_jumped_to_and_is_the_target(page: Page, board: BoardServer) -> None:
    page.get_by_role("link", name="two, far down").click()
    heading(page, "Page two")
    until(page, "scrollY > 500")
    assert page.evaluate("document.querySelector(':target')?.id") == "far"
    expect(page).to_have_url(board.url + "/pages/two#far")
    page.go_back()
    heading(page, "Index")
    page.go_forward()
    heading(page, "Page two")
    assert page.evaluate("history.length") == 3, "the jump made no entry of its own"


def test_another_layout_is_loaded_whole(page: Page) -> None:
    page.get_by_role("link", name="other layout").click()
    heading(page, "Page other-layout")
    assert page.locator("html").get_attribute("data-layout") == "two"
    assert not is_same_document(page)
    page.go_back()
    heading(page, "Index")


def test_another_version_of_the_scripts_is_loaded_whole(page: Page) -> None:
    def newer(route: Route) -> None:
        response = route.fetch()
        route.fulfill(response=response, body=response.text().replace("</main>", "<p data-live-track>v2</p></main>"))

    page.route("**/pages/one", newer)
    page.get_by_role("link", name="one", exact=True).click()
    heading(page, "Page one")
    assert not is_same_document(page)


def test_an_error_page_is_shown_at_its_address(page: Page, browsing: Browsing, board: BoardServer) -> None:
    browsing.expect_problem("status of 404|Applying inline style")  # the kernel's page brings its own style and policy
    page.get_by_role("link", name="missing").click()
    expect(page).to_have_url(board.url + "/nothing/here")
    expect(page.locator("body")).to_contain_text("404")
    page.go_back()
    heading(page, "Index")


def test_a_link_without_connection_leaves_the_page_standing(page: Page, browsing: Browsing) -> None:
    browsing.expect_problem("ERR_INTERNET_DISCONNECTED")
    page.context.set_offline(True)
    page.get_by_role("link", name="one", exact=True).click()
    expect(page.get_by_role("status")).to_contain_text("could not be reached")
    heading(page, "Index")
    page.context.set_offline(False)
    page.get_by_role("link", name="one", exact=True).click()
    heading(page, "Page one")


def test_the_address_waits_for_the_answer_and_the_last_click_counts(page: Page, board: BoardServer) -> None:
    held: list[Route] = []
    page.route("**/pages/one", lambda route: held.append(route))
    page.get_by_role("link", name="one", exact=True).click()
    expect(page.locator("html")).to_have_class("live-loading")
    expect(page).to_have_url(board.url + "/")
    page.get_by_role("link", name="Room").click()
    heading(page, "Room 1")
    expect(page).to_have_url(board.url + "/rooms/1")
    held[0].abort()
    page.unroute("**/pages/one")
    page.go_back()
    heading(page, "Index")


def test_a_page_whose_style_sheet_is_late_is_given_up_for_the_next_click(page: Page, board: BoardServer) -> None:
    def styled(route: Route) -> None:
        response = route.fetch()
        body = response.text().replace("</head>", '<link rel="stylesheet" href="/late.css"></head>')
        route.fulfill(response=response, body=body)

    held: list[Route] = []
    page.route("**/pages/one", styled)
    page.route("**/late.css", lambda route: held.append(route))
    with page.expect_request("**/late.css"):
        page.get_by_role("link", name="one", exact=True).click()
    page.get_by_role("link", name="Room").click()
    heading(page, "Room 1")
    held[0].fulfill(body="h1 { color: red }", content_type="text/css")
    page.wait_for_timeout(100)
    heading(page, "Room 1")
    expect(page).to_have_url(board.url + "/rooms/1")
    assert page.locator("link[rel=stylesheet]").count() == 0


def test_going_back_while_a_page_is_loading_gives_it_up(page: Page, board: BoardServer) -> None:
    page.get_by_role("link", name="one", exact=True).click()
    heading(page, "Page one")
    held: list[Route] = []
    page.route("**/pages/next", lambda route: held.append(route))
    page.get_by_role("link", name="next").click()
    expect(page.locator("html")).to_have_class("live-loading")
    page.go_back()
    heading(page, "Index")
    expect(page.locator("html")).not_to_have_class("live-loading")
    expect(page).to_have_url(board.url + "/")


def test_a_screen_reader_is_told_and_led_to_the_heading(page: Page) -> None:
    page.get_by_role("link", name="one", exact=True).click()
    heading(page, "Page one")
    expect(page.get_by_role("status")).to_have_text("Page one")
    expect(page.locator("h1")).to_be_focused()


def test_a_view_transition_is_used_where_the_page_asks_for_it(browsing: Browsing, board: BoardServer) -> None:
    page = browsing.page(board.url + "/", reduced_motion="no-preference")
    page.evaluate(
        """() => {
            document.head.insertAdjacentHTML("beforeend", "<meta name=view-transition content=same-origin>");
            const start = document.startViewTransition.bind(document);
            document.startViewTransition = (change) => { window.transitions = 1; return start(change); };
        }"""
    )
    page.get_by_role("link", name="one", exact=True).click()
    heading(page, "Page one")
    assert page.evaluate("transitions") == 1


def test_what_is_in_the_layout_stays_the_same_element(page: Page) -> None:
    page.evaluate("document.querySelector('nav').mark = 1")
    page.get_by_role("link", name="one", exact=True).click()
    heading(page, "Page one")
    assert page.evaluate("document.querySelector('nav').mark") == 1


def test_a_lazy_part_is_filled_and_filled_again_on_the_way_back(page: Page, board: BoardServer) -> None:
    expect(page.locator("#late em")).to_have_text("it came")
    page.get_by_role("link", name="one", exact=True).click()
    heading(page, "Page one")
    page.go_back()
    expect(page.locator("#late em")).to_have_text("it came")
    assert board.switches.paths.count("/late") == 2


def test_a_lazy_part_that_fails_stays_and_hurts_nobody(browsing: Browsing, board: BoardServer) -> None:
    browsing.expect_problem("ERR_FAILED")
    context = browsing.context()
    context.route("**/late", lambda route: route.abort())
    page = context.new_page()
    page.goto(board.url + "/")
    expect(page.locator("#late")).to_have_text("loading")
    page.get_by_role("link", name="one", exact=True).click()
    heading(page, "Page one")


def test_a_page_from_the_browsers_memory_is_brought_up_to_date(browsing: Browsing, board: BoardServer) -> None:
    page = browsing.page(board.url + "/rooms/1")
    page.evaluate("window.dispatchEvent(new PageTransitionEvent('pagehide', {persisted: true}))")
    assert page.evaluate("live.connection.state") == "idle", "a page in memory holds no connection"
    board.call(board.board.say(1, "ada", "while in memory"))
    page.evaluate("window.dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))")
    expect(page.locator("ol")).to_contain_text("while in memory")
    until(page, "live.connection.state === 'open'")


def test_a_hidden_page_makes_no_connection_until_somebody_looks(browsing: Browsing, board: BoardServer) -> None:
    context = browsing.context()
    context.add_init_script(
        """window.isHidden = true;
        Object.defineProperty(document, "hidden", {get: () => window.isHidden});"""
    )
    page = context.new_page()
    page.goto(board.url + "/rooms/1")
    until(page, "window.live?.connection.state === 'paused'")
    page.evaluate("window.isHidden = false; document.dispatchEvent(new Event('visibilitychange'))")
    until(page, "live.connection.state === 'open'")
