"""The courses on the front page: those to go on with, and those to start.

One job: which courses a viewer is shown there. Must not know: the page around them.
"""

from collections.abc import Mapping
from typing import Final

from campus.accounts.viewer import Viewer
from campus.courses.covers import cover
from campus.courses.model import Course, CourseState
from campus.courses.progress import load_standing
from campus.courses.queries import COURSES_BY_IDS, ENROLMENTS, LANGUAGES, VISIBLE_COURSES
from campus.feature import FrontSection
from veche.data import Reader

SHOWN: Final = 3


async def load_front(reader: Reader, viewer: Viewer) -> Mapping[str, object] | None:
    """Return a few courses of each kind, in the viewer's language where there are any; None when there are none."""
    mine = await _enrolled(reader, viewer)
    others = await _to_start(reader, viewer, [viewer.reads], mine)
    if not others and not mine:
        languages = [row[0] for row in await reader.all(LANGUAGES, community_id=viewer.community_id)]
        others = await _to_start(reader, viewer, languages, mine)
    courses = [*mine, *others]
    if not courses:
        return None
    return {
        "mine": mine,
        "others": others,
        "covers": {course.id: cover(course.id) for course in courses},
        "standing": await load_standing(reader, viewer, [course.id for course in courses]),
    }


async def _enrolled(reader: Reader, viewer: Viewer) -> list[Course]:
    """The published courses that the member came to last."""
    if viewer.account_id is None:
        return []
    rows = await reader.all(ENROLMENTS, community_id=viewer.community_id, account_id=viewer.account_id)
    ids = [row.course_id for row in rows]
    found = await reader.all(COURSES_BY_IDS, community_id=viewer.community_id, course_ids=ids) if ids else []
    courses = [course for course in found if course.state is CourseState.PUBLISHED]
    return sorted(courses, key=lambda course: ids.index(course.id))[:SHOWN]


async def _to_start(reader: Reader, viewer: Viewer, languages: list[str], mine: list[Course]) -> list[Course]:
    courses = await reader.all(
        VISIBLE_COURSES,
        community_id=viewer.community_id,
        languages=languages,
        states=[CourseState.PUBLISHED],
        taught=[],
        after_0=None,
        after_1=None,
        limit=SHOWN + len(mine),
    )
    known = {course.id for course in mine}
    return [course for course in courses if course.id not in known][:SHOWN]


FRONT: Final = FrontSection("courses/_front.html", load_front)
