"""The pages on which teachers make a course, change, publish, copy and delete it.

One job: a form → one call of Courses or of a use case → a redirect, or the form again with what is wrong.
Must not know: SQL, who may do what (what is refused becomes 401, 403, 404 in feature.py).
"""

from typing import Final

from msgspec import UNSET

from campus.accounts.queries import find_member_by_name
from campus.accounts.viewer import Member
from campus.courses.access import open_course, open_to_edit
from campus.courses.courses import Courses
from campus.courses.desk import Desk
from campus.courses.editing import appoint_teacher, copy_course, dismiss_teacher
from campus.courses.errors import NotPermitted
from campus.courses.forms import SLUG_CONSTRAINTS, CourseForm, StateForm, TeacherForm
from campus.courses.model import MAX_TITLE, Course
from campus.courses.permissions import may_create
from campus.courses.queries import list_gaps, list_teachers, load_outline
from campus.courses.rendering import course_path
from campus.courses.values import CourseChange, NewCourse
from campus.model import Role
from veche.changes import N_
from veche.data import ConstraintViolated, UnitsOfWork
from veche.web import HTTPException, RedirectResponse, Response, Route
from veche.web.forms import Form
from veche.web.templates import Templates

COPY: Final = N_("%(title)s (copy)")


async def new_course_page(desk: Desk, viewer: Member) -> Response:
    """An empty course."""
    if not may_create(viewer):
        raise NotPermitted("Only teachers make courses.")
    return await _new(desk, Form.empty(CourseForm, {"language": viewer.reads}))


async def send_course(desk: Desk, _viewer: Member, courses: Courses, form: Form[CourseForm]) -> Response:
    """Make the course, a draft; its lessons come next."""
    if form.value is None:
        return await _new(desk, form, status_code=422)
    given = form.value
    new = NewCourse(
        title=given.title,
        language=given.language,
        summary=given.summary,
        attribution=given.attribution,
        slug=given.slug,
    )
    try:
        made = await courses.create(new)
    except ConstraintViolated as error:
        return await _new(desk, form.with_constraint(error.name, SLUG_CONSTRAINTS), status_code=409)
    return RedirectResponse(f"{course_path(made.slug)}/edit")


async def edit_course_page(desk: Desk, viewer: Member, slug: str) -> Response:
    """A course with everything that its teachers can change."""
    return await _edit(desk, await _own_course(desk, viewer, slug))


async def send_course_changes(
    desk: Desk, viewer: Member, courses: Courses, form: Form[CourseForm], slug: str
) -> Response:
    """Change what the course's page says."""
    course = await _own_course(desk, viewer, slug)
    if form.value is None:
        return await _edit(desk, course, form=form, status_code=422)
    given = form.value
    changes = CourseChange(
        title=given.title,
        language=given.language,
        summary=given.summary,
        attribution=given.attribution,
        slug=given.slug or UNSET,
    )
    try:
        changed = await courses.update(course.id, changes)
    except ConstraintViolated as error:
        form = form.with_constraint(error.name, SLUG_CONSTRAINTS)
        return await _edit(desk, course, form=form, status_code=409)
    return RedirectResponse(f"{course_path(changed.slug)}/edit")


async def send_state(desk: Desk, viewer: Member, courses: Courses, form: Form[StateForm], slug: str) -> Response:
    """Publish the course, or make it a draft again."""
    course = await _own_course(desk, viewer, slug)
    if form.value is None:
        raise HTTPException(422, "A course is a draft or published.")
    await courses.update(course.id, CourseChange(state=form.value.state))
    return RedirectResponse(f"{course_path(course.slug)}/edit")


async def send_copy(desk: Desk, viewer: Member, units: UnitsOfWork, templates: Templates, slug: str) -> Response:
    """Copy the course into a draft of one's own."""
    course = (await open_course(desk.reader, viewer, slug)).course
    say = templates.translator_for(desk.request).find
    title = say(COPY) % {"title": course.title}
    copy = await copy_course(units, viewer, course.id, title[:MAX_TITLE])
    return RedirectResponse(f"{course_path(copy.slug)}/edit")


async def delete_course_page(desk: Desk, viewer: Member, slug: str) -> Response:
    """Ask before everything is lost."""
    course = await _own_course(desk, viewer, slug)
    outline = await load_outline(desk.reader, course)
    return await desk.screen.render("courses/delete_course.html", course=course, count=len(outline))


async def send_course_deletion(desk: Desk, viewer: Member, courses: Courses, slug: str) -> Response:
    """Delete the course."""
    course = await _own_course(desk, viewer, slug)
    await courses.delete(course.id)
    return RedirectResponse("/courses")


async def send_teacher(desk: Desk, viewer: Member, units: UnitsOfWork, form: Form[TeacherForm], slug: str) -> Response:
    """Let another teacher of the community teach this course too."""
    course = await _own_course(desk, viewer, slug)
    if form.value is None:
        return await _edit(desk, course, teacher_form=form, status_code=422)
    member = await find_member_by_name(desk.reader, viewer.community_id, form.value.account_name)
    if member is None or member.role not in (Role.TEACHER, Role.ADMINISTRATOR):
        form = form.with_error("account_name", "no_such_teacher")
        return await _edit(desk, course, teacher_form=form, status_code=422)
    await appoint_teacher(units, viewer, course.id, member.account_id)
    return RedirectResponse(f"{course_path(course.slug)}/edit#teachers")


async def send_dismissal(desk: Desk, viewer: Member, units: UnitsOfWork, slug: str, account_id: int) -> Response:
    """Let somebody teach this course no more; who dismisses themselves is led to the course's page."""
    course = await _own_course(desk, viewer, slug)
    await dismiss_teacher(units, viewer, course.id, account_id)
    itself = account_id == viewer.account_id and not viewer.administers
    return RedirectResponse("/courses" if itself else f"{course_path(course.slug)}/edit#teachers")


async def _own_course(desk: Desk, viewer: Member, slug: str) -> Course:
    course = (await open_course(desk.reader, viewer, slug)).course
    return await open_to_edit(desk.reader, viewer, course.id)


async def _new(desk: Desk, form: Form[CourseForm], *, status_code: int = 200) -> Response:
    return await desk.screen.render("courses/new_course.html", form=form, status_code=status_code)


async def _edit(
    desk: Desk,
    course: Course,
    *,
    form: Form[CourseForm] | None = None,
    teacher_form: Form[TeacherForm] | None = None,
    status_code: int = 200,
) -> Response:
    outline = await load_outline(desk.reader, course)
    return await desk.screen.render(
        "courses/edit_course.html",
        course=course,
        form=form or Form.empty(CourseForm, course),
        teacher_form=teacher_form or Form.empty(TeacherForm),
        outline=[entry for entry in outline if not entry.archived],
        archived=[entry for entry in outline if entry.archived],
        teachers=await list_teachers(desk.reader, course),
        gap_count=len(await list_gaps(desk.reader, course)),
        status_code=status_code,
    )


ROUTES: Final = (
    Route("/courses/new", new_course_page, methods=("GET",), name="new_course"),
    Route("/courses/new", send_course, methods=("POST",)),
    Route("/courses/{slug}/edit", edit_course_page, methods=("GET",), name="edit_course"),
    Route("/courses/{slug}/edit", send_course_changes, methods=("POST",)),
    Route("/courses/{slug}/state", send_state, methods=("POST",), name="course_state"),
    Route("/courses/{slug}/copy", send_copy, methods=("POST",), name="copy_course"),
    Route("/courses/{slug}/delete", delete_course_page, methods=("GET",), name="delete_course"),
    Route("/courses/{slug}/delete", send_course_deletion, methods=("POST",)),
    Route("/courses/{slug}/teachers", send_teacher, methods=("POST",), name="appoint_course_teacher"),
    Route(
        "/courses/{slug}/teachers/{account_id:int}/dismiss",
        send_dismissal,
        methods=("POST",),
        name="dismiss_course_teacher",
    ),
)
