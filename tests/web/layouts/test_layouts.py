"""A layout is one file around its children, and what it loads for itself never touches them."""

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import httpx
import pytest
from markupsafe import Markup

from veche.language import Catalogues
from veche.log import Level, Logger
from veche.web import Application, RedirectResponse, Request, Response, Route, WrongConfiguration
from veche.web.layouts import Layouts, Loader, Page
from veche.web.templates import Templates

LEFT_MENU = """{# loads: unread_count #}
<html><title>{{ title }}</title><nav>Menu {{ unread_count }}</nav><main>{{ children }}</main></html>"""
COURSES = """{% set title = "Courses & more" %}<h1>{{ heading }}</h1>"""
CHILDREN = "<h1>I/O &amp; threads</h1>"
PLACEHOLDER = '<span id="layout-unread-count" data-live-lazy="/layout/unread_count"></span>'


class Said:
    """A sink that remembers."""

    def __init__(self) -> None:
        self.entries: list[tuple[str, Mapping[str, object]]] = []

    def log_message(self, message: str, *, level: Level = Level.INFO, **fields: object) -> None:
        self.entries.append((message, fields))

    def close(self) -> None: ...


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "layouts").mkdir()
    (tmp_path / "layouts" / "left_menu.html").write_text(LEFT_MENU, encoding="utf-8")
    (tmp_path / "courses").mkdir()
    (tmp_path / "courses" / "list.html").write_text(COURSES, encoding="utf-8")
    return tmp_path


def layouts_of(folder: Path, loaders: Mapping[str, Loader], log: Said | None = None) -> Layouts:
    templates = Templates({name: folder / name for name in ("layouts", "courses")}, Catalogues([]))

    def choose(request: Request) -> str:
        return request.query_params.get("layout", "left_menu") or ""

    return Layouts(templates, choose=choose, loaders=loaders, logger=Logger(log or Said()))


async def courses(page: Page) -> Response:
    return await page.render("courses/list.html", heading="I/O & threads")


def get(layouts: Layouts, path: str = "/", handler: Callable[..., object] = courses) -> httpx.Response:
    application = Application([Route("/", handler), *layouts.routes], providers={Page: layouts.page})

    async def run() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(application), base_url="http://site") as client:
            answer = await client.get(path)
        left = [task for task in asyncio.all_tasks() if task.get_name().startswith("layout:")]
        await asyncio.wait(left, timeout=5) if left else None
        assert not [task for task in left if not task.done()], "a loader outlived its request"
        return answer

    return asyncio.run(run())


async def three(request: Request) -> int:
    return 3


async def sleeps(request: Request) -> int:
    await asyncio.sleep(60)
    return 3


async def never_ends(request: Request) -> int:
    await asyncio.Event().wait()
    return 3


async def fails(request: Request) -> int:
    raise ConnectionError("the database is gone")


async def fails_when_given_up(request: Request) -> int:
    try:
        await asyncio.sleep(60)
    finally:
        raise ConnectionError("while being given up")


def page_with(part: str) -> str:
    return f"<html><title>Courses &amp; more</title><nav>Menu {part}</nav><main>{CHILDREN}</main></html>"


def test_the_children_stand_in_the_slot_and_the_part_beside_them(folder: Path) -> None:
    answer = get(layouts_of(folder, {"unread_count": three}))
    assert answer.text == page_with('<span id="layout-unread-count">3</span>')
    assert answer.headers["content-type"] == "text/html; charset=utf-8"


@pytest.mark.parametrize("loader", [sleeps, never_ends, fails, fails_when_given_up])
def test_a_slow_or_failing_loader_never_delays_or_changes_the_children(folder: Path, loader: Loader) -> None:
    log = Said()
    began = time.monotonic()
    answer = get(layouts_of(folder, {"unread_count": loader}, log))
    assert time.monotonic() - began < 30
    assert answer.status_code == 200
    assert answer.text == page_with(PLACEHOLDER)
    if loader is fails:
        assert [fields["loader"] for _message, fields in log.entries] == ["unread_count"]
        assert "the database is gone" in str(log.entries[0][1]["error"])


def test_a_loader_that_blocks_its_thread_delays_nobody(folder: Path) -> None:
    let_go = threading.Event()

    def blocks(request: Request) -> int:
        let_go.wait(60)
        return 3

    layouts = layouts_of(folder, {"unread_count": blocks})
    began = time.monotonic()
    try:
        answers = [get(layouts).text for _page in range(6)]  # more pages than the loaders have threads
    finally:
        let_go.set()
    assert time.monotonic() - began < 30
    assert answers == [page_with(PLACEHOLDER)] * 6


def test_a_loader_has_the_time_that_the_handler_takes(folder: Path) -> None:
    async def soon(request: Request) -> int:
        await asyncio.sleep(0.01)
        return 3

    ready = asyncio.Event()

    async def slow_handler(page: Page) -> Response:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(ready.wait(), 0.2)
        return await courses(page)

    assert ">3</span>" in get(layouts_of(folder, {"unread_count": soon}), handler=slow_handler).text


def test_the_placeholder_s_address_gives_the_part_alone(folder: Path) -> None:
    async def later(request: Request) -> Markup:
        await asyncio.sleep(0.01)
        return Markup("<b>3</b>")

    answer = get(layouts_of(folder, {"unread_count": later}), "/layout/unread_count")
    assert answer.text == "<b>3</b>"
    assert answer.headers["cache-control"] == "no-store"
    assert get(layouts_of(folder, {"unread_count": later}), "/layout/of_nobody").status_code == 404


def test_what_a_loader_returns_is_escaped(folder: Path) -> None:
    async def attacks(request: Request) -> str:
        return "<script>"

    assert "&lt;script&gt;" in get(layouts_of(folder, {"unread_count": attacks})).text
    assert get(layouts_of(folder, {"unread_count": attacks}), "/layout/unread_count").text == "&lt;script&gt;"


def test_one_file_makes_another_layout(folder: Path) -> None:
    (folder / "layouts" / "bare.html").write_text("<main>{{ children }}</main>", encoding="utf-8")
    answer = get(layouts_of(folder, {"unread_count": three}), "/?layout=bare")
    assert answer.text == f"<main>{CHILDREN}</main>"


def test_a_handler_may_choose_its_layout(folder: Path) -> None:
    (folder / "layouts" / "bare.html").write_text("<main>{{ children }}</main>", encoding="utf-8")

    async def bare(page: Page) -> Response:
        return await page.render("courses/list.html", layout="bare", status_code=404, heading="Gone")

    answer = get(layouts_of(folder, {"unread_count": three}), handler=bare)
    assert (answer.status_code, answer.text) == (404, "<main><h1>Gone</h1></main>")


def test_a_layout_may_stand_in_another(folder: Path) -> None:
    (folder / "layouts" / "course.html").write_text(
        "{# extends: left_menu; loads: progress #}<aside>{{ progress }}</aside>{{ children }}", encoding="utf-8"
    )

    async def half(request: Request) -> str:
        return "50%"

    answer = get(layouts_of(folder, {"unread_count": three, "progress": half}), "/?layout=course")
    assert '<main><aside><span id="layout-progress">50%</span></aside><h1>' in answer.text
    assert '<span id="layout-unread-count">3</span>' in answer.text


def test_a_page_that_is_never_rendered_leaves_nothing_running(folder: Path) -> None:
    async def away(page: Page) -> Response:
        return RedirectResponse("/login")

    assert get(layouts_of(folder, {"unread_count": never_ends}), handler=away).status_code == 303


@pytest.mark.parametrize(
    ("name", "source", "message"),
    [
        ("circle", "{# extends: circle #}", "circle → circle"),
        ("orphan", "{# extends: nowhere #}", r"layouts/nowhere\.html"),
        ("hungry", "{# loads: weather #}", "the loaders are unread_count"),
        ("odd", "{# loads: ../x #}", "cannot be read"),
        ("two", "{# extends: a, b #}", "cannot be read"),
    ],
)
def test_a_wrong_first_line_is_named(folder: Path, name: str, source: str, message: str) -> None:
    (folder / "layouts" / f"{name}.html").write_text(source, encoding="utf-8")
    with pytest.raises(WrongConfiguration, match=message):
        layouts_of(folder, {"unread_count": three}).chain(name)


def test_an_ordinary_first_comment_is_only_a_comment(folder: Path) -> None:
    (folder / "layouts" / "plain.html").write_text("{# The layout: loads of space. #}{{ children }}", encoding="utf-8")
    assert layouts_of(folder, {}).chain("plain")[0].loads == ()
