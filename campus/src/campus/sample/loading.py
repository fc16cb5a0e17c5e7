"""sample_content(): the files beside this module as typed values.

One job: two manifests (`people.yaml`, `LANGUAGE/forum.yaml`), the courses (mdBooks, read by the importer as anybody's
are) and the threads. A fault in these files is our own bug, so it is an error of msgspec or an assertion.
Must not know: tables.
"""

import re
from pathlib import Path
from typing import Final

import msgspec

from campus.importing import read_course
from campus.sample.model import (
    SampleCategory,
    SampleContent,
    SampleCourse,
    SampleMessage,
    SamplePerson,
    SampleThread,
)

FOLDER: Final = Path(__file__).parent
LANGUAGES: Final = ("en", "ru")
MINUTES: Final = {"m": 1, "h": 60, "d": 24 * 60}
# A message begins with a line "@author 2d 4h 30m": its author, and how long ago it was written.
MESSAGE_HEAD: Final = re.compile(r"^@(?P<author>\w+)(?P<age>(?: \d+[mhd])+)$", re.MULTILINE)
AGE_PART: Final = re.compile(r"(\d+)([mhd])")


class _CourseEntry(msgspec.Struct, forbid_unknown_fields=True):
    folder: str
    teacher: str
    students: dict[str, int]


class _CategoryEntry(msgspec.Struct, forbid_unknown_fields=True):
    slug: str
    title: str
    description: str


class _ThreadEntry(msgspec.Struct, forbid_unknown_fields=True):
    file: str
    category: str
    title: str
    course: str = ""
    lesson: str = ""
    pinned: bool = False
    locked: bool = False


class _Manifest(msgspec.Struct, forbid_unknown_fields=True):
    courses: list[_CourseEntry]
    categories: list[_CategoryEntry]
    threads: list[_ThreadEntry]


def sample_content() -> SampleContent:
    """Return people, courses, categories and threads of both languages; takes a fifth of a second."""
    people = msgspec.yaml.decode((FOLDER / "people.yaml").read_bytes(), type=tuple[SamplePerson, ...])
    courses: list[SampleCourse] = []
    categories: list[SampleCategory] = []
    threads: list[SampleThread] = []
    for language in LANGUAGES:
        manifest = msgspec.yaml.decode((FOLDER / language / "forum.yaml").read_bytes(), type=_Manifest)
        for entry in manifest.courses:
            course = read_course(FOLDER / language / entry.folder)
            courses.append(SampleCourse(course=course, teacher=entry.teacher, students=entry.students))
        categories += [
            SampleCategory(slug=one.slug, language=language, title=one.title, description=one.description)
            for one in manifest.categories
        ]
        threads += [_thread(entry, language) for entry in manifest.threads]
    threads.sort(key=lambda thread: -thread.messages[-1].age_minutes)
    return SampleContent(people=people, courses=tuple(courses), categories=tuple(categories), threads=tuple(threads))


def _thread(entry: _ThreadEntry, language: str) -> SampleThread:
    text = (FOLDER / language / "threads" / entry.file).read_text(encoding="utf-8")
    return SampleThread(
        language=language,
        category=entry.category,
        title=entry.title,
        messages=_messages(text),
        course=entry.course,
        lesson=entry.lesson,
        pinned=entry.pinned,
        locked=entry.locked,
    )


def _messages(text: str) -> tuple[SampleMessage, ...]:
    heads = list(MESSAGE_HEAD.finditer(text))
    ends = [head.start() for head in heads[1:]] + [len(text)]
    return tuple(
        SampleMessage(
            author=head["author"],
            text=text[head.end() : end].strip(),
            age_minutes=sum(int(number) * MINUTES[unit] for number, unit in AGE_PART.findall(head["age"])),
        )
        for head, end in zip(heads, ends, strict=True)
    )
