"""The morph, in a real browser: a table of before and after, and what must survive in between."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, Route

import veche.live
from fixtures.browser import Browsing

pytestmark = pytest.mark.browser

CLIENT = Path(veche.live.__file__).parent / "client"
ORIGIN = "http://morph.test"

COUNT_CHANGES = """() => {
    window.records = 0;
    const everything = {subtree: true, childList: true, attributes: true, characterData: true};
    new MutationObserver((list) => { records += list.length; }).observe($("#root"), everything);
}"""


def answer(route: Route) -> None:
    path = route.request.url.removeprefix(ORIGIN)
    if path.startswith("/client/"):
        text = (CLIENT / path.removeprefix("/client/")).read_text()
        route.fulfill(body=text, content_type="text/javascript")
    elif path == "/":
        script = (
            '<script type="module">import {morph, locked} from "/client/morph.js"; '
            "window.morph = morph; window.locked = locked</script>"
        )
        route.fulfill(
            body=f"<!doctype html><html lang=en><title>t</title>{script}<body></body></html>", content_type="text/html"
        )
    else:
        route.fulfill(body="<!doctype html><p>a frame", content_type="text/html")


# Browsers without it (Safari, Firefox before 144) move an element by taking it out and putting it in.
WITHOUT_MOVE_BEFORE = "() => { delete Element.prototype.moveBefore; delete DocumentFragment.prototype.moveBefore; }"


@pytest.fixture
def page(browsing: Browsing) -> Page:
    context = browsing.context()
    context.route(f"{ORIGIN}/**", answer)
    page = context.new_page()
    page.goto(ORIGIN + "/")
    page.wait_for_function("!!window.morph")
    page.evaluate(
        """() => {
            window.put = (html) => { document.body.innerHTML = `<div id="root">${html}</div>`; };
            window.to = (html, options = {}) => {
                const next = new DOMParser().parseFromString(`<div id="root">${html}</div>`, "text/html");
                morph(document.getElementById("root"), next.body.firstChild, options);
                return document.getElementById("root").innerHTML;
            };
            window.$ = (selector) => document.querySelector(selector);
        }"""
    )
    return page


CASES = {
    "nothing to nothing": ("", ""),
    "text": ("a", "b"),
    "text to element": ("a", "<b>a</b>"),
    "element to text": ("<b>a</b>", "a"),
    "attributes added, changed and removed": ('<p class="a" title="t">x</p>', '<p class="b" lang="ru">x</p>'),
    "an attribute name only a parser makes": ("<p>x</p>", '<p @click="1">x</p>'),
    "other tag": ("<p>x</p>", "<div>x</div>"),
    "appended": ("<li>1</li><li>2</li>", "<li>1</li><li>2</li><li>3</li>"),
    "prepended": ("<li>1</li><li>2</li>", "<li>0</li><li>1</li><li>2</li>"),
    "removed in the middle": ("<li>1</li><li>2</li><li>3</li>", "<li>1</li><li>3</li>"),
    "all removed": ("<li>1</li><li>2</li>", ""),
    "keyed, reversed": (
        '<p id="a">a</p><p id="b">b</p><p id="c">c</p>',
        '<p id="c">c</p><p id="b">b!</p><p id="a">a</p>',
    ),
    "keyed and unkeyed mixed": (
        '<i>1</i><p id="a">a</p>t<p id="b">b</p>',
        '<p id="b">b</p>u<i>2</i><p id="a">a</p><i>3</i>',
    ),
    "wrapped": ('<p id="a">a</p>', '<section><div><p id="a">a</p></div></section>'),
    "unwrapped": ('<section><div><p id="a">a</p></div></section>', '<p id="a">a</p>'),
    "turned inside out": ('<div id="a"><div id="b">x</div></div>', '<div id="b"><div id="a">x</div></div>'),
    "moved between parents": (
        '<ul id="u"><li id="a">a</li><li id="b">b</li></ul><ol id="o"><li id="c">c</li></ol>',
        '<ul id="u"><li id="c">c</li></ul><ol id="o"><li id="b">b</li><li id="a">a</li></ol>',
    ),
    "an id on another tag": ('<p id="a">a</p>', '<div id="a">a</div>'),
    "one id twice in the new": ('<p id="a">a</p>', '<p id="a">1</p><p id="a">2</p>'),
    "one id twice in the old": ('<p id="a">1</p><p id="a">2</p>', '<p id="a">3</p>'),
    "comments": ("<!--a--><p>x</p>", "<!--b--><p>x</p><!--c-->"),
    "table rows": (
        "<table><tbody><tr id='r1'><td>1</td></tr></tbody></table>",
        "<table><tbody><tr id='r0'><td>0</td></tr><tr id='r1'><td>1</td></tr></tbody></table>",
    ),
    "svg": (
        '<svg viewBox="0 0 1 1"><circle r="1"></circle></svg>',
        '<svg viewBox="0 0 2 2"><circle r="2"></circle><use xlink:href="#a"></use></svg>',
    ),
    "select options": (
        "<select name=s><option>a</option><option selected>b</option></select>",
        "<select name=s><option selected>c</option><option>a</option></select>",
    ),
    "template": ("<template><p>a</p></template>", "<template><p>a</p></template><p>b</p>"),
}


@pytest.mark.parametrize("reset", [False, True])
def test_every_before_becomes_its_after(page: Page, reset: bool) -> None:
    for name, (before, after) in CASES.items():
        page.evaluate("put", before)
        result = page.evaluate("([html, reset]) => to(html, {reset})", [after, reset])
        assert result == page.evaluate(
            "(html) => { const d = document.createElement('div'); d.innerHTML = html; return d.innerHTML }", after
        ), name


@pytest.mark.parametrize("moves_state", [True, False])
def test_any_list_of_keyed_and_unkeyed_children_becomes_any_other(page: Page, moves_state: bool) -> None:
    if not moves_state:
        page.evaluate(WITHOUT_MOVE_BEFORE)
    assert page.evaluate("'moveBefore' in document.body") is moves_state
    wrong = page.evaluate(
        """() => {
            let seed = 7;
            const random = (n) => (seed = (seed * 48271) % 2147483647) % n;
            const tree = (depth, ids) => {
                let html = "";
                for (let i = random(5); i >= 0; i--) {
                    const id = random(3) && ids.length ? ` id="${ids.splice(random(ids.length), 1)[0]}"` : "";
                    const tag = ["p", "div", "b"][id ? 1 : random(3) && depth ? 1 : 2];
                    html += `<${tag}${id}>${depth ? tree(depth - 1, ids) : random(9)}</${tag}>`;
                    html += random(3) ? "" : "t" + random(3);
                }
                return html;
            };
            for (let round = 0; round < 400; round++) {
                const before = tree(2, [..."abcdefghij"]), after = tree(2, [..."abcdefghij"]);
                put(before);
                const kept = new Map([...document.querySelectorAll("#root [id]")].map((e) => [e.id, e]));
                const got = to(after);
                if (got !== after) return { before, after, got };
                for (const element of document.querySelectorAll("#root [id]")) {
                    const old = kept.get(element.id);
                    const same = !old || old.localName !== element.localName || old === element;
                    if (!same) return { lost: element.id, before, after };
                }
            }
            return null;
        }"""
    )
    assert wrong is None


def test_an_element_with_an_id_stays_the_same_object_wherever_it_goes(page: Page) -> None:
    page.evaluate("put", '<ul><li id="a">a</li></ul><div><p>x</p></div>')
    page.evaluate("() => { $('#a').mark = 1; }")
    page.evaluate("to", '<div><section><ul><li>new</li><li id="a">A</li></ul></section></div>')
    assert page.evaluate("$('#a').mark === 1 && $('#a').textContent === 'A'")


def test_an_unchanged_row_is_not_touched_when_another_goes_or_comes(page: Page) -> None:
    page.evaluate("put", "".join(f'<li id="m{n}">{n}</li>' for n in range(50)))
    page.evaluate(COUNT_CHANGES)
    page.evaluate("to", "".join(f'<li id="m{n}">{n}</li>' for n in range(1, 51)))
    assert page.evaluate("new Promise((resolve) => setTimeout(() => resolve(records)))") == 2


def test_a_second_morph_to_the_same_html_changes_nothing(page: Page) -> None:
    html = '<form id="f"><input name="q" value="1"><select name=s><option selected>b</option></select></form><p>t</p>'
    page.evaluate("put", "<p>old</p>")
    page.evaluate("to", html)
    page.evaluate(COUNT_CHANGES)
    page.evaluate("to", html)
    assert page.evaluate("new Promise((resolve) => setTimeout(() => resolve(records)))") == 0


@pytest.mark.parametrize("moves_state", [True, False])
def test_focus_and_caret_stay_while_the_element_moves(page: Page, moves_state: bool) -> None:
    if not moves_state:
        page.evaluate(WITHOUT_MOVE_BEFORE)
    assert page.evaluate("'moveBefore' in document.body") is moves_state
    page.evaluate("put", '<div id="x"><input id="i" value="hello"></div><p id="p">p</p>')
    page.evaluate("() => { $('#i').focus(); $('#i').setSelectionRange(2, 3); }")
    page.evaluate("to", '<p id="p">p</p><section><div id="x"><b>new</b><input id="i" value="hello"></div></section>')
    assert page.evaluate("[document.activeElement.id, $('#i').selectionStart, $('#i').selectionEnd]") == ["i", 2, 3]


def test_what_is_being_typed_is_never_overwritten(page: Page) -> None:
    page.evaluate("put", '<textarea id="t">server</textarea><input id="i" value="server">')
    page.locator("#i").focus()
    assert page.evaluate("to('<textarea id=t>new</textarea><input id=i value=new>'); $('#i').value") == "server", (
        "focused, though nothing was typed yet"
    )
    page.locator("#t").fill("mine")
    page.locator("#i").focus()
    page.evaluate("to", '<textarea id="t">newer</textarea><input id="i" value="newer">')
    assert page.evaluate("$('#t').value") == "mine", "typed into and left"


def test_dirty_inputs_of_every_kind_are_kept_and_clean_ones_follow_the_server(page: Page) -> None:
    controls = """<input id="text" value="{v}"><input id="check" type="checkbox" {c}>
        <input id="hidden" type="hidden" value="{v}">
        <input id="r1" type="radio" name="r" value="1" {c}><input id="r2" type="radio" name="r" value="2" {u}>
        <select id="one"><option value="a" {u2}>a</option><option value="b" {c2}>b</option>
            <option value="c">c</option></select>
        <select id="many" multiple><option value="a" {c2}>a</option><option value="b">b</option></select>
        <textarea id="area">{v}</textarea>"""
    before = controls.format(v="1", c="checked", u="", c2="selected", u2="")
    after = controls.format(v="2", c="", u="checked", c2="", u2="selected")
    state = """() => ["text", "check", "hidden", "r1", "r2", "one", "many", "area"].map((id) => {
        const e = document.getElementById(id);
        return e.type === "checkbox" || e.type === "radio" ? e.checked
            : e.multiple ? [...e.selectedOptions].map((o) => o.value).join() : e.value;
    })"""
    page.evaluate("put", before)
    assert page.evaluate(state) == ["1", True, "1", True, False, "b", "a", "1"]
    page.evaluate("to", after)
    assert page.evaluate(state) == ["2", False, "2", False, True, "a", "", "2"], "clean: the server's"

    page.evaluate("put", before)
    page.evaluate(
        """() => {
            $("#text").value = $("#area").value = "mine"; $("#check").checked = false; $("#hidden").value = "script";
            $("#r2").checked = true; $("#one").value = "c"; $("#many").options[1].selected = true;
        }"""
    )
    page.evaluate("to", after)
    assert page.evaluate(state) == ["mine", False, "2", False, True, "c", "a,b", "mine"], "dirty: the user's"
    page.evaluate("(html) => to(html, {reset: true})", before)
    assert page.evaluate(state) == ["1", True, "1", True, False, "b", "a", "1"], "another page: the server's"


def test_a_touched_checkbox_that_is_clean_again_follows_the_server(page: Page) -> None:
    page.evaluate("put", '<input type="checkbox" id="c">')
    page.locator("#c").check()
    page.locator("#c").uncheck()  # its checkedness is dirty for the browser now: the attribute alone does nothing
    page.evaluate("to", '<input type="checkbox" id="c" checked>')
    assert page.evaluate("$('#c').checked") is True


def test_one_dirty_radio_button_keeps_its_whole_group(page: Page) -> None:
    radios = "".join(f'<input type="radio" name="r" id="r{n}" {{{n}}}>' for n in range(3))
    page.evaluate("put", radios.format("checked", "", ""))
    page.locator("#r1").check()
    page.evaluate("to", radios.format("", "", "checked"))
    assert page.evaluate("$('#r1').checked") is True


def test_a_choice_is_kept_when_the_options_around_it_change(page: Page) -> None:
    page.evaluate("put", "<select id=s><option>a</option><option>b</option></select>")
    page.locator("#s").select_option("b")
    page.evaluate("to", "<select id=s><option>z</option><option>b</option><option>c</option></select>")
    assert page.evaluate("$('#s').value") == "b"


def test_what_was_sent_gives_way_to_the_answer_and_newer_input_does_not(page: Page) -> None:
    page.evaluate("put", '<textarea id="t"></textarea><input id="i">')
    page.locator("#t").fill("sent")
    page.locator("#i").fill("sent")
    page.evaluate("window.sent = new Map([[$('#t'), 'sent'], [$('#i'), 'sent']])")
    page.locator("#i").press_sequentially(" and newer")
    page.evaluate("(html) => to(html, {submitted: sent})", '<textarea id="t"></textarea><input id="i">')
    assert page.evaluate("[$('#t').value, $('#i').value]") == ["", "sent and newer"]


def test_open_details_and_dialogs_stay_as_the_user_left_them(page: Page) -> None:
    page.evaluate(
        "put",
        '<details id="d"><summary>s</summary>x</details><details id="e" open>y</details><dialog id="g">z</dialog>',
    )
    page.evaluate("() => { $('#d').open = true; $('#e').open = false; $('#g').showModal(); }")
    page.evaluate(
        "to", '<details id="d"><summary>S</summary>X</details><details id="e" open>y</details><dialog id="g">Z</dialog>'
    )
    assert page.evaluate("[$('#d').open, $('#e').open, $('#g').open, $('#g').matches(':modal')]") == [
        True,
        False,
        True,
        True,
    ]
    page.evaluate("(html) => to(html, {reset: true})", '<details id="d">X</details><dialog id="g">Z</dialog>')
    assert page.evaluate("[$('#d').open, $('#g').open]") == [False, False]


def test_a_frame_is_not_loaded_again_when_it_moves(page: Page) -> None:
    page.evaluate("put", '<p id="p">p</p><iframe id="f" src="/frame"></iframe>')
    page.wait_for_function("$('#f').contentDocument?.body?.textContent.trim() === 'a frame'")
    page.evaluate("() => { $('#f').contentWindow.mark = 1; }")
    page.evaluate("to", '<section><iframe id="f" src="/frame"></iframe></section><p id="p">p</p>')
    assert page.evaluate("$('#f').contentWindow.mark") == 1


def test_ignored_elements_keep_everything_and_kept_ones_stay_though_nobody_names_them(page: Page) -> None:
    page.evaluate(
        "put", '<div id="map" data-live-ignore class="a"><b>widget</b></div><div data-live-keep>tool</div><p>1</p>'
    )
    page.evaluate("to", '<div id="map" data-live-ignore></div><p>2</p>')
    assert page.evaluate("$('#map').outerHTML") == '<div id="map" data-live-ignore="" class="a"><b>widget</b></div>'
    assert page.evaluate("$('#root').textContent") == "widgettool2"


def test_the_empty_place_of_a_fragment_keeps_what_it_shows(page: Page) -> None:
    page.evaluate("put", '<div id="l" data-live="marks?thread=1" data-version="7"><b>mine</b></div>')
    page.evaluate("to", '<p>new</p><div id="l" data-live="marks?thread=1" data-version=""></div>')
    assert (
        page.evaluate("$('#l').outerHTML")
        == '<div id="l" data-live="marks?thread=1" data-version="7"><b>mine</b></div>'
    )


def test_a_button_whose_request_is_under_way_stays_disabled(page: Page) -> None:
    page.evaluate("put", '<button id="b">send</button>')
    page.evaluate("() => { $('#b').disabled = true; locked.add($('#b')); }")
    page.evaluate("to", '<button id="b">send now</button>')
    assert page.evaluate("[$('#b').disabled, $('#b').textContent]") == [True, "send now"]


def test_the_form_of_another_address_is_another_form(page: Page) -> None:
    page.evaluate("put", '<form action="/threads/1"><textarea name="text"></textarea></form>')
    page.locator("textarea").fill("for thread 1")
    page.evaluate("to", '<form action="/threads/2"><textarea name="text"></textarea></form>')
    assert page.evaluate("$('textarea').value") == ""


def test_a_script_that_comes_with_a_morph_does_not_run(page: Page) -> None:
    page.evaluate("put", "")
    page.evaluate("to", "<script>window.ran = 1</script><p>x</p>")
    assert page.evaluate("window.ran") is None
