"""The pages that one writes on: a new thread, a message, an edit, and the moderators' buttons.

One job: a form → one call of Forum → a redirect, or the form again with what is wrong.
Must not know: SQL, who may do what (Forum asks permissions.py; what it refuses becomes 401, 403, 404 in feature.py).
"""

from typing import Final, TypeVar

import msgspec
from markupsafe import Markup
from msgspec import UNSET, UnsetType

from campus.accounts.viewer import Member
from campus.forum.errors import MessageRemoved, ThreadLocked
from campus.forum.forms import MessageForm, ModerationForm, PlaceForm, Switch, ThreadForm
from campus.forum.forum_screen import ForumScreen
from campus.forum.live import shown
from campus.forum.model import page_of
from campus.forum.permissions import Deed
from campus.forum.reading_pages import address_of, render_thread
from campus.forum.subjects import Subjects
from campus.forum.values import MessageChange, NewMessage, NewThread, ThreadChange
from campus.markdown import render as render_markdown
from veche.identity import TooManyAttempts
from veche.web import RedirectResponse, Response, Route
from veche.web.forms import Form

T = TypeVar("T", bound=msgspec.Struct)


async def new_thread_page(desk: ForumScreen, _viewer: Member, slug: str) -> Response:
    """An empty thread."""
    return await desk.screen.render(
        "forum/new_thread.html",
        category=await desk.forum.category(slug),
        form=Form.empty(ThreadForm),
        preview="",
        robots="noindex",
    )


async def send_thread(desk: ForumScreen, _viewer: Member, form: Form[ThreadForm], slug: str) -> Response:
    """Make the thread, or show the form again: with errors, or with the preview that was asked for."""
    category = await desk.forum.category(slug)
    status_code, preview = 422, ""
    if form.is_ticked("preview"):
        status_code, preview = 200, preview_of(form.text_of("text"))
        form = as_typed(form)
    elif form.value is not None:
        try:
            thread = await desk.forum.create(NewThread(category=slug, title=form.value.title, text=form.value.text))
        except TooManyAttempts as error:
            form, status_code = form.with_error("", "too_fast", seconds=error.retry_after_seconds), 429
        else:
            return RedirectResponse(address_of(thread.number))
    return await desk.screen.render(
        "forum/new_thread.html",
        category=category,
        form=form,
        preview=preview,
        robots="noindex",
        status_code=status_code,
    )


async def send_message(
    desk: ForumScreen, subjects: Subjects, _viewer: Member, form: Form[MessageForm], number: int
) -> Response:
    """Write the message and lead to it, or show the page again: with errors, or with the preview."""
    if form.is_ticked("preview"):
        return await render_thread(
            desk, subjects, number, form=as_typed(form), preview=preview_of(form.text_of("text"))
        )
    if form.value is None:
        return await render_thread(desk, subjects, number, form=form, status_code=422)
    try:
        message = await desk.forum.messages.create(NewMessage(thread=number, text=form.value.text))
    except TooManyAttempts as error:
        refused = form.with_error("text", "too_fast", seconds=error.retry_after_seconds)
        return await render_thread(desk, subjects, number, form=refused, status_code=429)
    except ThreadLocked:
        return await render_thread(desk, subjects, number, form=form.with_error("text", "locked"), status_code=409)
    return RedirectResponse(address_of(number, page_of(message.number), message.number))


async def edit_page(desk: ForumScreen, _viewer: Member, number: int, message: int) -> Response:
    """One's own message, to be changed."""
    found = await desk.forum.messages.at(number, message)
    await desk.require(Deed.EDIT, number, found.id)
    form = Form.empty(MessageForm, {"text": found.text})
    return await _edit(desk, number, message, form)


async def send_edit(desk: ForumScreen, _viewer: Member, form: Form[MessageForm], number: int, message: int) -> Response:
    """Change the text of one's own message."""
    if form.is_ticked("preview"):
        return await _edit(desk, number, message, as_typed(form), preview=preview_of(form.text_of("text")))
    if form.value is None:
        return await _edit(desk, number, message, form, status_code=422)
    found = await desk.forum.messages.at(number, message)
    try:
        await desk.forum.messages.update(found.id, MessageChange(text=form.value.text))
    except ThreadLocked:
        return await _edit(desk, number, message, form.with_error("text", "locked"), status_code=409)
    except MessageRemoved:
        return await _edit(desk, number, message, form.with_error("text", "removed"), status_code=409)
    return RedirectResponse(address_of(number, page_of(message), message))


async def _edit(
    desk: ForumScreen,
    number: int,
    message: int,
    form: Form[MessageForm],
    *,
    preview: str = "",
    status_code: int = 200,
) -> Response:
    return await desk.screen.render(
        "forum/edit_message.html",
        thread=await desk.forum.get(number),
        number=message,
        form=form,
        preview=preview,
        robots="noindex",
        status_code=status_code,
    )


async def delete_message_page(desk: ForumScreen, _viewer: Member, number: int, message: int) -> Response:
    """Ask before a text is lost."""
    found = await desk.forum.messages.at(number, message)
    await desk.require(Deed.REMOVE, number, found.id)
    return await desk.screen.render(
        "forum/delete_message.html", thread=await desk.forum.get(number), one=shown(found), robots="noindex"
    )


async def send_message_deletion(desk: ForumScreen, _viewer: Member, number: int, message: int) -> Response:
    """Delete the message."""
    found = await desk.forum.messages.at(number, message)
    await desk.forum.messages.delete(found.id)
    return RedirectResponse(address_of(number, page_of(message), message))


async def send_message_moderation(
    desk: ForumScreen, _viewer: Member, form: Form[ModerationForm], number: int, message: int
) -> Response:
    """Hide a message, or show it again."""
    found = await desk.forum.messages.at(number, message)
    if form.value is not None:
        await desk.forum.messages.update(found.id, MessageChange(hidden=_switched(form.value.hidden)))
    return RedirectResponse(address_of(number, page_of(message), message))


async def send_thread_moderation(
    desk: ForumScreen, _viewer: Member, form: Form[ModerationForm], number: int
) -> Response:
    """Lock, pin or hide a thread, or undo it."""
    if form.value is not None:
        said = form.value
        changes = ThreadChange(
            locked=_switched(said.locked), pinned=_switched(said.pinned), hidden=_switched(said.hidden)
        )
        await desk.forum.update(number, changes)
    return RedirectResponse(address_of(number))


async def thread_settings_page(desk: ForumScreen, _viewer: Member, number: int) -> Response:
    """The title of a thread and its category."""
    thread = await desk.forum.get(number)
    await desk.require(Deed.RENAME, number)
    form = Form.empty(PlaceForm, {"title": thread.title, "category": thread.category})
    return await _settings(desk, number, form)


async def send_thread_settings(desk: ForumScreen, _viewer: Member, form: Form[PlaceForm], number: int) -> Response:
    """Rename a thread; moderators may also move it."""
    if form.value is None:
        return await _settings(desk, number, form, status_code=422)
    category: str | UnsetType = form.value.category or UNSET
    if not desk.viewer.moderates:
        category = UNSET
    await desk.forum.update(number, ThreadChange(title=form.value.title, category=category))
    return RedirectResponse(address_of(number))


async def _settings(desk: ForumScreen, number: int, form: Form[PlaceForm], *, status_code: int = 200) -> Response:
    return await desk.screen.render(
        "forum/thread_settings.html",
        thread=await desk.forum.get(number),
        category_choices=[(one.slug, one.title) for one in await desk.forum.categories()],
        form=form,
        robots="noindex",
        status_code=status_code,
    )


async def delete_thread_page(desk: ForumScreen, _viewer: Member, number: int) -> Response:
    """Ask before a whole thread is lost."""
    thread = await desk.forum.get(number)
    await desk.require(Deed.MODERATE, number)
    return await desk.screen.render("forum/delete_thread.html", thread=thread, robots="noindex")


async def send_thread_deletion(desk: ForumScreen, _viewer: Member, number: int) -> Response:
    """Delete a thread with all its messages."""
    thread = await desk.forum.get(number)
    await desk.forum.delete(number)
    return RedirectResponse(f"/forum/{thread.category}")


def preview_of(text: str) -> Markup:
    """Return the text as it will look."""
    return render_markdown(text, anchor_prefix="preview-").html


def as_typed(form: Form[T]) -> Form[T]:
    """Return the form with what was typed and without errors: a preview is not the time to complain."""
    typed = {name: form.text_of(name) for name in form.form_type.__struct_fields__ if name != "preview"}
    return Form.empty(form.form_type, typed)


def _switched(switch: Switch | None) -> bool | UnsetType:
    return UNSET if switch is None else switch == "yes"


MESSAGE: Final = "/threads/{number:int}/messages/{message:int}"
ROUTES: Final = (
    Route("/forum/{slug}/new", new_thread_page, methods=("GET",), name="new_thread"),
    Route("/forum/{slug}/new", send_thread, methods=("POST",)),
    Route("/threads/{number:int}/messages", send_message, methods=("POST",), name="write_message"),
    Route(f"{MESSAGE}/edit", edit_page, methods=("GET",), name="edit_message"),
    Route(f"{MESSAGE}/edit", send_edit, methods=("POST",)),
    Route(f"{MESSAGE}/delete", delete_message_page, methods=("GET",), name="delete_message"),
    Route(f"{MESSAGE}/delete", send_message_deletion, methods=("POST",)),
    Route(f"{MESSAGE}/moderate", send_message_moderation, methods=("POST",), name="moderate_message"),
    Route("/threads/{number:int}/moderate", send_thread_moderation, methods=("POST",), name="moderate_thread"),
    Route("/threads/{number:int}/settings", thread_settings_page, methods=("GET",), name="thread_settings"),
    Route("/threads/{number:int}/settings", send_thread_settings, methods=("POST",)),
    Route("/threads/{number:int}/delete", delete_thread_page, methods=("GET",), name="delete_thread"),
    Route("/threads/{number:int}/delete", send_thread_deletion, methods=("POST",)),
)
