"""The pages on which teachers write lessons, put them in order and delete them.

One job: a form → one call of Lessons or of a use case → a redirect, or the form again, with errors or the preview.
Must not know: SQL, who may do what (what is refused becomes 401, 403, 404 in feature.py).
"""

from typing import Final

from markupsafe import Markup
from msgspec import UNSET

from campus.accounts.viewer import Member
from campus.courses.access import open_course, open_to_edit
from campus.courses.courses import Courses
from campus.courses.desk import Desk
from campus.courses.editing import Direction, move_lesson
from campus.courses.forms import SLUG_CONSTRAINTS, LessonForm, MoveForm
from campus.courses.model import Course, Lesson
from campus.courses.queries import find_lesson, load_outline
from campus.courses.rendering import course_path, lesson_path, render_lesson
from campus.courses.values import LessonChange, NewLesson
from veche.data import ConstraintViolated, UnitsOfWork
from veche.web import HTTPException, RedirectResponse, Response, Route
from veche.web.forms import Form


async def new_lesson_page(desk: Desk, viewer: Member, slug: str) -> Response:
    """An empty lesson."""
    course = await _own_course(desk, viewer, slug)
    return await _page(desk, course, None, Form.empty(LessonForm))


async def send_lesson(desk: Desk, viewer: Member, courses: Courses, form: Form[LessonForm], slug: str) -> Response:
    """Add the lesson to the end of the course, or show it."""
    course = await _own_course(desk, viewer, slug)
    if form.is_ticked("preview"):
        return await _page(desk, course, None, _as_typed(form), preview=await _preview(desk, course, form))
    if form.value is None:
        return await _page(desk, course, None, form, status_code=422)
    given = form.value
    new = NewLesson(course=course.id, title=given.title, text=given.text, part_title=given.part_title, slug=given.slug)
    try:
        made = await courses.lessons.create(new)
    except ConstraintViolated as error:
        form = form.with_constraint(error.name, SLUG_CONSTRAINTS)
        return await _page(desk, course, None, form, status_code=409)
    return RedirectResponse(lesson_path(course.slug, made.slug))


async def edit_lesson_page(desk: Desk, viewer: Member, slug: str, lesson_slug: str) -> Response:
    """A lesson to be changed."""
    course = await _own_course(desk, viewer, slug)
    lesson = await find_lesson(desk.reader, course, lesson_slug)
    return await _page(desk, course, lesson, Form.empty(LessonForm, lesson))


async def send_lesson_changes(
    desk: Desk, viewer: Member, courses: Courses, form: Form[LessonForm], *, slug: str, lesson_slug: str
) -> Response:
    """Change the lesson, or show what it would be."""
    course = await _own_course(desk, viewer, slug)
    lesson = await find_lesson(desk.reader, course, lesson_slug)
    if form.is_ticked("preview"):
        return await _page(desk, course, lesson, _as_typed(form), preview=await _preview(desk, course, form))
    if form.value is None:
        return await _page(desk, course, lesson, form, status_code=422)
    given = form.value
    changes = LessonChange(title=given.title, text=given.text, part_title=given.part_title, slug=given.slug or UNSET)
    try:
        changed = await courses.lessons.update(lesson.id, changes)
    except ConstraintViolated as error:
        form = form.with_constraint(error.name, SLUG_CONSTRAINTS)
        return await _page(desk, course, lesson, form, status_code=409)
    return RedirectResponse(lesson_path(course.slug, changed.slug))


async def send_move(
    desk: Desk, viewer: Member, units: UnitsOfWork, form: Form[MoveForm], *, slug: str, lesson_slug: str
) -> Response:
    """Move the lesson one place up or down."""
    course = await _own_course(desk, viewer, slug)
    lesson = await find_lesson(desk.reader, course, lesson_slug)
    if form.value is None:
        raise HTTPException(422, "A lesson moves up or down.")
    await move_lesson(units, viewer, lesson.id, Direction(form.value.direction))
    return RedirectResponse(f"{course_path(course.slug)}/edit#lessons")


async def delete_lesson_page(desk: Desk, viewer: Member, slug: str, lesson_slug: str) -> Response:
    """Ask before a text is lost."""
    course = await _own_course(desk, viewer, slug)
    lesson = await find_lesson(desk.reader, course, lesson_slug)
    return await desk.screen.render("courses/delete_lesson.html", course=course, lesson=lesson)


async def send_lesson_deletion(desk: Desk, viewer: Member, courses: Courses, slug: str, lesson_slug: str) -> Response:
    """Delete the lesson."""
    course = await _own_course(desk, viewer, slug)
    lesson = await find_lesson(desk.reader, course, lesson_slug)
    await courses.lessons.delete(lesson.id)
    return RedirectResponse(f"{course_path(course.slug)}/edit#lessons")


async def _own_course(desk: Desk, viewer: Member, slug: str) -> Course:
    course = (await open_course(desk.reader, viewer, slug)).course
    return await open_to_edit(desk.reader, viewer, course.id)


def _as_typed(form: Form[LessonForm]) -> Form[LessonForm]:
    """Return the form with what was typed and without its errors: nobody has sent it yet."""
    names = ("title", "text", "part_title", "slug")
    return Form.empty(LessonForm, {name: form.text_of(name) for name in names})


async def _preview(desk: Desk, course: Course, form: Form[LessonForm]) -> Markup:
    outline = await load_outline(desk.reader, course)
    return (await render_lesson(desk.reader, course, outline, form.text_of("text"))).html


async def _page(
    desk: Desk,
    course: Course,
    lesson: Lesson | None,
    form: Form[LessonForm],
    *,
    preview: str = "",
    status_code: int = 200,
) -> Response:
    return await desk.screen.render(
        "courses/edit_lesson.html",
        course=course,
        lesson=lesson,
        form=form,
        preview=preview,
        status_code=status_code,
    )


ROUTES: Final = (
    Route("/courses/{slug}/lessons/new", new_lesson_page, methods=("GET",), name="new_lesson"),
    Route("/courses/{slug}/lessons/new", send_lesson, methods=("POST",)),
    Route("/courses/{slug}/{lesson_slug}/edit", edit_lesson_page, methods=("GET",), name="edit_lesson"),
    Route("/courses/{slug}/{lesson_slug}/edit", send_lesson_changes, methods=("POST",)),
    Route("/courses/{slug}/{lesson_slug}/move", send_move, methods=("POST",), name="move_lesson"),
    Route("/courses/{slug}/{lesson_slug}/delete", delete_lesson_page, methods=("GET",), name="delete_lesson"),
    Route("/courses/{slug}/{lesson_slug}/delete", send_lesson_deletion, methods=("POST",)),
)
