"""The sample content as values; the features write them into their tables at the first start.

One job: the shapes. Must not know: tables, the format of the files.
"""

from enum import Enum

import msgspec

from campus.importing import ImportedCourse


class SampleRole(Enum):
    MEMBER = "member"
    TEACHER = "teacher"
    MODERATOR = "moderator"


class SamplePerson(msgspec.Struct, frozen=True):
    """language: of the account's setting. Nobody can log in as one of them: they have no password."""

    account_name: str
    first_name: str
    last_name: str
    about: str
    language: str
    role: SampleRole = SampleRole.MEMBER


class SampleCourse(msgspec.Struct, frozen=True):
    """course: as read_course gives it, so that one action writes imported and sample courses.

    teacher, students: account names. done: how many lessons each student has marked as done.
    """

    course: ImportedCourse
    teacher: str
    students: dict[str, int]


class SampleCategory(msgspec.Struct, frozen=True):
    """slug: stands in addresses; unique over both languages."""

    slug: str
    language: str
    title: str
    description: str


class SampleMessage(msgspec.Struct, frozen=True):
    """age_minutes: how long before the first start it was written; falls within a thread."""

    author: str
    text: str
    age_minutes: int


class SampleThread(msgspec.Struct, frozen=True):
    """course, lesson: name of the course and source of the lesson that it belongs to, "" for none."""

    language: str
    category: str
    title: str
    messages: tuple[SampleMessage, ...]
    course: str = ""
    lesson: str = ""
    pinned: bool = False
    locked: bool = False


class SampleContent(msgspec.Struct, frozen=True):
    """threads: the one that was written to last comes last."""

    people: tuple[SamplePerson, ...]
    courses: tuple[SampleCourse, ...]
    categories: tuple[SampleCategory, ...]
    threads: tuple[SampleThread, ...]
