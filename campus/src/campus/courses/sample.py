"""The sample courses, written as any imported course is, with those who learn in them.

One job: load them once. Must not know: their contents.
"""

import asyncio
from datetime import UTC, datetime

from campus.accounts.queries import find_account_by_name
from campus.courses.actions import put_in
from campus.courses.imports import import_course
from campus.courses.media import open_media
from campus.courses.model import Course, LessonDone
from campus.courses.queries import load_outline
from campus.model import DEFAULT_COMMUNITY_ID
from campus.parts import Parts
from campus.sample import sample_content
from veche.data import Unit, find, get


async def load_sample(parts: Parts) -> None:
    """Write the courses and how far their students are; what is there already stays."""
    content = await asyncio.to_thread(sample_content)
    ids: dict[str, int] = {}
    for person in content.people:
        account = await find_account_by_name(parts.units.reader, person.account_name)
        assert account is not None, "accounts load their sample before courses do"
        ids[person.account_name] = account.id
    media = open_media(parts.settings)
    for sample in content.courses:
        report = await import_course(
            parts.units,
            media,
            sample.course,
            community_id=DEFAULT_COMMUNITY_ID,
            teacher_id=ids[sample.teacher],
        )
        async with parts.units.begin(deadline_seconds=10) as unit:
            course = await get(unit, Course, community_id=DEFAULT_COMMUNITY_ID, id=report.course_id)
            for student, done in sample.students.items():
                await _let_learn(unit, course, ids[student], done)
            await unit.commit()


async def _let_learn(unit: Unit, course: Course, account_id: int, done: int) -> None:
    await put_in(unit, course, account_id)
    now = datetime.now(UTC)
    for lesson in (await load_outline(unit, course))[:done]:
        key = {"community_id": course.community_id, "account_id": account_id, "lesson_id": lesson.id}
        if await find(unit, LessonDone, **key) is None:
            await unit.insert(LessonDone(**key, done_at=now))
