"""Two real courses, not whole, as most are: read when CAMPUS_CONTENT_DIR names the folder that holds them.

Numbers were counted in the source by grep, not by our code.
"""

import os
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from campus.importing import GapReason, ImportedCourse, read_course
from campus.markdown import Links, Trust, render

CONTENT = os.environ.get("CAMPUS_CONTENT_DIR", "")


@pytest.fixture(scope="module")
def content_folder() -> Path:
    if CONTENT:
        return Path(CONTENT)
    if os.environ.get("CI") == "true":
        pytest.fail("CAMPUS_CONTENT_DIR is not set: real courses are not imported")
    pytest.skip("CAMPUS_CONTENT_DIR is not set: real courses are not imported")


@pytest.fixture(scope="module")
def book(content_folder: Path) -> ImportedCourse:
    return read_course(content_folder / "rust-book-ru")


@pytest.fixture(scope="module")
def carpentries_lesson(content_folder: Path) -> ImportedCourse:
    return read_course(content_folder / "python-inflammation")


class Addresses(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value or "" for name, value in attrs if name in {"href", "src"}]


def rendered_addresses(course: ImportedCourse) -> list[str]:
    sources = {lesson.source for lesson in course.lessons}
    paths = {asset.path for asset in course.assets}
    links = Links(
        key=f"real {course.name}",
        lesson=lambda source: f"/lesson/{source}" if source in sources else None,
        asset=lambda path: f"/file/{path}" if path in paths else None,
    )
    addresses = Addresses()
    for lesson in course.lessons:
        rendered = render(lesson.text, trust=Trust.TEACHER, links=links, language=course.language)
        addresses.feed(str(rendered.html))
        # A link that came through as a gap was not found: then the importer must have said so.
        assert rendered.html.count('class="gap-link"') <= sum(gap.lesson == lesson.source for gap in course.gaps)
    return addresses.found


def test_the_russian_book_is_read_whole(book: ImportedCourse) -> None:
    assert (book.form, book.language, book.licence) == ("mdbook", "ru", "MIT OR Apache-2.0")
    assert len(book.lessons) == 104  # SUMMARY.md lists 104 of the 116 chapters in the folder
    assert [lesson.part for lesson in book.lessons if lesson.number in {"1", "7", "13", "18"}] == [
        "С чего начать",
        "Основы Rust",
        "Думать на Rust",
        "Продвинутые темы",
    ]
    assert sum(lesson.level == 1 for lesson in book.lessons) == 80


def test_every_include_of_the_russian_book_is_taken_or_listed(book: ImportedCourse, content_folder: Path) -> None:
    folder = content_folder / "rust-book-ru" / "src"
    targets = [
        (file, target)
        for file in folder.glob("*.md")
        for target in re.findall(r"\{\{#(?:rustdoc_)?include ([^}:]*)[^}]*\}\}", file.read_text())
    ]
    assert len(targets) == 674
    missing = [target for file, target in targets if not (file.parent / target).is_file()]
    assert len(missing) == 168
    listed = [gap for gap in book.gaps if gap.target.startswith("../listings/")]
    assert sum(gap.reason is GapReason.MISSING_FILE for gap in listed) == 168
    assert sum(gap.reason is GapReason.MISSING_ANCHOR for gap in listed) == 9
    assert sum(lesson.text.count("::: gap\nВ исходном тексте нет:") for lesson in book.lessons) == 168 + 9
    assert not any("{{#" in lesson.text for lesson in book.lessons)


def test_a_gap_names_the_line_that_holds_it(book: ImportedCourse, content_folder: Path) -> None:
    for gap in book.gaps:
        line = (content_folder / "rust-book-ru" / gap.file).read_text().split("\n")[gap.line - 1]
        name = gap.target.rpartition("/")[2].rpartition("#")[2].partition(":")[0]
        assert name in line, gap


def test_the_russian_books_pictures_come_along(book: ImportedCourse) -> None:
    # 14 by their paths; 3 only by an address on the authors' host, though they stand in src/img.
    assert len(book.assets) == 17
    assert not any("raw=true" in lesson.text or "br&gt;" in lesson.text for lesson in book.lessons)
    assert {asset.media_type for asset in book.assets} == {"image/png", "image/svg+xml"}


def test_no_address_of_the_russian_book_leads_nowhere(book: ImportedCourse) -> None:
    addresses = rendered_addresses(book)
    inner = [address for address in addresses if not address.startswith(("http://", "https://", "#"))]
    assert len(inner) > 150
    assert all(address.startswith(("/lesson/src/", "/file/src/img/")) for address in inner)


def test_the_carpentries_lesson_is_read_whole(carpentries_lesson: ImportedCourse) -> None:
    assert (carpentries_lesson.form, carpentries_lesson.title) == ("carpentries", "Programming with Python")
    assert (carpentries_lesson.language, carpentries_lesson.licence) == ("en", "CC-BY 4.0")
    assert len(carpentries_lesson.lessons) == 12
    assert [lesson.minutes for lesson in carpentries_lesson.lessons[:2]] == [30, 60]
    assert {notice.file for notice in carpentries_lesson.notices} == {"AUTHORS", "CITATION", "LICENSE.md"}


def test_the_carpentries_lessons_blocks_are_framed(carpentries_lesson: ImportedCourse) -> None:
    html = "".join(str(render(lesson.text, trust=Trust.TEACHER).html) for lesson in carpentries_lesson.lessons)
    assert html.count('<div class="callout challenge">') == 53
    assert html.count('<details class="callout solution">') == 58
    assert html.count('<div class="callout keypoints">') == 12
    assert ":::" not in re.sub(r"<pre.*?</pre>", "", html, flags=re.DOTALL)


def test_the_carpentries_lessons_missing_pages_are_listed(carpentries_lesson: ImportedCourse) -> None:
    assert {gap.target for gap in carpentries_lesson.gaps} == {"learners/reference.md"}
    assert len(carpentries_lesson.gaps) == 62


def test_no_address_of_the_carpentries_lesson_leads_nowhere(carpentries_lesson: ImportedCourse) -> None:
    inner = [one for one in rendered_addresses(carpentries_lesson) if not one.startswith(("http", "#"))]
    assert all(one.startswith(("/lesson/episodes/", "/file/episodes/")) for one in inner)
    assert sum(one.startswith("/file/") for one in inner) == 26
