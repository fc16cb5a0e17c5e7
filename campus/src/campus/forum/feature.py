"""The forum, as the composition root takes it."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from markupsafe import Markup

from campus.accounts.services import Identity
from campus.accounts.viewer import Viewer
from campus.feature import Feature
from campus.forum import reading_pages, shelving_pages, subject_pages, writing_pages
from campus.forum.actions import Pace
from campus.forum.api import MESSAGES_RESOURCE, THREADS_RESOURCE
from campus.forum.errors import LoginNeeded, NotPermitted, ThreadLocked
from campus.forum.forms import MESSAGES
from campus.forum.forum import Forum, Messages
from campus.forum.forum_screen import ForumScreen, provide_forum_screen
from campus.forum.front import FRONT, OWN_THREADS, public_addresses
from campus.forum.live import CommunityParams, ForumParts
from campus.forum.queries import newest_revisions
from campus.forum.sample_threads import load_threads
from campus.forum.subjects import Subjects, no_subjects
from campus.parts import Parts
from campus.settings import CampusSettings
from veche.data import NotFound, UnitsOfWork
from veche.identity import Limit, TooManyAttempts
from veche.live import Fragment
from veche.web import HTTPException, Provider, Request, Response
from veche.web.layouts import Loader
from veche.web.templates import Templates

A_MINUTE: Final = timedelta(minutes=1)


def forum_provider(kind: type[Forum]) -> Provider:
    """Return what provides the forum, of this class, as the viewer may see and change it."""

    async def provide_forum(units: UnitsOfWork, viewer: Viewer, identity: Identity, settings: CampusSettings) -> Forum:
        limit = Limit("messages", attempts=settings.messages_per_minute, window=A_MINUTE)
        return kind(units, viewer, pace=Pace(identity.throttle, limit))

    return provide_forum


async def provide_messages(forum: Forum) -> Messages:
    """Provide the messages of the same forum."""
    return forum.messages


def provide_parts(templates: Templates) -> ForumParts:
    """Provide the live parts to pages that embed them."""
    return ForumParts(templates)


def _fragments(templates: Templates) -> Sequence[Fragment[Viewer, Any]]:
    return ForumParts(templates).fragments


def _unread_count(parts: Parts) -> Loader:
    """Return what layouts load as `unread_count`: in how many threads the viewer has something to read, live."""
    forum = ForumParts(parts.templates)

    async def load(request: Request) -> Markup:
        viewer = await parts.viewers.viewer(request)
        return await parts.live.embed(viewer, forum.unread_count, CommunityParams(viewer.community_id), tag="span")

    return load


def _not_found(_request: Request, error: Exception) -> Response:
    raise HTTPException(404, "There is no such page.") from error


def _login_needed(_request: Request, error: Exception) -> Response:
    raise HTTPException(401, "Log in first.", headers={"www-authenticate": "Bearer"}) from error


def _not_permitted(_request: Request, error: Exception) -> Response:
    raise HTTPException(403, str(error)) from error


def _conflict(_request: Request, error: Exception) -> Response:
    raise HTTPException(409, str(error)) from error


def _too_fast(_request: Request, error: Exception) -> Response:
    assert isinstance(error, TooManyAttempts), "the key under which this handler stands"
    again = {"retry-after": str(error.retry_after_seconds)}
    raise HTTPException(429, "Too many messages. Wait a moment.", headers=again) from error


FORUM: Final = Feature(
    name="forum",
    templates=Path(__file__).parent / "templates",
    routes=(*reading_pages.ROUTES, *writing_pages.ROUTES, *subject_pages.ROUTES, *shelving_pages.ROUTES),
    messages=MESSAGES,
    front_sections=(FRONT,),
    public_addresses=public_addresses,
    providers={
        Subjects: no_subjects,
        Forum: forum_provider(Forum),
        Messages: provide_messages,
        ForumParts: provide_parts,
        ForumScreen: provide_forum_screen,
    },
    fragments=_fragments,
    newest=newest_revisions,
    resources=(THREADS_RESOURCE, MESSAGES_RESOURCE),
    profile_sections=(OWN_THREADS,),
    load_sample=load_threads,
    loaders={"unread_count": _unread_count},
    exception_handlers={
        NotFound: _not_found,
        LoginNeeded: _login_needed,
        NotPermitted: _not_permitted,
        ThreadLocked: _conflict,
        TooManyAttempts: _too_fast,
    },
)
