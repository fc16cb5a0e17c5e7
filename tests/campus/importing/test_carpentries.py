"""A Carpentries lesson as sandpaper reads it (https://carpentries.github.io/sandpaper-docs/).

The lesson is ours: tests/fixtures/courses/tides. Faults are written by the tests themselves.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from campus.importing import GapReason, ImportedCourse, ImportRefused, read_course
from campus.markdown import Links, Trust, render

TIDES = Path(__file__).resolve().parents[2] / "fixtures" / "courses" / "tides"

WriteCourse = Callable[[Mapping[str, str]], Path]


@pytest.fixture(scope="module")
def tides() -> ImportedCourse:
    return read_course(TIDES)


def test_what_the_lesson_says_of_itself(tides: ImportedCourse) -> None:
    assert (tides.form, tides.title, tides.language) == ("carpentries", "Reading a Tide Table", "en")
    assert (tides.licence, tides.source_url) == ("CC-BY 4.0", "https://example.org/tides")


def test_episodes_keep_their_order_titles_and_minutes(tides: ImportedCourse) -> None:
    assert [(one.source, one.title, one.number, one.part, one.minutes) for one in tides.lessons] == [
        ("episodes/01-rise.md", "How the Water Rises", "1", "", 30),
        ("episodes/02-low-water.md", "Low Water", "2", "", 15),
        ("learners/setup.md", "Setup", "", "Learners", None),
    ]


def test_front_matter_is_cut_and_its_lists_become_blocks(tides: ImportedCourse) -> None:
    text = tides.lessons[1].text
    assert text.startswith("::: questions\n\n- When is it safe to cross?\n\n:::")
    assert text.rstrip().endswith("::: keypoints\n\n- Never trust an old table.\n\n:::")
    assert "teaching" not in text


def test_nested_blocks_become_an_exercise_with_a_folded_solution(tides: ImportedCourse) -> None:
    html = str(render(tides.lessons[0].text, trust=Trust.TEACHER).html)
    assert '<div class="callout challenge">\n<p class="callout-title"' in html
    assert '<details class="callout solution">\n<summary id="s-half-the-range">Half the range</summary>' in html
    assert html.index("How high after three hours?") < html.index("<details") < html.index("</details>\n</div>")


def test_a_pictures_alt_attribute_becomes_its_description(tides: ImportedCourse) -> None:
    links = Links(key="tides", lesson=lambda source: f"/{source}", asset=lambda path: f"/{path}")
    html = str(render(tides.lessons[0].text, trust=Trust.TEACHER, links=links).html)
    alt = "A curve [one bay], rising from 0.4 m to 5.1 m in six hours, with low_water marked"
    assert f'<img src="/episodes/fig/curve.svg" alt="{alt}" loading="lazy"' in html
    assert "{alt" not in html


def test_links_to_pages_and_files(tides: ImportedCourse) -> None:
    assert "[low water](lesson:episodes/02-low-water.md#safety)" in tides.lessons[0].text
    assert "[at the beginning](lesson:episodes/01-rise.md#the-rule-of-twelfths)" in tides.lessons[1].text
    assert "[here](asset:episodes/data/tides.csv)" in tides.lessons[1].text
    assert [(asset.path, asset.media_type, asset.sandboxed) for asset in tides.assets] == [
        ("episodes/data/tides.csv", "text/csv; charset=utf-8", False),
        ("episodes/fig/curve.svg", "image/svg+xml", True),
    ]


def test_a_link_to_a_missing_page_is_a_gap(tides: ImportedCourse) -> None:
    assert [(gap.file, gap.line, gap.target, gap.reason) for gap in tides.gaps] == [
        ("episodes/01-rise.md", 16, "learners/reference.md", GapReason.MISSING_FILE)
    ]
    assert "- `learners/reference.md` (line 16)" in tides.lessons[0].text


def test_without_an_order_the_names_give_it(write_course: WriteCourse) -> None:
    files = {
        "config.yaml": "title: Knots\nepisodes:\n",
        "episodes/b.md": "B",
        "episodes/a.md": "A",
        "episodes/c.txt": "C",
    }
    assert [one.source for one in read_course(write_course(files)).lessons] == ["episodes/a.md", "episodes/b.md"]


def test_an_include_is_no_directive_here(write_course: WriteCourse) -> None:
    files = {"config.yaml": "title: Knots\n", "episodes/a.md": "{{#include b.md}}"}
    assert read_course(write_course(files)).lessons[0].text == "{{#include b.md}}\n"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"config.yaml": "title: Knots\n  x: [\n"}, "config.yaml:2: is not YAML"),
        ({"config.yaml": "- a\n"}, "config.yaml:1: is not a mapping"),
        ({"config.yaml": "[" * 5_000}, "config.yaml:1: is not YAML"),
        ({"config.yaml": "title: a\ncreated: 2024-99-99\n"}, "config.yaml:1: is not YAML"),
        ({"config.yaml": "title: a\nepisodes: all\n"}, "config.yaml:2: episodes is not a list of file names"),
        ({"config.yaml": "episodes:\n- ../../b.md\n"}, "config.yaml:2: ../../b.md leads out of the folder"),
        ({"config.yaml": "episodes:\n- b.Rmd\n"}, "config.yaml:2: b.Rmd is not a Markdown file"),
        ({"config.yaml": "# a.md\nepisodes:\n- a.md\n- a.md\n"}, "config.yaml:4: a.md is listed twice"),
        ({"config.yaml": "title: a\n"}, "config.yaml: lists no episode"),
        (
            {"config.yaml": "episodes: [a.md]\n", "episodes/a.md": "---\ntitle: a\n"},
            "episodes/a.md:1: the front matter",
        ),
        (
            {"config.yaml": "episodes: [a.md]\n", "episodes/a.md": "---\ntitle: a\nb: {\n---\n"},
            "episodes/a.md:3: is not YAML",
        ),
    ],
)
def test_a_structure_that_cannot_be_read_is_refused(
    write_course: WriteCourse, files: dict[str, str], expected: str
) -> None:
    folder = write_course(files)
    with pytest.raises(ImportRefused) as refused:
        read_course(folder)
    assert str(refused.value).startswith(expected)
