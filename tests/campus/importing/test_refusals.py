"""Nothing outside the folder is read, nothing without a bound, and every refusal names its file."""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
import pytest

from campus.importing import GapReason, ImportLimits, ImportRefused, read_course

WriteCourse = Callable[[Mapping[str, str]], Path]

BOOK = {"SUMMARY.md": "- [A](a.md)\n", "a.md": "one\n"}


def refused(folder: Path, limits: ImportLimits | None = None) -> ImportRefused:
    with pytest.raises(ImportRefused) as caught:
        read_course(folder, limits=limits or ImportLimits())
    return caught.value


def test_a_folder_of_no_known_form(write_course: WriteCourse) -> None:
    assert "neither SUMMARY.md" in str(refused(write_course({"index.html": "<p>"})))


def test_no_folder_at_all(tmp_path: Path) -> None:
    assert "is not a folder" in str(refused(tmp_path / "nowhere"))


def test_a_text_that_is_not_utf8_is_named_with_its_line(write_course: WriteCourse) -> None:
    folder = write_course(BOOK)
    (folder / "a.md").write_bytes("раз\nдва ".encode() + "три".encode("cp1251"))
    refusal = refused(folder)
    assert (refusal.file, refusal.line) == ("a.md", 2)
    assert "is not UTF-8" in refusal.reason


def test_a_binary_file_is_not_a_lesson(write_course: WriteCourse) -> None:
    folder = write_course(BOOK)
    (folder / "a.md").write_bytes(b"a\n\0")
    assert str(refused(folder)) == "a.md:2: is not a text"


def test_a_byte_order_mark_and_windows_line_ends_are_no_fault(write_course: WriteCourse) -> None:
    folder = write_course(BOOK)
    (folder / "a.md").write_bytes(b"\xef\xbb\xbfone\r\ntwo\r")
    assert read_course(folder).lessons[0].text == "one\ntwo\n"


@pytest.mark.parametrize("name", ["a.md", "SUMMARY.md", "picture.png", "part.md"])
def test_a_symbolic_link_that_leads_out_is_refused(write_course: WriteCourse, name: str) -> None:
    folder = write_course({**BOOK, "a.md": "![x](picture.png)\n{{#include part.md}}\n", "part.md": "p"})
    outside = folder.parent / "secret.md"
    outside.write_text("- [A](a.md)\n")
    (folder / name).unlink(missing_ok=True)
    (folder / name).symlink_to(outside)
    refusal = refused(folder)
    assert refusal.file == name
    assert "symbolic link that leads out" in refusal.reason


def test_a_symbolic_link_to_a_folder_outside_is_refused(write_course: WriteCourse) -> None:
    folder = write_course({**BOOK, "a.md": "{{#include parts/secret.md}}\n"})
    (folder.parent / "elsewhere").mkdir()
    (folder.parent / "elsewhere" / "secret.md").write_text("secret")
    (folder / "parts").symlink_to(folder.parent / "elsewhere")
    assert refused(folder).file == "parts/secret.md"


def test_a_symbolic_link_that_stays_inside_is_followed(write_course: WriteCourse) -> None:
    folder = write_course({**BOOK, "real.md": "the real one"})
    (folder / "a.md").unlink()
    (folder / "a.md").symlink_to("real.md")
    assert read_course(folder).lessons[0].text == "the real one\n"


@pytest.mark.parametrize("target", ["../secret.txt", "x/../../secret.txt", "/etc/passwd", "..\\secret.txt"])
def test_an_include_from_outside_is_a_gap_and_is_not_read(write_course: WriteCourse, target: str) -> None:
    folder = write_course({**BOOK, "a.md": f"{{{{#include {target}}}}}\n"})
    (folder.parent / "secret.txt").write_text("SECRET")
    (folder.parent / "..\\secret.txt").write_text("SECRET")
    course = read_course(folder)
    assert [gap.reason for gap in course.gaps] == [GapReason.OUTSIDE]
    assert "SECRET" not in course.lessons[0].text


def test_a_pipe_or_a_folder_in_place_of_a_file_is_not_opened(write_course: WriteCourse) -> None:
    folder = write_course({**BOOK, "a.md": "{{#include pipe}}\n{{#include sub}}\n![x](pipe.png)\n"})
    os.mkfifo(folder / "pipe")
    os.mkfifo(folder / "pipe.png")
    (folder / "sub").mkdir()
    assert [gap.reason for gap in read_course(folder).gaps] == [GapReason.MISSING_FILE] * 3


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        (ImportLimits(text_octets=8), "SUMMARY.md: is longer than 8 octets"),
        (ImportLimits(file_octets=8), "x.txt: is longer than 8 octets"),
        (ImportLimits(total_octets=40), "x.txt: the course is longer than 40 octets"),
        (ImportLimits(files=2), "x.txt: the course needs more than 2 files"),
        (ImportLimits(lessons=0), "SUMMARY.md: lists 1 lessons; at most 0 are taken"),
    ],
)
def test_every_limit_is_kept(write_course: WriteCourse, limits: ImportLimits, expected: str) -> None:
    folder = write_course({"SUMMARY.md": "- [A](a.md)\n", "a.md": "[x](x.txt)\n", "x.txt": "x" * 100})
    assert str(refused(folder, limits)) == expected


def test_the_limits_let_an_ordinary_course_pass(write_course: WriteCourse) -> None:
    assert read_course(write_course(BOOK)).lessons[0].text == "one\n"
    assert msgspec.structs.asdict(ImportLimits())["include_depth"] == 10


def test_importing_the_package_imports_no_parser() -> None:  # the site starts in under a second
    code = "import sys, campus.importing; assert not {'markdown_it', 'pygments', 'yaml'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
