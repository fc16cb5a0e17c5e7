"""The pages that one reads: categories, lists, threads, and the ways into a thread.

One job: answer GET. Must not know: SQL, what may be written.
"""

from typing import Final

from campus.accounts.viewer import Member, Viewer
from campus.forum import queries
from campus.forum.actions import mark_read
from campus.forum.forms import MessageForm, ReadForm
from campus.forum.forum import THREADS_ON_A_PAGE, Forum
from campus.forum.forum_screen import ForumScreen
from campus.forum.live import CategoryParams, CommunityParams, PageParams, ThreadParams, joined_at
from campus.forum.model import numbers_on, page_of
from campus.forum.subjects import Subjects
from campus.forum.values import Place
from campus.markdown import render as render_markdown
from veche.data import Reader, UnitsOfWork
from veche.web import HTTPException, RedirectResponse, Response, Route
from veche.web.forms import Form

DESCRIPTION_LENGTH: Final = 160
A_DAY: Final = 24 * 60 * 60


async def forum_page(desk: ForumScreen) -> Response:
    """All categories, each with its newest threads."""
    return await desk.screen.render(
        "forum/forum.html",
        categories=await desk.live.embed(desk.viewer, desk.parts.categories, CommunityParams(desk.community_id)),
        canonical=desk.address("/forum"),
    )


async def category_page(desk: ForumScreen, slug: str, after: str = "") -> Response:
    """The threads of one category. The first part of the list is live; who goes on behind a place turns pages."""
    category = await desk.forum.category(slug)
    canonical = desk.address(desk.request.url_for("category", slug=slug))
    place = Place.parse(after) if after else None
    if after and place is None:
        raise HTTPException(404, "There is no such page.")
    if place is None:
        first = await desk.live.embed(desk.viewer, desk.parts.threads, CategoryParams(desk.community_id, slug))
        return await desk.screen.render("forum/category.html", category=category, canonical=canonical, first=first)
    threads = await desk.forum.all(place, THREADS_ON_A_PAGE + 1, category=slug)
    return await desk.screen.render(
        "forum/category.html",
        category=category,
        canonical=canonical,
        first="",
        rows=desk.parts.listed(threads[:THREADS_ON_A_PAGE], desk.community_id),
        more=len(threads) > THREADS_ON_A_PAGE,
        robots="noindex",
    )


async def thread_page(desk: ForumScreen, subjects: Subjects, number: int, page: int = 1) -> Response:
    """One page of a thread."""
    if page < 1:
        raise HTTPException(404, "This thread has no such page.")
    return await render_thread(desk, subjects, number, page)


async def render_thread(
    desk: ForumScreen,
    subjects: Subjects,
    number: int,
    page: int | None = None,
    *,
    form: Form[MessageForm] | None = None,
    preview: str = "",
    status_code: int = 200,
) -> Response:
    """Return a page of the thread, None is the last one; form, preview: the composer as it came back."""
    viewer, parts, here = desk.viewer, desk.parts, desk.community_id
    thread = await desk.forum.get(number)
    last = page_of(max(thread.last_number, 1))
    page = last if page is None else page
    if page > last:
        raise HTTPException(404, "This thread has no such page.")
    embed = desk.live.embed
    head = await embed(viewer, parts.head, ThreadParams(here, number))
    messages = await embed(viewer, parts.messages, PageParams(here, number, page))
    state = await embed(viewer, parts.state, ThreadParams(here, number))
    await mark_read(desk.units, viewer, number, min(thread.last_number, numbers_on(page)[-1]))
    return await desk.screen.render(
        "forum/thread.html",
        status_code=status_code,
        thread=thread,
        about=None if thread.subject is None else await subjects.find(viewer, thread.subject),
        page=page,
        pages=last,
        head=head,
        messages=messages,
        state=state,
        form=form or Form.empty(MessageForm),
        preview=preview,
        canonical=desk.address(address_of(number, page)),
        description=await _description(desk.forum, number) if page == 1 else "",
        og_type="article",
        robots="index, follow" if page == 1 and not thread.hidden else "noindex, follow",
    )


async def _description(forum: Forum, number: int) -> str:
    first = (await forum.messages.all(limit=1, thread=number))[:1]
    summary = render_markdown(first[0].text, anchor_prefix="m1-").summary if first else ""
    return summary[:DESCRIPTION_LENGTH]


async def message_address(forum: Forum, number: int, message: int) -> Response:
    """Lead to the page on which a message stands."""
    found = await forum.messages.at(number, message)
    return RedirectResponse(address_of(number, page_of(found.number), found.number))


async def first_unread(viewer: Viewer, forum: Forum, reader: Reader, number: int) -> Response:
    """Lead to the first message that the member has not read; to the newest one when all are."""
    thread = await forum.get(number)
    account_id = viewer.account_id
    marks = {} if account_id is None else await queries.read_marks(reader, viewer.community_id, account_id, [number])
    wanted = min(marks.get(number, 0) + 1, thread.last_number)
    return RedirectResponse(address_of(number, page_of(max(wanted, 1)), max(wanted, 1)))


async def send_read(viewer: Member, units: UnitsOfWork, form: Form[ReadForm], number: int) -> Response:
    """Note that what arrived while the page was open has been seen; sent by the page's script."""
    if form.value is not None:
        await mark_read(units, viewer, number, form.value.last)
    return Response(status_code=204)


async def own_buttons(account_id: int) -> Response:
    """The style sheet that shows a member the buttons of their own messages, which shared parts hold hidden.

    What the server allows does not depend on it.
    """
    css = f'[data-own="{account_id}"]{{display:contents!important}}'
    headers = {"cache-control": f"public, max-age={A_DAY}"}
    return Response(css.encode("ascii"), headers=headers, media_type="text/css; charset=utf-8")


async def unread_page(desk: ForumScreen, viewer: Member) -> Response:
    """The threads in which the member has something to read."""
    since = await joined_at(desk.reader, viewer)
    threads = await queries.list_unread(desk.reader, viewer.community_id, viewer.account_id, since)
    rows = desk.parts.listed(threads, viewer.community_id)
    return await desk.screen.render("forum/unread.html", rows=rows, robots="noindex")


def address_of(number: int, page: int = 1, message: int | None = None) -> str:
    """Return the one address of a page of a thread; page 1 has no number."""
    query = f"?page={page}" if page > 1 else ""
    return f"/threads/{number}{query}" + (f"#m{message}" if message else "")


ROUTES: Final = (
    Route("/forum", forum_page, methods=("GET",), name="forum"),
    Route("/forum/{slug}", category_page, methods=("GET",), name="category"),
    Route("/forum/own/{account_id:int}.css", own_buttons, methods=("GET",), name="own_buttons"),
    Route("/threads/unread", unread_page, methods=("GET",), name="unread"),
    Route("/threads/{number:int}", thread_page, methods=("GET",), name="thread"),
    Route("/threads/{number:int}/messages/{message:int}", message_address, methods=("GET",), name="message"),
    Route("/threads/{number:int}/unread", first_unread, methods=("GET",), name="first_unread"),
    Route("/threads/{number:int}/read", send_read, methods=("POST",), name="read"),
)
