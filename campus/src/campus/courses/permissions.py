"""Who may do what with a course; README.md has it as a table.

One job: the rules, from a role and what is true of the course.
Must not know: the database, requests.
"""

from campus.accounts.viewer import Viewer
from campus.courses.model import CourseState


def may_create(viewer: Viewer) -> bool:
    """Return whether the viewer may make courses, or copies of those that they see."""
    return viewer.teaches


def may_edit(viewer: Viewer, *, teaches_it: bool) -> bool:
    """Return whether the viewer may change and delete the course; a teacher who lost that role may not."""
    return viewer.administers or (viewer.teaches and teaches_it)


def may_see(viewer: Viewer, state: CourseState, *, teaches_it: bool) -> bool:
    """Return whether the course is there for the viewer at all: a draft is, for those who may change it."""
    return state is CourseState.PUBLISHED or may_edit(viewer, teaches_it=teaches_it)


def may_take_part(viewer: Viewer, state: CourseState) -> bool:
    """Return whether the viewer may enrol."""
    return viewer.is_member and state is CourseState.PUBLISHED
