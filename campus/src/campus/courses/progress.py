"""How far a member is in a course, as pages show it.

One job: the numbers and the done lessons of one viewer. Must not know: pages.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from campus.accounts.viewer import Viewer
from campus.courses.model import Course, EnrolmentState
from campus.courses.queries import (
    ENROLMENTS,
    OutlineEntry,
    count_done,
    count_lessons,
    find_enrolment,
    lessons_done,
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
