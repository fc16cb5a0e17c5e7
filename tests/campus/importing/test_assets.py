"""Which files come along: what they are is read from their octets, not from their names."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from campus.importing import GapReason, ImportRefused, read_course

WriteCourse = Callable[[Mapping[str, str]], Path]

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20
SVG = b'<?xml version="1.0"?>\n<!-- x -->\n<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "x">\n<svg xmlns="x"></svg>'


def folder_with(write_course: WriteCourse, name: str, octets: bytes) -> Path:
    folder = write_course({"SUMMARY.md": "- [A](a.md)\n", "a.md": f"[x](<{name}>)\n"})
    (folder / name).write_bytes(octets)
    return folder


@pytest.mark.parametrize(
    ("name", "octets", "media_type"),
    [
        ("x.png", PNG, "image/png"),
        ("X.PNG", PNG, "image/png"),
        ("x.jpg", b"\xff\xd8\xff\xe0", "image/jpeg"),
        ("x.jpeg", b"\xff\xd8\xff\xdb", "image/jpeg"),
        ("x.gif", b"GIF89a...", "image/gif"),
        ("x.webp", b"RIFF\x10\0\0\0WEBPVP8 ", "image/webp"),
        ("x.svg", SVG, "image/svg+xml"),
        ("x.pdf", b"%PDF-1.7", "application/pdf"),
        ("x.zip", b"PK\x03\x04", "application/zip"),
        ("x.csv", "а,б\n1,2\n".encode(), "text/csv; charset=utf-8"),
        ("x.json", b"{}", "application/json"),
        ("x.py", b"print(1)\n", "text/plain; charset=utf-8"),
        ("a b (1).txt", b"x", "text/plain; charset=utf-8"),
    ],
)
def test_a_file_of_an_allowed_kind_comes_along(
    write_course: WriteCourse, name: str, octets: bytes, media_type: str
) -> None:
    course = read_course(folder_with(write_course, name, octets))
    assert [(asset.path, asset.media_type, asset.size_octets) for asset in course.assets] == [
        (name, media_type, len(octets))
    ]
    assert course.assets[0].content() == octets
    assert course.assets[0].sandboxed is (media_type == "image/svg+xml")


@pytest.mark.parametrize(
    ("name", "octets"),
    [
        ("x.exe", b"MZ\x90\0"),
        ("x.html", b"<p>hi"),
        ("x.png", b"<script>alert(1)</script>"),
        ("x.png", b""),
        ("x.jpg", PNG),
        ("x.gif", b"GIF"),
        ("x.webp", b"RIFF\x10\0\0\0AVI "),
        ("x.svg", b"<html><svg>"),
        ("x.svg", b"<!--" + b"--><!--" * 200 + b"<html>"),
        ("x.svg", b" " * 60_000),
        ("x.pdf", b"MZ%PDF-"),
        ("x.zip", b"MZ"),
        ("x.txt", b"\x7fELF\x02\0"),
        ("x.txt", b"<!DOCTYPE html><script>alert(1)</script>"),
        ("x.txt", "текст".encode("cp1251")),
        ("x.csv", b"a\0b"),
        ("x", b"#!/bin/sh"),
        ("x.py.exe", b"print()"),
    ],
)
def test_anything_else_is_a_gap(write_course: WriteCourse, name: str, octets: bytes) -> None:
    course = read_course(folder_with(write_course, name, octets))
    assert course.assets == ()
    assert [(gap.file, gap.line, gap.reason) for gap in course.gaps] == [("a.md", 1, GapReason.REFUSED_TYPE)]


def test_a_file_that_changes_during_the_import_is_refused(write_course: WriteCourse) -> None:
    folder = folder_with(write_course, "x.png", PNG)
    course = read_course(folder)
    (folder / "x.png").write_bytes(b"<script>")
    with pytest.raises(ImportRefused, match="changed while it was imported"):
        course.assets[0].content()


def test_only_what_a_lesson_names_comes_along(write_course: WriteCourse) -> None:
    folder = folder_with(write_course, "x.png", PNG)
    (folder / "other.png").write_bytes(PNG)
    assert [asset.path for asset in read_course(folder).assets] == ["x.png"]


REMOTE = "https://host.example/book/blob/main/src/img/x.png?raw=true"


@pytest.mark.parametrize("picture", ["![x]({})", '<img alt="x" src="{}">'])
def test_a_remote_picture_that_the_source_holds_is_taken_from_there(write_course: WriteCourse, picture: str) -> None:
    folder = write_course({"SUMMARY.md": "- [A](a.md)\n", "a.md": picture.format(REMOTE), "img/x.png": ""})
    (folder / "img" / "x.png").write_bytes(PNG)
    course = read_course(folder)
    assert course.lessons[0].text.strip() == picture.format("asset:img/x.png")
    assert [asset.path for asset in course.assets] == ["img/x.png"]
    assert course.gaps == ()


@pytest.mark.parametrize("own", [{}, {"img/x.png": PNG, "old/x.png": PNG}, {"x.png": b"<html>"}, {".git/x.png": PNG}])
def test_any_other_remote_picture_stays_and_is_listed(write_course: WriteCourse, own: Mapping[str, bytes]) -> None:
    text = f"![x]({REMOTE}) and [x]({REMOTE})"
    folder = write_course({"SUMMARY.md": "- [A](a.md)\n", "a.md": text, **dict.fromkeys(own, "")})
    for name, octets in own.items():
        (folder / name).write_bytes(octets)
    course = read_course(folder)
    assert course.lessons[0].text.strip() == text
    assert course.assets == ()
    assert [(gap.file, gap.line, gap.target, gap.reason) for gap in course.gaps] == [
        ("a.md", 1, REMOTE, GapReason.ELSEWHERE)
    ]
