"""The pages of courses for those who learn: catalogue, course, lesson; enrol, leave, mark as done.

One job: read what a page shows, and act on what is sent. Must not know: SQL.
"""

from typing import Annotated, Final

from markupsafe import Markup
from msgspec import Meta

from campus.accounts.viewer import Member
from campus.courses.access import open_course, visible_drafts
from campus.courses.actions import enrol, mark_done, unenrol
from campus.courses.covers import cover
from campus.courses.desk import Desk
from campus.courses.forms import DoneForm
from campus.courses.live import CourseParams, LessonParams
from campus.courses.permissions import may_create
from campus.courses.progress import load_standing
from campus.courses.queries import (
    LANGUAGES,
    VISIBLE_COURSES,
    find_lesson,
    list_gaps,
    list_teachers,
    load_outline,
)
from campus.courses.rendering import course_path, lesson_path, render_attribution, render_lesson
from campus.courses.threads import LessonPlace
from veche.data import UnitsOfWork
from veche.web import RedirectResponse, Response, Route
from veche.web.forms import Form

COURSES_ON_A_PAGE: Final = 24
ANY_LANGUAGE: Final = ""


LanguageTag = Annotated[str, Meta(max_length=35)]


async def catalogue_page(
    desk: Desk, language: LanguageTag = ANY_LANGUAGE, after: int | None = None, after_id: int | None = None
) -> Response:
    """All courses that the viewer may see, with how far they are in each."""
    reader, viewer = desk.reader, desk.viewer
    states, taught = await visible_drafts(reader, viewer)
    rows = await reader.all(LANGUAGES, community_id=viewer.community_id)
    known = sorted({row[0] for row in rows} | {"en", "ru"})
    courses = await reader.all(
        VISIBLE_COURSES,
        community_id=viewer.community_id,
        languages=[language] if language else known,
        states=states,
        taught=taught,
        after_0=after,
        after_1=after_id,
        limit=COURSES_ON_A_PAGE + 1,
    )
    more, courses = len(courses) > COURSES_ON_A_PAGE, courses[:COURSES_ON_A_PAGE]
    last = courses[-1] if courses else None
    courses.sort(key=lambda course: course.language != viewer.reads)  # one's own language first; the order is kept
    return await desk.screen.render(
        "courses/catalogue.html",
        courses=courses,
        following=last if more else None,
        covers={course.id: cover(course.id) for course in courses},
        languages=known,
        chosen=language,
        may_create=may_create(viewer),
        standing=await load_standing(reader, viewer, [course.id for course in courses]),
        canonical_url=desk.whole_address("/courses"),
    )


async def course_page(desk: Desk, slug: str) -> Response:
    """One course: what it is about, its lessons, who teaches it."""
    reader, viewer = desk.reader, desk.viewer
    opened = await open_course(reader, viewer, slug)
    course = opened.course
    params = CourseParams(viewer.community_id, course.id)
    if viewer.is_member:
        part = await desk.live.embed(viewer, desk.parts.mine, params)
    else:
        part = await desk.live.embed(viewer, desk.parts.outline, params)
    return await desk.screen.render(
        "courses/course.html",
        course=course,
        may_edit=opened.may_edit,
        may_create=may_create(viewer),
        part=part,
        cover=cover(course.id),
        outline=[entry for entry in await load_outline(reader, course) if not entry.archived],
        teachers=await list_teachers(reader, course),
        gaps=await list_gaps(reader, course) if opened.may_edit else [],
        attribution=(await render_attribution(course)).html,
        canonical_url=desk.whole_address(course_path(course.slug)),
    )


async def lesson_page(desk: Desk, slug: str, lesson_slug: str) -> Response:
    """One lesson, with its thread beside it."""
    reader, viewer = desk.reader, desk.viewer
    opened = await open_course(reader, viewer, slug)
    course = opened.course
    lesson = await find_lesson(reader, course, lesson_slug)
    outline = await load_outline(reader, course)
    shown = [entry for entry in outline if not entry.archived]
    here = next((index for index, entry in enumerate(shown) if entry.id == lesson.id), None)
    own = Markup()
    if viewer.is_member:
        params = LessonParams(viewer.community_id, course.id, lesson.id)
        own = await desk.live.embed(viewer, desk.parts.lesson, params)
    place = LessonPlace(lesson.id, lesson.title, course.title, course.language)
    return await desk.screen.render(
        "courses/lesson.html",
        course=course,
        lesson=lesson,
        may_edit=opened.may_edit,
        rendered=await render_lesson(reader, course, outline, lesson.text),
        number=None if here is None else here + 1,
        total=len(shown),
        previous=shown[here - 1] if here else None,
        following=shown[here + 1] if here is not None and here + 1 < len(shown) else None,
        own=own,
        thread=await desk.threads.embed(desk.request, viewer, place),
        canonical_url=desk.whole_address(lesson_path(course.slug, lesson.slug)),
    )


async def send_enrolment(viewer: Member, units: UnitsOfWork, slug: str) -> Response:
    """Take part, or take part again."""
    course = (await open_course(units.reader, viewer, slug)).course
    await enrol(units, viewer, course.id)
    return RedirectResponse(course_path(course.slug))


async def send_leave(viewer: Member, units: UnitsOfWork, slug: str) -> Response:
    """Leave; the progress is kept."""
    course = (await open_course(units.reader, viewer, slug)).course
    await unenrol(units, viewer, course.id)
    return RedirectResponse(course_path(course.slug))


async def send_done(viewer: Member, units: UnitsOfWork, form: Form[DoneForm], slug: str, lesson_slug: str) -> Response:
    """Mark the lesson as done, or take the mark back."""
    course = (await open_course(units.reader, viewer, slug)).course
    lesson = await find_lesson(units.reader, course, lesson_slug)
    await mark_done(units, viewer, lesson.id, done=form.value is not None and form.value.done)
    return RedirectResponse(lesson_path(course.slug, lesson.slug))


ROUTES: Final = (
    Route("/courses", catalogue_page, methods=("GET",), name="courses"),
    Route("/courses/{slug}", course_page, methods=("GET",), name="course"),
    Route("/courses/{slug}/enrol", send_enrolment, methods=("POST",), name="enrol"),
    Route("/courses/{slug}/leave", send_leave, methods=("POST",), name="leave_course"),
    Route("/courses/{slug}/{lesson_slug}", lesson_page, methods=("GET",), name="lesson"),
    Route("/courses/{slug}/{lesson_slug}/done", send_done, methods=("POST",), name="lesson_done"),
)
