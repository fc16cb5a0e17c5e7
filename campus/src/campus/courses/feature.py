"""Courses, as the composition root takes them."""

from pathlib import Path
from typing import Final

from campus.courses import course_editing_pages, files, lesson_editing_pages, pages
from campus.courses.api import COURSES_RESOURCE, LESSONS_RESOURCE
from campus.courses.courses import Courses, Lessons, provide_courses, provide_lessons
from campus.courses.desk import Desk, provide_desk
from campus.courses.errors import NotEnrolled, NotPermitted
from campus.courses.forms import NO_SUCH_TEACHER
from campus.courses.front import FRONT
from campus.courses.live import CourseLive, make_fragments, provide_course_live
from campus.courses.media import MediaFolder, open_media
from campus.courses.progress import load_profile_section
from campus.courses.queries import newest_revisions, public_addresses
from campus.courses.sample import load_sample
from campus.courses.threads import LessonThreads, no_threads
from campus.feature import Feature, ProfileSection
from veche.data import NotFound
from veche.web import HTTPException, Request, Response


def _not_found(_request: Request, error: Exception) -> Response:
    raise HTTPException(404, "There is nothing at this address.") from error


def _not_permitted(_request: Request, error: Exception) -> Response:
    raise HTTPException(403, str(error)) from error


def _conflict(_request: Request, error: Exception) -> Response:
    raise HTTPException(409, str(error)) from error


COURSES: Final = Feature(
    name="courses",
    templates=Path(__file__).parent / "templates",
    front_sections=(FRONT,),
    public_addresses=public_addresses,
    routes=(*files.ROUTES, *course_editing_pages.ROUTES, *lesson_editing_pages.ROUTES, *pages.ROUTES),
    providers={
        Desk: provide_desk,
        CourseLive: provide_course_live,
        LessonThreads: no_threads,
        MediaFolder: open_media,
        Courses: provide_courses,
        Lessons: provide_lessons,
    },
    fragments=make_fragments,
    newest=newest_revisions,
    profile_sections=(ProfileSection("courses/my_courses.html", load_profile_section),),
    messages={"no_such_teacher": NO_SUCH_TEACHER},
    resources=(COURSES_RESOURCE, LESSONS_RESOURCE),
    load_sample=load_sample,
    exception_handlers={NotFound: _not_found, NotPermitted: _not_permitted, NotEnrolled: _conflict},
)
