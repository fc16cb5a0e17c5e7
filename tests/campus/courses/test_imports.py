"""Imported courses in the tables and on their pages; the small books of the tests, and real ones where they are."""

import os
import re
import shutil
from pathlib import Path

import pytest
from sqlalchemy import func, select

from campus.courses.imports import ImportReport, import_course
from campus.courses.media import MediaFolder
from campus.courses.model import Course, CourseState, Lesson
from campus.courses.queries import GAPS, LESSONS, find_course
from campus.importing import ImportRefused, read_course
from campus.model import DEFAULT_COMMUNITY_ID, Role
from fixtures.campus_site import Site
from fixtures.course_site import RunScenario
from veche.data import Statement

BOOKS = Path(__file__).parents[2] / "fixtures" / "courses"
SANDBOX = "sandbox; default-src 'none'; style-src 'unsafe-inline'"
CONTENT = os.environ.get("CAMPUS_CONTENT_DIR", "")


async def take_in(site: Site, folder: Path, media: Path, teacher: int | None = None) -> ImportReport:
    """Import the folder as the command does."""
    course = read_course(folder)
    return await import_course(
        site.units, MediaFolder(media), course, community_id=DEFAULT_COMMUNITY_ID, teacher_id=teacher
    )


@pytest.fixture
def media(tmp_path: Path) -> Path:
    """The media folder of the started site."""
    return tmp_path / "var" / "media"


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """A copy of the small book that a test may change."""
    return Path(shutil.copytree(BOOKS / "bread", tmp_path / "bread"))


def test_an_imported_book_opens_with_pictures_code_and_marked_gaps(on_site: RunScenario, media: Path) -> None:
    async def scenario(site: Site) -> None:
        teacher, reader = site.visitor(), site.visitor()
        teacher_id = await site.register(teacher, "olga", Role.TEACHER)
        report = await take_in(site, BOOKS / "bread", media, teacher_id)
        assert (report.is_new, report.created) == (True, 7)
        course = await reader.get("/courses/bread")
        assert "Хлеб и Rust" in course.text
        assert "Тесто" in course.text
        lesson = await reader.get("/courses/bread/flour")
        assert 'class="highlight' in lesson.text or "<pre" in lesson.text
        assert "Нет такой" not in lesson.text
        heat = await reader.get("/courses/bread/heat")
        assert "gap" in heat.text
        pages = [await reader.get(path) for path in re.findall(r'href="(/courses/bread/[^"/]+)"', course.text)]
        pictures = {path for page in pages for path in re.findall(r'src="(/courses/bread/files/[^"]+)"', page.text)}
        assert pictures
        for path in pictures:
            answer = await reader.get(path)
            assert answer.status_code == 200
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert "immutable" in answer.headers["cache-control"]
            assert answer.headers["content-type"].startswith("image/")
        assert 'id="gaps"' not in course.text
        assert "src/heat.md:16" in (await teacher.get("/courses/bread")).text, "teachers see what is missing"

    on_site(scenario)


def test_an_svg_is_served_where_it_can_run_nothing(on_sqlite: RunScenario, media: Path) -> None:
    async def scenario(site: Site) -> None:
        await take_in(site, BOOKS / "bread", media)
        visitor = site.visitor()
        answer = await visitor.get("/courses/bread/files/src/img/loaf.svg")
        assert answer.headers["content-type"] == "image/svg+xml"
        assert answer.headers["content-security-policy"] == SANDBOX
        assert answer.headers["cache-control"] == "public, no-cache"
        again = await visitor.get(
            "/courses/bread/files/src/img/loaf.svg", headers={"if-none-match": answer.headers["etag"]}
        )
        assert again.status_code == 304
        part = await visitor.get("/courses/bread/files/src/img/loaf.svg", headers={"range": "bytes=0-3"})
        assert (part.status_code, len(part.content)) == (206, 4)
        table = await visitor.get("/courses/bread/files/src/img/temperatures.csv")
        assert table.headers["content-disposition"] == 'attachment; filename="temperatures.csv"'
        for missing in ("src/img/none.png", "src/img/run.html", "../../secret-key", "%2e%2e/secret-key"):
            assert (await visitor.get(f"/courses/bread/files/{missing}")).status_code == 404

    on_sqlite(scenario)


def test_files_of_a_draft_are_not_for_everybody(on_sqlite: RunScenario, media: Path) -> None:
    async def scenario(site: Site) -> None:
        await take_in(site, BOOKS / "bread", media)
        async with site.units.begin() as unit:
            course = await find_course(unit, DEFAULT_COMMUNITY_ID, "bread")
            assert course is not None
            course.state = CourseState.DRAFT
            await unit.update(course)
            await unit.commit()
        administrator = site.visitor()
        await site.register(administrator, "admin", Role.ADMINISTRATOR)
        path = "/courses/bread/files/src/img/loaf.svg"
        assert (await site.visitor().get(path)).status_code == 404
        assert (await administrator.get(path)).headers["cache-control"] == "private, no-cache"

    on_sqlite(scenario)


def test_importing_again_updates_and_keeps_ids_addresses_and_progress(
    on_site: RunScenario, media: Path, book: Path
) -> None:
    async def scenario(site: Site) -> None:
        await take_in(site, book, media)
        before = {lesson.source_path: lesson for lesson in await lessons_of(site)}
        anna = site.visitor()
        await site.register(anna, "anna")
        await anna.submit(await anna.get("/courses/bread"), "enrol")
        for slug in ("heat", "crust"):
            await anna.submit(await anna.get(f"/courses/bread/{slug}"), "mark-done")

        unchanged = await take_in(site, book, media)
        assert (unchanged.is_new, unchanged.unchanged, unchanged.updated) == (False, 7, 0)

        (book / "src" / "heat.md").write_text("# Жар\n\nТеперь жарче.\n", encoding="utf-8")
        (book / "src" / "rest.md").write_text("# Отдых\n\nПодождите.\n", encoding="utf-8")
        summary = book / "src" / "SUMMARY.md"
        summary.write_text(
            summary.read_text(encoding="utf-8").replace("- [Корка](crust.md)", "- [Отдых](rest.md)"), encoding="utf-8"
        )
        report = await take_in(site, book, media)
        assert (report.created, report.updated, report.archived) == (1, 1, 1)
        after = {lesson.source_path: lesson for lesson in await lessons_of(site)}
        assert all(
            after[source].id == lesson.id and after[source].slug == lesson.slug for source, lesson in before.items()
        )
        page = await anna.get("/courses/bread/heat")
        assert "Теперь жарче." in page.text
        assert "1 of 7 lessons done" in page.text, "the archived lesson counts no more"
        gone = await anna.get("/courses/bread/crust")
        assert "no longer part of the course" in gone.text
        assert "/courses/bread/crust" not in (await anna.get("/courses/bread")).text

        summary.write_text(
            summary.read_text(encoding="utf-8").replace("- [Отдых](rest.md)", "- [Корка](crust.md)"), encoding="utf-8"
        )
        await take_in(site, book, media)
        assert "2 of 7 lessons done" in (await anna.get("/courses/bread/heat")).text, "and counts again when it is back"

    on_site(scenario)


def test_a_changed_picture_has_another_address(on_sqlite: RunScenario, media: Path, book: Path) -> None:
    async def scenario(site: Site) -> None:
        async def address() -> str:
            await take_in(site, book, media)
            course = await site.visitor().get("/courses/bread")
            for path in re.findall(r'href="(/courses/bread/[^"/]+)"', course.text):
                page = await site.visitor().get(path)
                if found := re.search(r'src="(/courses/bread/files/src/img/loaf\.svg[^"]+)"', page.text):
                    return found[1]
            raise AssertionError("no lesson shows the picture")

        first = await address()
        picture = book / "src" / "img" / "loaf.svg"
        picture.write_text(picture.read_text(encoding="utf-8") + "<!-- crumbs -->\n", encoding="utf-8")
        second = await address()
        assert first != second
        assert b"crumbs" in (await site.visitor().get(second)).content

    on_sqlite(scenario)


def test_a_refused_import_leaves_nothing(on_site: RunScenario, media: Path, book: Path) -> None:
    async def scenario(site: Site) -> None:
        course = read_course(book)
        (book / "src" / "img" / "loaf.svg").write_text("<svg>changed meanwhile</svg>", encoding="utf-8")
        with pytest.raises(ImportRefused, match="changed while it was imported"):
            await import_course(site.units, MediaFolder(media), course, community_id=DEFAULT_COMMUNITY_ID)
        assert await site.units.reader.value(Statement(select(func.count()).select_from(Course.__table__))) == 0

    on_site(scenario)


async def lessons_of(site: Site, slug: str = "bread") -> list[Lesson]:
    course = await find_course(site.units.reader, DEFAULT_COMMUNITY_ID, slug)
    assert course is not None
    return await site.units.reader.all(LESSONS, community_id=course.community_id, course_id=course.id)


@pytest.mark.skipif(not CONTENT, reason="CAMPUS_CONTENT_DIR is not set: real courses are not imported")
def test_every_chapter_of_the_real_russian_book_opens(on_sqlite: RunScenario, media: Path) -> None:
    async def scenario(site: Site) -> None:
        report = await take_in(site, Path(CONTENT) / "rust-book-ru", media)
        assert report.created == 104
        lessons = await lessons_of(site, "rust-book-ru")
        reader = site.visitor(accept_language="ru")
        texts = {}
        for lesson in lessons:
            page = await reader.get(f"/courses/rust-book-ru/{lesson.slug}")
            assert page.status_code == 200, lesson.slug
            texts[lesson.slug] = page.text
        whole = "".join(texts.values())
        assert 'class="gap' in whole
        assert 'class="highlight"' in whole or 'class="k"' in whole
        pictures = set(re.findall(r'src="(/courses/rust-book-ru/files/[^"]+)"', whole))
        assert len(pictures) >= 10
        for path in pictures:
            assert (await reader.get(path)).status_code == 200
        links = {path for path in re.findall(r'href="(/courses/rust-book-ru/[^"#?]+)', whole) if "/files/" not in path}
        assert links <= {f"/courses/rust-book-ru/{slug}" for slug in texts}, "no link of the book leads nowhere"
        course = await find_course(site.units.reader, DEFAULT_COMMUNITY_ID, "rust-book-ru")
        assert course is not None
        place = {"community_id": course.community_id, "course_id": course.id}
        assert len(await site.units.reader.all(GAPS, **place)) == len(report.gaps)

    on_sqlite(scenario)
