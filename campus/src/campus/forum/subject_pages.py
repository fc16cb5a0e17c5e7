"""A conversation beside what it is about: shown there, begun there.

One job: the part that another page embeds, and the form that it sends.
Must not know: what the subjects are.
"""

from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from campus.accounts.viewer import Member, Viewer
from campus.forum.actions import write_about
from campus.forum.errors import ThreadLocked
from campus.forum.forms import MessageForm
from campus.forum.forum_screen import ForumScreen
from campus.forum.live import ForumParts, SubjectParams
from campus.forum.subjects import Subject, Subjects
from campus.forum.writing_pages import as_typed, preview_of
from campus.parts import SiteLive
from veche.identity import TooManyAttempts
from veche.web import HTTPException, RedirectResponse, Request, Response, Route
from veche.web.forms import Form
from veche.web.templates import Templates


@dataclass(frozen=True)
class SubjectThreads:
    """Shows threads beside what they are about."""

    templates: Templates
    live: SiteLive
    parts: ForumParts

    async def embed(self, request: Request, viewer: Viewer, about: Subject) -> Markup:
        """Return the live end of the thread, with a form to write in it; the first message begins it."""
        params = SubjectParams(viewer.community_id, about.subject)
        answer = self.templates.render(
            request,
            "forum/subject_thread.html",
            viewer=viewer,
            about=about,
            messages=await self.live.embed(viewer, self.parts.about, params),
            form=Form.empty(MessageForm),
        )
        return Markup(answer.body.decode())  # noqa: S704  # rendered with escaping on


async def send_message_about(
    desk: ForumScreen, subjects: Subjects, viewer: Member, form: Form[MessageForm], subject: str
) -> Response:
    """Write in the thread about the subject, which the first message begins, and lead back to the subject."""
    about = await subjects.find(viewer, subject)
    if about is None:
        raise HTTPException(404, "There is nothing to talk about at this address.")
    status_code, preview = 422, Markup()
    if form.is_ticked("preview"):
        status_code, preview, form = 200, preview_of(form.text_of("text")), as_typed(form)
    elif form.value is not None:
        try:
            message = await write_about(desk.units, viewer, about, form.value.text, pace=desk.forum.pace)
        except TooManyAttempts as error:
            form, status_code = form.with_error("text", "too_fast", seconds=error.retry_after_seconds), 429
        except ThreadLocked:
            form, status_code = form.with_error("text", "locked"), 409
        else:
            return RedirectResponse(f"{about.url}#m{message.number}")
    return await desk.screen.render(
        "forum/write_about.html", about=about, form=form, preview=preview, robots="noindex", status_code=status_code
    )


ROUTES: Final = (Route("/threads/about/{subject}", send_message_about, methods=("POST",), name="write_about"),)
