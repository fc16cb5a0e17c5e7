"""The contract: what every store of courses does, and which errors it raises.

One job: be the only thing that the API knows about stores. `SqlRepository` (sql.py) and `RemoteRepository` (remote.py)
meet it; tests/examples/test_catalogue_contract.py asks both the same questions.
Must not know: SQL, HTTP.
"""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from catalogue.model import Course, CourseChange, NewCourse


class CatalogueError(Exception):
    """Something the asker can be told. Leave the unit of work after one."""


class NotFound(CatalogueError):
    """There is no course of that slug."""


class AlreadyThere(CatalogueError):
    """Another course has that slug."""


class ChangedMeanwhile(CatalogueError):
    """The course is no longer at the revision that the asker saw."""


class Unavailable(CatalogueError):
    """The store cannot be reached, or does not speak as expected; nothing is known of what was asked."""


class CourseRepository(Protocol):
    """Courses, in one unit of work."""

    async def all(self, *, after: str = "", limit: int = 50) -> Sequence[Course]:
        """The first courses whose slug is greater than `after`, by slug."""

    async def get(self, slug: str) -> Course:
        """Raises NotFound."""

    async def add(self, new: NewCourse) -> Course:
        """Raises AlreadyThere."""

    async def change(self, slug: str, change: CourseChange, *, seen_revision: int) -> Course:
        """The course as it is now. Raises NotFound; ChangedMeanwhile unless it was at the revision seen."""

    async def remove(self, slug: str) -> None:
        """Raises NotFound."""

    async def changed_since(self, revision: int, *, limit: int = 50) -> Sequence[Course]:
        """The courses added or changed after that revision, oldest change first."""


class Unit(Protocol):
    """One unit of work: what it did holds from `commit()` on; left without it, nothing was done.

    (A remote store has no unit of ours: there each single call is one. See RemoteUnit.)
    """

    @property
    def courses(self) -> CourseRepository: ...

    async def commit(self) -> None: ...


class Units(Protocol):
    """`async with units() as unit:`"""

    def __call__(self) -> AbstractAsyncContextManager[Unit]: ...
