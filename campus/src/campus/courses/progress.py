"""How far a member is in a course, as pages show it.

One job: the numbers and the done lessons of one viewer. Must not know: pages.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from campus.accounts.viewer import Viewer
from campus.courses.access import visible_drafts
from campus.courses.model import Course, EnrolmentState
from campus.courses.queries import (
    COURSES_BY_IDS,
    ENROLMENTS,
    OutlineEntry,
    count_done,
    count_lessons,
    find_enrolment,
    lessons_done,
    taught_courses,
)
from veche.data import Reader


@dataclass(frozen=True)
class Progress:
    """done: the ids of the lessons done; total: how many there are."""

    enrolled: bool
    has_left: bool
    done: frozenset[int]
    total: int

    @property
    def percent(self) -> int:
        return 100 * len(self.done) // self.total if self.total else 0


async def load_progress(reader: Reader, viewer: Viewer, course: Course, outline: Sequence[OutlineEntry]) -> Progress:
    """Return the viewer's progress; of nobody in particular, for a stranger."""
    enrolment = await find_enrolment(reader, course, viewer.account_id)
    done: set[int] = set()
    if enrolment is not None and viewer.account_id is not None:
        done = await lessons_done(reader, course, viewer.account_id)
    state = None if enrolment is None else enrolment.state
    total = sum(not entry.archived for entry in outline)
    return Progress(state is EnrolmentState.ENROLLED, state is EnrolmentState.LEFT, frozenset(done), total)


@dataclass(frozen=True)
class Standing:
    """What stands on the cards of several courses: how many lessons each has, and how far the viewer is in it."""

    lessons: Mapping[int, int]
    done: Mapping[int, int]
    enrolled: frozenset[int]


async def load_standing(reader: Reader, viewer: Viewer, course_ids: Sequence[int]) -> Standing:
    """Return the numbers of these courses."""
    lessons = await count_lessons(reader, viewer.community_id, course_ids)
    if viewer.account_id is None:
        return Standing(lessons, {}, frozenset())
    rows = await reader.all(ENROLMENTS, community_id=viewer.community_id, account_id=viewer.account_id)
    done = await count_done(reader, viewer.community_id, viewer.account_id, course_ids)
    return Standing(lessons, done, frozenset(row.course_id for row in rows))


async def load_profile_section(reader: Reader, viewer: Viewer, account_id: int) -> Mapping[str, object] | None:
    """Return what a member's page says of courses: what they teach, and to themselves where they take part."""
    community = viewer.community_id
    states, own = await visible_drafts(reader, viewer)
    taught_ids = await taught_courses(reader, community, account_id)
    enrolled_ids: list[int] = []
    if viewer.account_id == account_id:
        rows = await reader.all(ENROLMENTS, community_id=community, account_id=account_id)
        enrolled_ids = [row.course_id for row in rows]
    rows_of = {
        course.id: course
        for course in await reader.all(COURSES_BY_IDS, community_id=community, course_ids=taught_ids + enrolled_ids)
        if course.state in states or course.id in own
    }
    if not rows_of:
        return None
    return {
        "taught": [rows_of[one] for one in taught_ids if one in rows_of],
        "enrolled": [rows_of[one] for one in enrolled_ids if one in rows_of],
        "standing": await load_standing(reader, viewer, enrolled_ids),
    }
