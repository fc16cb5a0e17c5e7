"""`campus import DIR`: a Markdown course into the site's database, and what it still lacks.

One job: show how far the import is, and report what was done in a form that people can work through.
Must not know: command lines, how a course is read or written.
"""

import asyncio
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import Final, TextIO

import click

from campus.accounts.queries import find_member_by_name
from campus.communities import ensure_first_community
from campus.courses.imports import ImportReport, import_course
from campus.courses.media import open_media
from campus.importing import Gap, ImportedCourse, ImportRefused, Progress, read_course
from campus.importing.model import SENTENCES
from campus.model import DEFAULT_COMMUNITY_ID
from campus.settings import CampusSettings
from campus.start import PACKAGE
from veche.data import DataError, UnitsOfWork, open_database
from veche.data.migrations import migrate
from veche.publish import Change

READING: Final = "Reading the lessons"
KEEPING: Final = "Keeping pictures and files"


def import_folder(settings: CampusSettings, folder: Path, *, teacher: str, address: str) -> int:
    """Import the course in the folder and print the report; return the exit code: 1 when it was refused.

    Raises ClickException when the database or the teacher is not there.
    """
    Path(settings.data_directory).mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        with _shown(READING) as progress:
            course = read_course(folder, progress=progress)
        with _shown(KEEPING) as progress:
            report = asyncio.run(_write(settings, course, teacher, progress))
    except ImportRefused as error:
        click.echo(str(error), err=True)
        click.echo("Nothing was imported.", err=True)
        return 1
    except DataError as error:
        raise click.ClickException(str(error)) from error
    for line in report_lines(report, course, address):
        click.echo(line)
    return 0


def report_lines(report: ImportReport, course: ImportedCourse, address: str) -> Iterator[str]:
    """Yield what to tell: where the course is, what was done, and every gap by file and line."""
    yield f"{'Imported' if report.is_new else 'Updated'}: {report.title}"
    yield f"  {address}/courses/{report.slug}"
    yield (
        f"  lessons: {report.created} created, {report.updated} updated, {report.unchanged} unchanged,"
        f" {report.archived} archived; pictures and files: {len(course.assets)}"
    )
    if not report.gaps:
        return
    yield ""
    count = len(report.gaps)
    things = "1 thing" if count == 1 else f"{count} things"
    yield f"The source refers to {things} that it does not hold, by file and line:"
    for file, gaps in groupby(sorted(report.gaps, key=_place), key=lambda gap: gap.file):
        yield ""
        yield file
        for gap in gaps:
            yield f"  {file}:{gap.line}: {gap.target} ({SENTENCES[gap.reason]})"


def _place(gap: Gap) -> tuple[str, int, str]:
    return gap.file, gap.line, gap.target


async def _write(settings: CampusSettings, course: ImportedCourse, teacher: str, progress: Progress) -> ImportReport:
    database = open_database(settings.database_url)
    try:
        await asyncio.to_thread(migrate, database, PACKAGE)
        units = UnitsOfWork(database, _tell_nobody)
        await ensure_first_community(units, settings.registration)
        return await import_course(
            units,
            open_media(settings),
            course,
            community_id=DEFAULT_COMMUNITY_ID,
            teacher_id=await _find_teacher(units, teacher),
            progress=progress,
        )
    finally:
        await database.close()


def _tell_nobody(_changes: Iterable[Change]) -> None:
    """A site that runs meanwhile is another process; its open pages ask for themselves, twice a minute."""


async def _find_teacher(units: UnitsOfWork, name: str) -> int | None:
    if not name:
        return None
    member = await find_member_by_name(units.reader, DEFAULT_COMMUNITY_ID, name)
    if member is None:
        raise click.ClickException(
            f"nobody here has the account name {name!r}; register it first, or leave --teacher out"
        )
    return member.account_id


@contextmanager
def _shown(what: str, stream: TextIO | None = None) -> Iterator[Progress]:
    """Give a function that shows progress: a bar on a terminal, else one line at the end."""
    stream = stream or sys.stderr
    if stream.isatty():
        with _bar(what) as progress:
            yield progress
    else:
        yield lambda done, total, _what: _line(stream, what, done, total)


def _line(stream: TextIO, what: str, done: int, total: int) -> None:
    if done == total:
        stream.write(f"{what}: {done}/{total}\n")
        stream.flush()


@contextmanager
def _bar(what: str) -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[file]}", markup=False),
    )
    with Bar(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(what, total=None, file="")

        def show(done: int, total: int, file: str) -> None:
            bar.update(task, completed=done, total=total, file=file if done < total else "")

        yield show
