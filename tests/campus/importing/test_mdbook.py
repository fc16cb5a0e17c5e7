"""An mdBook as its own guide describes it (https://rust-lang.github.io/mdBook/format/): structure, includes, links.

The book is ours: tests/fixtures/courses/bread. Faults are written by the tests themselves.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from campus.importing import Gap, GapReason, ImportedCourse, ImportedLesson, ImportRefused, read_course
from campus.markdown import Links, Trust, render

BREAD = Path(__file__).resolve().parents[2] / "fixtures" / "courses" / "bread"

WriteCourse = Callable[[Mapping[str, str]], Path]


@pytest.fixture(scope="module")
def bread() -> ImportedCourse:
    return read_course(BREAD)


def lesson(course: ImportedCourse, source: str) -> ImportedLesson:
    return next(lesson for lesson in course.lessons if lesson.source == source)


def test_what_the_book_says_of_itself(bread: ImportedCourse) -> None:
    assert (bread.form, bread.name, bread.title, bread.language) == ("mdbook", "bread", "Хлеб и Rust", "ru")
    assert (bread.authors, bread.licence) == (("Вера Пекарь",), "MIT")
    assert [notice.file for notice in bread.notices] == ["LICENSE-MIT"]


def test_chapters_keep_order_parts_numbers_and_levels(bread: ImportedCourse) -> None:
    assert [(one.source, one.title, one.part, one.number, one.level, one.draft) for one in bread.lessons] == [
        ("src/preface.md", "Предисловие", "", "", 0, False),
        ("src/flour.md", "Мука и вода", "Тесто", "1", 0, False),
        ("src/dough/starter.md", "Закваска", "Тесто", "1.1", 1, False),
        ("", "Соль", "Тесто", "1.2", 1, True),
        ("src/heat.md", "Жар", "Тесто", "2", 0, False),
        ("src/crust.md", "Корка", "Печь", "3", 0, False),
        ("src/glossary.md", "Словарь", "", "", 0, False),
    ]


def test_the_heading_that_repeats_the_title_is_left_out(bread: ImportedCourse) -> None:
    assert "# Предисловие" not in lesson(bread, "src/preface.md").text
    assert "====" not in lesson(bread, "src/dough/starter.md").text
    assert lesson(bread, "src/glossary.md").text.startswith("# Словарь терминов")


def test_links_lead_to_lessons_and_pictures_to_assets(bread: ImportedCourse) -> None:
    text = lesson(bread, "src/preface.md").text
    assert "[про муку](lesson:src/flour.md)" in text
    assert "[про закваску](lesson:src/dough/starter.md#подкормка)" in text
    assert '[слова](lesson:src/glossary.md "в конце")' in text
    assert "[мука]: lesson:src/flour.md#вода" in text
    assert "![Схема печи](asset:src/img/oven.png)" in text
    assert '<img src="asset:src/img/loaf.svg" alt="Ещё батон" width="120">' in text
    assert "[началу](lesson:src/preface.md)" in text  # its title's heading is the page's own


def test_other_sites_and_code_are_left_alone(bread: ImportedCourse) -> None:
    text = lesson(bread, "src/preface.md").text
    assert "<https://example.org/> и [сайт](https://example.org/bread)" in text
    assert "`[a](flour.md)`" in text
    assert "    [b](flour.md)" in text


def test_an_anchor_in_html_can_be_linked_to(bread: ImportedCourse) -> None:
    assert "[старое имя](lesson:src/flour.md#старое-имя)" in lesson(bread, "src/flour.md").text


def test_an_anchored_include_shows_its_lines_without_anchors(bread: ImportedCourse) -> None:
    expected = "```rust,does_not_compile\nfn knead(water: u32) -> u32 {\n    water + 500\n}\n```"
    assert expected in lesson(bread, "src/flour.md").text


def test_an_include_by_lines_keeps_the_indentation_of_its_list(bread: ImportedCourse) -> None:
    assert "  ```rust\n      water + 500\n  ```" in lesson(bread, "src/flour.md").text


def test_hidden_lines_of_rust_are_hidden_and_escaped_ones_shown(bread: ImportedCourse) -> None:
    assert "> ```rust\n> let water = 320;\n> # не скрыта\n> ```" in lesson(bread, "src/flour.md").text


def test_includes_nest_and_may_be_escaped(bread: ImportedCourse) -> None:
    text = lesson(bread, "src/dough/starter.md").text
    assert "## Подкормка\n\nРаз в день: 50 граммов муки." in text
    assert "Запись {{#include feeding.md}} показывает себя." in text


def test_a_playground_is_a_block_of_code(bread: ImportedCourse) -> None:
    text = lesson(bread, "src/dough/starter.md").text
    assert "```rust\nfn knead(water: u32)" in text
    assert "hidden" not in text


def test_what_is_missing_is_listed_with_file_line_and_reason(bread: ImportedCourse) -> None:
    def gap(source: str, line: int, target: str, reason: GapReason) -> Gap:
        return Gap(lesson=source, file=source, line=line, target=target, reason=reason)

    assert list(bread.gaps) == [
        gap("src/flour.md", 26, "#нет-такого", GapReason.MISSING_SECTION),
        gap("src/dough/starter.md", 10, "src/nowhere.md", GapReason.MISSING_FILE),
        gap("src/dough/starter.md", 10, "../../../outside.md", GapReason.OUTSIDE),
        gap("src/dough/starter.md", 10, "src/img/run.html", GapReason.REFUSED_TYPE),
        gap("src/heat.md", 4, "../listings/oven/Cargo.toml", GapReason.MISSING_FILE),
        gap("src/heat.md", 11, "../listings/oven/src/main.rs:missing_anchor", GapReason.MISSING_ANCHOR),
        gap("src/heat.md", 14, "../listings/oven/src/main.rs:900:910", GapReason.MISSING_LINES),
        gap("src/heat.md", 16, "src/img/none.png", GapReason.MISSING_FILE),
        gap("src/crust.md", 3, "src/leaflet.md", GapReason.NOT_A_LESSON),
    ]
    assert str(bread.gaps[1]) == "src/dough/starter.md:10: src/nowhere.md: the file is not in the source"


def test_a_missing_include_is_a_gap_in_place_of_its_code(bread: ImportedCourse) -> None:
    text = lesson(bread, "src/heat.md").text
    assert text.startswith("::: gap\nВ исходном тексте нет: `../listings/oven/Cargo.toml` (строка 4")
    assert "```toml" not in text


def test_code_beside_a_missing_include_stays_and_the_gap_stands_in_the_same_list_item(bread: ImportedCourse) -> None:
    text = lesson(bread, "src/heat.md").text
    assert "   ```rust\n   let hot = true;\n   ```\n\n   ::: gap\n   В исходном тексте нет:" in text


def test_the_reader_sees_every_gap(bread: ImportedCourse) -> None:
    sources = {one.source for one in bread.lessons}
    paths = {asset.path for asset in bread.assets}
    links = Links(
        key="bread",
        lesson=lambda source: f"/l/{source}" if source in sources else None,
        asset=lambda path: f"/f/{path}" if path in paths else None,
    )
    html = str(render(lesson(bread, "src/heat.md").text, trust=Trust.TEACHER, links=links, language="ru").html)
    assert html.count('<div class="gap">') == 4
    assert '<span class="gap-picture">Нет картинки: src/img/none.png</span>' in html
    html = str(render(lesson(bread, "src/dough/starter.md").text, trust=Trust.TEACHER, links=links, language="ru").html)
    assert '<a class="gap-link" title="В исходном тексте нет: src/nowhere.md">мимо</a>' in html
    assert '<a href="/l/src/flour.md">мука</a>' in html


def test_importing_twice_gives_the_same(bread: ImportedCourse) -> None:
    assert read_course(BREAD) == bread


def test_progress_ends_where_it_said() -> None:
    seen: list[tuple[int, int, str]] = []
    read_course(BREAD, progress=lambda done, total, what: seen.append((done, total, what)))
    assert [done for done, _total, _what in seen] == list(range(1, 7))
    assert {total for _done, total, _what in seen} == {6}


def test_a_book_without_book_toml_and_with_its_summary_at_the_top(write_course: WriteCourse) -> None:
    folder = write_course({"SUMMARY.md": "# Ships\n\n- [Keel](keel.md)\n", "keel.md": "A keel is the spine of a ship."})
    course = read_course(folder)
    assert (course.title, course.language, course.lessons[0].text) == (
        "Ships",
        "en",
        "A keel is the spine of a ship.\n",
    )


def test_the_language_is_told_by_the_letters_when_nobody_says_it(write_course: WriteCourse) -> None:
    text = "Киль — это позвоночник корабля: на нём держится всё остальное, от форштевня до кормы и `keel()` тоже."
    assert read_course(write_course({"SUMMARY.md": "- [Киль](keel.md)\n", "keel.md": text})).language == "ru"


def test_a_chapter_that_is_missing_is_a_lesson_with_a_gap(write_course: WriteCourse) -> None:
    course = read_course(write_course({"SUMMARY.md": "- [Keel](keel.md)\n- [Mast](mast.md)\n", "keel.md": "Keel."}))
    assert [(str(gap), gap.lesson) for gap in course.gaps] == [
        ("SUMMARY.md:2: mast.md: the file is not in the source", "mast.md")
    ]
    assert "::: gap" in course.lessons[1].text


def test_a_gap_inside_an_included_text_names_that_file(write_course: WriteCourse) -> None:
    course = read_course(
        write_course(
            {
                "SUMMARY.md": "- [Keel](ship/keel.md)\n",
                "ship/keel.md": "a\n{{#include ../parts/oak.md}}\n",
                "parts/oak.md": "b\n[c](nowhere.md)\n{{#include rope.md}}\n",
            }
        )
    )
    assert [(gap.file, gap.line, gap.target) for gap in course.gaps] == [
        ("parts/oak.md", 2, "ship/nowhere.md"),  # a link is relative to the chapter, as mdBook has it
        ("parts/oak.md", 3, "rope.md"),
    ]


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        ("", "1\n2\n3\n4\n5"),
        (":2", "2"),
        (":2:", "2\n3\n4\n5"),
        ("::2", "1\n2"),
        (":2:4", "2\n3\n4"),
        (":4:99", "4\n5"),
        (":0:1", "1"),
    ],
)
def test_the_ways_to_choose_lines(write_course: WriteCourse, selection: str, expected: str) -> None:
    files = {
        "SUMMARY.md": "- [A](a.md)\n",
        "n.txt": "1\n2\n3\n4\n5\n",
        "a.md": f"```\n{{{{#include n.txt{selection}}}}}\n```\n",
    }
    course = read_course(write_course(files))
    assert course.lessons[0].text == f"```\n{expected}\n```\n"
    assert not course.gaps


@pytest.mark.parametrize("selection", [":6", ":6:9", ":4:2", ":1:x"])
def test_lines_that_are_not_there_are_a_gap(write_course: WriteCourse, selection: str) -> None:
    files = {"SUMMARY.md": "- [A](a.md)\n", "n.txt": "1\n2\n3\n4\n5\n", "a.md": f"{{{{#include n.txt{selection}}}}}\n"}
    assert [gap.reason for gap in read_course(write_course(files)).gaps] == [GapReason.MISSING_LINES]


def refusal(folder: Path) -> str:
    with pytest.raises(ImportRefused) as refused:
        read_course(folder)
    return str(refused.value)


@pytest.mark.parametrize(
    ("summary", "expected"),
    [
        ("- [A](a.md)\n- [B](../b.md)\n", "SUMMARY.md:2: ../b.md leads out of the folder"),
        ("- [A](a.md)\n- [B](/etc/b.md)\n", "SUMMARY.md:2: /etc/b.md leads out of the folder"),
        ("- [A](a.md)\n\n- [B](a.md)\n", "SUMMARY.md:3: a.md is listed twice, first in line 1"),
        ("- [A](a.md)\n- [B](./x/../a.md)\n", "SUMMARY.md:2: a.md is listed twice"),
        ("- [A](https://example.org/a.md)\n", "SUMMARY.md:1: https://example.org/a.md is not a Markdown file"),
        ("- [A](a.html)\n", "SUMMARY.md:1: a.html is not a Markdown file"),
        ("- [A](a.md)\n- just words\n", "SUMMARY.md:2: the entry 'just words' holds 0 links"),
        ("- [A](a.md) and [B](b.md)\n", "SUMMARY.md:1: the entry '[A](a.md) and [B](b.md)' holds 2 links"),
        ("# Nothing\n", "SUMMARY.md: lists no chapter"),
    ],
)
def test_a_summary_that_cannot_be_followed_is_refused(write_course: WriteCourse, summary: str, expected: str) -> None:
    folder = write_course({"SUMMARY.md": summary, "a.md": "A", "b.md": "B"})
    (folder.parent / "b.md").write_text("outside")
    assert refusal(folder).startswith(expected)


@pytest.mark.parametrize(
    ("toml", "expected"),
    [
        ('[book]\ntitle = "a\n', "book.toml:2: is not TOML"),
        ("[book]\ntitle = 3\n", "book.toml: book.title is not a text"),
        ('[book]\nsrc = "../.."\n', "book.toml: src leads out of the folder"),
        ('[book]\nsrc = "text"\n', "text/SUMMARY.md: is missing"),
        ("book = 3\n", "book.toml: [book] is not a table"),
    ],
)
def test_a_book_toml_that_cannot_be_followed_is_refused(write_course: WriteCourse, toml: str, expected: str) -> None:
    assert refusal(write_course({"book.toml": toml, "SUMMARY.md": "- [A](a.md)\n", "a.md": "A"})).startswith(expected)


def test_includes_that_go_in_a_circle_are_refused(write_course: WriteCourse) -> None:
    files = {"SUMMARY.md": "- [A](a.md)\n", "a.md": "x\n{{#include b.md}}\n", "b.md": "y\n\n{{#include b.md}}\n"}
    assert refusal(write_course(files)) == "b.md:3: b.md includes itself"


def test_includes_that_nest_too_deep_are_refused(write_course: WriteCourse) -> None:
    files = {f"p{number}.md": f"{{{{#include p{number + 1}.md}}}}" for number in range(12)}
    assert "nested more than 10 deep" in refusal(write_course({"SUMMARY.md": "- [A](p0.md)\n", **files}))


def test_includes_that_swell_are_refused(write_course: WriteCourse) -> None:  # ten lines of ten lines of …
    files = {f"p{number}.md": f"{{{{#include p{number + 1}.md}}}}\n" * 10 for number in range(9)}
    folder = write_course({"SUMMARY.md": "- [A](p0.md)\n", **files, "p9.md": "x" * 1_000})
    assert "with all it includes is longer than" in refusal(folder)
