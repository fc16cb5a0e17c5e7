"""What a course is, for requests, answers, repositories and the feed alike.

One job: the shapes and their bounds.
Must not know: tables, HTTP.
"""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=60)]
Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]


class CourseChange(BaseModel):
    """What may be changed in a course."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: Title
    price_cents: Annotated[int, Field(ge=0, le=10_000_000)]


class NewCourse(CourseChange):
    """A course that the catalogue does not hold yet."""

    slug: Slug


class Course(NewCourse):
    """A course of the catalogue.

    revision: the catalogue's own count of changes, when this course last changed. It is the course's ETag (who changes
    a course says which revision he saw) and the feed's cursor (everything newer than what a reader has).
    """

    model_config = ConfigDict(from_attributes=True)

    revision: int
