"""Courses and lessons for programs: /api/courses and /api/lessons.

One job: the two resources. Must not know: how anything is done.
"""

from typing import Final

from campus.api import signed_in_to_write
from campus.courses.courses import Courses, Lessons
from campus.courses.forms import SLUG_CONSTRAINTS
from campus.courses.values import (
    CourseChange,
    CourseFilter,
    CourseItem,
    LessonChange,
    LessonFilter,
    LessonItem,
    NewCourse,
    NewLesson,
)
from veche.resources import Resource

COURSES_RESOURCE: Final = Resource(
    name="courses",
    operations=Courses,
    item=CourseItem,
    create=NewCourse,
    change=CourseChange,
    key=int,
    key_field="id",
    description="Courses. Everybody reads what is published; teachers make them, and change those that they teach.",
    filters=CourseFilter,
    constraints=SLUG_CONSTRAINTS,
    permit=signed_in_to_write,
)
LESSONS_RESOURCE: Final = Resource(
    name="lessons",
    operations=Lessons,
    item=LessonItem,
    create=NewLesson,
    change=LessonChange,
    key=int,
    key_field="id",
    description="The lessons of a course, in Markdown.",
    filters=LessonFilter,
    constraints=SLUG_CONSTRAINTS,
    permit=signed_in_to_write,
)
