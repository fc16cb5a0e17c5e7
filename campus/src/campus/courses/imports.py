"""An ImportedCourse into the tables: a new course, or the one that was imported before, brought up to date.

One job: one unit of work, so that nothing is ever half-imported; what is matched by what.
A course is found by the source's name, a lesson by its file; both keep their ids, addresses, threads and progress.
A lesson that the source no longer has is archived: it leaves the outline, its address and thread stay. The text of the
source wins over what was changed here; lessons that were written here stay behind the imported ones.
Must not know: how a course is read (campus.importing), who shows progress.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from sqlalchemy import bindparam, delete

from campus.courses.media import MediaFolder
from campus.courses.model import (
    MAX_ATTRIBUTION,
    MAX_SUMMARY,
    MAX_TEXT,
    MAX_TITLE,
    Asset,
    Course,
    CourseState,
    CourseTeacher,
    Gap,
    Lesson,
)
from campus.courses.queries import ASSETS, GAPS, LESSONS, SLUGS, course_topic
from campus.courses.slugs import slug_of, slug_of_source, unique_slug
from campus.importing import Gap as ImportedGap
from campus.importing import ImportedAsset, ImportedCourse, ImportedLesson, ImportRefused, Progress
from veche.data import Statement, Unit, UnitsOfWork, find, get_for_update, new_id

IMPORT_SECONDS: Final = 60.0  # a large book on a slow disk; the usual second is meant for what a visitor waits for
MAX_PATH: Final = 400
MAX_TARGET: Final = 2_000

DELETE_ASSETS: Final = Statement(
    delete(Asset.__table__).where(
        Asset.community_id == bindparam("community_id"), Asset.course_id == bindparam("course_id")
    )
)
DELETE_GAPS: Final = Statement(
    delete(Gap.__table__).where(Gap.community_id == bindparam("community_id"), Gap.course_id == bindparam("course_id"))
)
# What of a lesson comes from the source; a difference in any of them is an update.
FROM_SOURCE: Final = (
    "position",
    "level",
    "number",
    "part_title",
    "title",
    "text",
    "minutes",
    "written",
    "archived",
)


@dataclass
class ImportReport:
    """What an import has done. Lessons are counted; `gaps` are all that the source now has."""

    course_id: int
    slug: str
    title: str
    is_new: bool
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    archived: int = 0
    gaps: Sequence[ImportedGap] = field(default_factory=tuple)


def _no_progress(_done: int, _total: int, _what: str) -> None:
    return None


async def import_course(
    units: UnitsOfWork,
    media: MediaFolder,
    imported: ImportedCourse,
    *,
    community_id: int,
    teacher_id: int | None = None,
    progress: Progress = _no_progress,
) -> ImportReport:
    """Write the course and return what was done. A new one is published at once.

    teacher_id: who will teach it, beside those who do. progress: called for each file that is kept.
    Raises ImportRefused, and then nothing has changed.
    """
    _refuse_too_long(imported)
    for number, asset in enumerate(imported.assets, start=1):
        await asyncio.to_thread(_keep, media, asset)
        progress(number, len(imported.assets), asset.path)
    async with units.begin(deadline_seconds=IMPORT_SECONDS) as unit:
        course, is_new = await _course(unit, imported, community_id)
        report = ImportReport(course.id, course.slug, course.title, is_new, gaps=imported.gaps)
        changed = is_new | _take_over(course, _columns_of(imported))
        changed |= await _write_lessons(unit, course, imported.lessons, report)
        changed |= await _write_assets(unit, course, imported)
        changed |= await _write_gaps(unit, course, imported)
        if teacher_id is not None:
            await _appoint(unit, course, teacher_id)
        if changed:
            course.revision += 1
            await unit.update(course)
            unit.publish_after_commit(course_topic(course.id), course.revision)
        await unit.commit()
    return report


def _keep(media: MediaFolder, asset: ImportedAsset) -> None:
    media.keep(asset.content())


def _refuse_too_long(imported: ImportedCourse) -> None:
    """Refuse, with its file, what the tables do not hold: before anything is written."""
    for lesson in imported.lessons:
        if len(lesson.text) > MAX_TEXT:
            raise ImportRefused(f"is longer than {MAX_TEXT:,} characters; divide it", file=lesson.source)
        if len(lesson.source) > MAX_PATH:
            raise ImportRefused(f"has a path of more than {MAX_PATH} characters; shorten it", file=lesson.source)
    for asset in imported.assets:
        if len(asset.path) > MAX_PATH:
            raise ImportRefused(f"has a path of more than {MAX_PATH} characters; shorten it", file=asset.path)


async def _course(unit: Unit, imported: ImportedCourse, community_id: int) -> tuple[Course, bool]:
    """Return the course of this source, ours until the unit ends, and whether it was made just now."""
    source = imported.name[:200]
    found = await find(unit, Course, community_id=community_id, source=source)
    if found is not None:
        return await get_for_update(unit, Course, community_id=community_id, id=found.id), False
    taken = {row[0] for row in await unit.all(SLUGS, community_id=community_id)}
    course = Course(
        community_id=community_id,
        id=new_id(),
        slug=unique_slug(slug_of(imported.name, "course"), taken),
        state=CourseState.PUBLISHED,
        source=source,
        created_at=datetime.now(UTC),
        **_columns_of(imported),
    )
    await unit.insert(course)
    return course, True


def _columns_of(imported: ImportedCourse) -> dict[str, Any]:
    return {
        "title": imported.title[:MAX_TITLE] or imported.name[:MAX_TITLE],
        "summary": imported.description[:MAX_SUMMARY],
        "language": (imported.language or "en")[:35],
        "attribution": attribution_of(imported),
    }


def attribution_of(imported: ImportedCourse) -> str:
    """Return who made the course, under which licence and from where, as Markdown without a word of our own."""
    parts = [", ".join(imported.authors), imported.licence]
    if imported.source_url:
        parts.append(f"<{imported.source_url}>")
    # A longer fence than any in the notice keeps its text as it is.
    parts += [f"::: spoiler\n## {notice.file}\n\n~~~~~~text\n{notice.text}\n~~~~~~\n:::" for notice in imported.notices]
    text = ""
    for part in filter(None, parts):
        if len(text) + len(part) + 2 <= MAX_ATTRIBUTION:  # a cut block would swallow what follows
            text += part + "\n\n"
    return text


async def _write_lessons(unit: Unit, course: Course, lessons: Sequence[ImportedLesson], report: ImportReport) -> bool:
    known = await unit.all(LESSONS, community_id=course.community_id, course_id=course.id)
    by_source = {lesson.source_path: lesson for lesson in known if lesson.source_path is not None}
    slugs = {lesson.slug for lesson in known}
    new: list[Lesson] = []
    for position, (source_path, imported) in enumerate(_keyed(lessons)):
        columns = _columns_of_lesson(imported, position)
        lesson = by_source.pop(source_path, None)
        if lesson is None:
            slug = unique_slug(slug_of_source(imported.source, imported.title), slugs)
            slugs.add(slug)
            new.append(_new_lesson(course, slug, source_path, columns))
        elif _take_over(lesson, columns):
            lesson.revision += 1
            await unit.update(lesson)
            report.updated += 1
        else:
            report.unchanged += 1
    await unit.insert_all(new)
    report.created = len(new)
    for lesson in by_source.values():
        if _take_over(lesson, {"archived": True}):
            lesson.revision += 1
            await unit.update(lesson)
            report.archived += 1
    moved = await _move_own_lessons_behind(unit, known, len(lessons))
    return moved or bool(report.created or report.updated or report.archived)


def _keyed(lessons: Sequence[ImportedLesson]) -> list[tuple[str, ImportedLesson]]:
    """Return each lesson with what names it for the next import; a draft has no file yet, so its title does."""
    keyed: list[tuple[str, ImportedLesson]] = []
    drafts: dict[str, int] = {}
    for lesson in lessons:
        if lesson.source:
            keyed.append((lesson.source, lesson))
            continue
        drafts[lesson.title] = drafts.get(lesson.title, 0) + 1
        keyed.append((f"draft {drafts[lesson.title]}: {lesson.title}"[:MAX_PATH], lesson))
    return keyed


def _columns_of_lesson(imported: ImportedLesson, position: int) -> dict[str, Any]:
    values = (
        position,
        imported.level,
        imported.number[:40],
        imported.part[:MAX_TITLE],
        imported.title[:MAX_TITLE] or "—",
        imported.text,
        imported.minutes,
        not imported.draft,
        False,
    )
    return dict(zip(FROM_SOURCE, values, strict=True))


def _new_lesson(course: Course, slug: str, source_path: str, columns: dict[str, Any]) -> Lesson:
    return Lesson(
        community_id=course.community_id,
        id=new_id(),
        course_id=course.id,
        slug=slug,
        source_path=source_path,
        **columns,
    )


async def _move_own_lessons_behind(unit: Unit, known: Sequence[Lesson], first: int) -> bool:
    """Give the lessons that were written here the places after the imported ones; return whether one moved."""
    moved = False
    for position, lesson in enumerate((one for one in known if one.source_path is None), start=first):
        if lesson.position != position:
            lesson.position = position
            await unit.update(lesson, "position")
            moved = True
    return moved


async def _write_assets(unit: Unit, course: Course, imported: ImportedCourse) -> bool:
    place = {"community_id": course.community_id, "course_id": course.id}
    wanted = [
        Asset(
            **place,
            path=asset.path,
            media_type=asset.media_type,
            digest=asset.digest,
            octets=asset.size_octets,
        )
        for asset in imported.assets
    ]
    known = await unit.all(ASSETS, **place)
    if sorted(wanted, key=_path) == sorted(known, key=_path):
        return False
    await unit.run(DELETE_ASSETS, **place)
    await unit.insert_all(wanted)
    return True


def _path(asset: Asset) -> str:
    return asset.path


async def _write_gaps(unit: Unit, course: Course, imported: ImportedCourse) -> bool:
    place = {"community_id": course.community_id, "course_id": course.id}
    lessons = {lesson.source_path: lesson.id for lesson in await unit.all(LESSONS, **place)}
    wanted = [
        Gap(
            **place,
            id=new_id(),
            lesson_id=lessons.get(gap.lesson),
            file=gap.file[:MAX_PATH],
            line=gap.line,
            what=gap.target[:MAX_TARGET],
            reason=gap.reason.value,
        )
        for gap in imported.gaps
    ]
    known = await unit.all(GAPS, **place)
    if sorted(map(_said, wanted)) == sorted(map(_said, known)):
        return False
    await unit.run(DELETE_GAPS, **place)
    await unit.insert_all(wanted)
    return True


def _said(gap: Gap) -> tuple[str, int, str, str, int]:
    return gap.file, gap.line, gap.what, gap.reason, gap.lesson_id or 0


async def _appoint(unit: Unit, course: Course, account_id: int) -> None:
    key = {"community_id": course.community_id, "course_id": course.id, "account_id": account_id}
    if await find(unit, CourseTeacher, **key) is None:
        await unit.insert(CourseTeacher(**key))


def _take_over(row: msgspec.Struct, columns: dict[str, Any]) -> bool:
    """Set the columns, and return whether one of them was different."""
    different = {name: value for name, value in columns.items() if getattr(row, name) != value}
    for name, value in different.items():
        setattr(row, name, value)
    return bool(different)
