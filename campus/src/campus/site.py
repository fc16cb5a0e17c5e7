"""The composition root: settings in, one application out.

One job: make every part once and hand each to those that need it. A feature is one line in FEATURES.
Must not know: what the features do, the server.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

from markupsafe import Markup

from campus.accounts.actions import Visit, sweep
from campus.accounts.cookie import SessionCookie
from campus.accounts.feature import ACCOUNTS
from campus.accounts.profile_pages import ProfileSections
from campus.accounts.services import Identity, open_identity
from campus.accounts.viewer import LANGUAGE_COOKIE, STATE_KEY, Member, Viewer, Viewers
from campus.api import open_api
from campus.communities import ensure_first_community
from campus.courses.feature import COURSES
from campus.errors import ErrorPages
from campus.feature import Feature
from campus.forum.feature import FORUM
from campus.front import ROUTES as FRONT_ROUTES
from campus.front import FrontPage, SiteMap
from campus.lesson_threads import LESSON_THREADS
from campus.markdown import Trust
from campus.markdown import render as render_markdown
from campus.model import DEFAULT_COMMUNITY_ID
from campus.parts import Parts, SiteLive
from campus.screen import Screen, provide_screen
from campus.settings import CampusSettings, read_secret_key
from campus.start import prepare
from veche.data import Database, DataError, Reader, UnitsOfWork, open_database
from veche.http import best_language
from veche.identity import Browser
from veche.language import Catalogues
from veche.live import LiveLimits, live_redirects
from veche.log import Level, Logger, Sink, StreamLog
from veche.publish import open_bus
from veche.settings import read_environment
from veche.web import (
    DEFAULT_POLICY,
    Application,
    ExceptionHandler,
    HTTPConnection,
    Middleware,
    Mount,
    Provider,
    Request,
    StaticFiles,
    request_log,
    security_headers,
)
from veche.web.csrf import CsrfMiddleware
from veche.web.layouts import Layouts, Loader, Page
from veche.web.templates import Templates
from veche.web.templates.rendering import CURRENT

HERE: Final = Path(__file__).parent
FEATURES: Final[tuple[Feature, ...]] = (ACCOUNTS, COURSES, FORUM, LESSON_THREADS)
SITE_NAME: Final = "Campus"
SWEEP_SECONDS: Final = 3600.0
WARM_UP: Final = "# Ready\n\n```python\nprint(1)\n```\n"
# A teacher's lesson may show a picture that lies elsewhere.
POLICY: Final[Mapping[str, str]] = {**DEFAULT_POLICY, "img-src": "'self' data: https:"}

T = TypeVar("T")


def from_environment(*, log_requests: bool = False) -> Application:
    """Return the site that CAMPUS_* describe, which makes itself ready when it starts; for `veche serve --factory`."""
    settings = read_environment(CampusSettings, os.environ, prefix="CAMPUS")
    return create_application(settings, log_requests=log_requests, make_ready=True)


def create_application(
    settings: CampusSettings,
    *,
    logger: Sink | None = None,
    log_requests: bool = False,
    identity: Identity | None = None,
    database: Database | None = None,
    features: tuple[Feature, ...] = FEATURES,
    make_ready: bool = False,
) -> Application:
    """Return the site; nothing is opened before the lifespan starts.

    make_ready: the lifespan first migrates and fills the database (start.py); otherwise it must have its tables.
    logger: where messages go, stderr by default. log_requests: with a line for each request.
    database: an open one, instead of the one that the settings name. identity: other services, for tests.
    """
    database = database or open_database(settings.database_url)
    log = Logger(logger or StreamLog(sys.stderr))
    parts = open_parts(settings, database, features, log, identity or open_identity())
    loaders: dict[str, Loader] = {"account_menu": account_menu(parts), "unread_count": _nothing}
    for feature in features:
        loaders |= {name: make(parts) for name, make in feature.loaders.items()}
    layouts = Layouts(parts.templates, choose=lambda _request: settings.layout, loaders=loaders, logger=parts.logger)
    layouts.chain(settings.layout)  # a layout that is not there must fail the start, not every page
    errors = ErrorPages(layouts, parts.viewers, DEFAULT_COMMUNITY_ID)
    handlers: dict[int | type[Exception], ExceptionHandler] = dict(errors.handlers())
    for feature in features:
        handlers.update(feature.exception_handlers.items())
    routes = [route for feature in features for route in feature.routes]
    return Application(
        [
            *FRONT_ROUTES,
            *routes,
            *layouts.routes,
            *parts.live.routes,
            *open_api(parts, (one for feature in features for one in feature.resources), SITE_NAME).routes,
            Mount("/static", StaticFiles(HERE / "static"), name="static"),
        ],
        providers=_providers(parts, layouts, features),
        middleware=_middleware(parts, log_requests=log_requests),
        exception_handlers=handlers,
        lifespan=partial(_lifespan, parts, features if make_ready else None),
        debug=settings.debug,
        logger=parts.logger,
    )


def open_parts(
    settings: CampusSettings, database: Database, features: tuple[Feature, ...], logger: Logger, identity: Identity
) -> Parts:
    """Return the parts that a site of these features is made of."""

    async def newest(topics: frozenset[str]) -> Mapping[str, int]:
        versions: dict[str, int] = {}
        for feature in features:
            if feature.newest is not None:
                versions |= await feature.newest(units.reader, DEFAULT_COMMUNITY_ID, topics)
        return versions

    def on_failure(error: Exception) -> None:
        logger.log_message("the newest versions could not be read", level=Level.WARNING, error=str(error))

    def live_head() -> Markup:
        connection = CURRENT.get().connection
        if connection is None:
            return Markup()
        viewer = connection.state.get(STATE_KEY) or Viewer(DEFAULT_COMMUNITY_ID)
        return live.head(connection, viewer, nonce=connection.state.get("csp_nonce", ""))

    # PostgreSQL may be written to by other machines, which no relay reaches; an SQLite file by this one only.
    others_write = not settings.database_url.startswith("sqlite")
    bus = open_bus(os.environ, newest, on_failure=on_failure, others_write=others_write)
    units = UnitsOfWork(database, bus.publish)
    secure = settings.public_url.startswith("https://")
    cookie = SessionCookie(secure=secure, lifetime=identity.sessions.times.absolute)
    catalogues = Catalogues([HERE / "locale", *(feature.templates.parent / "locale" for feature in features)])
    language_of = partial(_language_of, catalogues, settings.default_language)
    names = {"live_head": live_head, "whole_address": partial(_whole_address, settings.public_url)}
    templates = _templates(catalogues, features, language_of, names, reload=settings.debug)
    viewers = Viewers(
        units,
        identity,
        logger,
        cookie_name=cookie.name,
        community_id=DEFAULT_COMMUNITY_ID,
        language_of=language_of,
    )
    made = [feature.fragments(templates) for feature in features if feature.fragments is not None]
    live = SiteLive(
        [fragment for fragments in made for fragment in fragments],
        bus=bus,
        reader=units.reader,
        viewer=viewers.viewer_now,
        logger=logger,
        limits=read_environment(LiveLimits, os.environ, prefix="CAMPUS"),
    )
    return Parts(
        settings=settings,
        logger=logger,
        database=database,
        units=units,
        identity=identity,
        cookie=cookie,
        viewers=viewers,
        templates=templates,
        live=live,
    )


def _language_of(catalogues: Catalogues, default: str, connection: HTTPConnection) -> str:
    """Return the language in which the connection is answered: the member's choice, the cookie's, the browser's."""
    chosen: str | None = connection.state.get("language") or connection.cookies.get(LANGUAGE_COOKIE)
    accepted = best_language(connection.headers.get("accept-language", ""), catalogues.languages)
    return catalogues.choose(chosen, accepted, default)


def _templates(
    catalogues: Catalogues,
    features: tuple[Feature, ...],
    language_of: Callable[[HTTPConnection], str],
    names: Mapping[str, object],
    *,
    reload: bool,
) -> Templates:
    folders = {feature.name: feature.templates for feature in features}
    return Templates(
        {"layouts": HERE / "layouts", "site": HERE / "templates", **folders},
        catalogues,
        language_of=language_of,
        messages={code: message for feature in features for code, message in feature.messages.items()},
        names={"site_name": SITE_NAME, "static": _static, "here": _here, "this_address": _this_address, **names},
        reload=reload,
    )


def _static(file: str) -> str:
    """The address of a file of ours, with its fingerprint."""
    return CURRENT.get().url_for("static", path=file)


def _here() -> str:
    """The path of the request; "" in a live fragment, which has none."""
    connection = CURRENT.get().connection
    return "" if connection is None else connection.path


def _whole_address(public_url: str, path: str) -> str:
    """The address of a path of ours as others would type it."""
    connection = CURRENT.get().connection
    return (public_url or ("" if connection is None else connection.url.origin)) + path


def _this_address() -> str:
    """The path of the request with its query: where to come back to."""
    connection = CURRENT.get().connection
    if connection is None:
        return ""
    query = connection.scope.get("query_string", b"").decode("latin-1")
    return connection.path + (f"?{query}" if query else "")


def _providers(parts: Parts, layouts: Layouts, features: tuple[Feature, ...]) -> dict[Any, Provider]:
    sections = ProfileSections([section for feature in features for section in feature.profile_sections])
    front_page = FrontPage([section for feature in features for section in feature.front_sections])
    listed = [feature.public_addresses for feature in features if feature.public_addresses is not None]

    def visit(request: Request) -> Visit:
        address = request.client.host if request.client is not None else ""
        browser = Browser(request.headers.get("user-agent", ""), address)
        return Visit(DEFAULT_COMMUNITY_ID, browser, parts.cookie.read(request))

    providers: dict[Any, Provider] = {
        CampusSettings: _always(parts.settings),
        UnitsOfWork: _always(parts.units),
        Reader: _always(parts.units.reader),
        Identity: _always(parts.identity),
        SessionCookie: _always(parts.cookie),
        Templates: _always(parts.templates),
        SiteLive: _always(parts.live),
        Logger: _always(parts.logger),
        ProfileSections: _always(sections),
        FrontPage: _always(front_page),
        SiteMap: _always(SiteMap(listed)),
        Visit: visit,
        Viewer: parts.viewers.viewer,
        Member: parts.viewers.member,
        Page: layouts.page,
        Screen: provide_screen,
    }
    for feature in features:
        providers |= feature.providers
    return providers


def _always(value: T) -> Callable[[], T]:
    return lambda: value


def _middleware(parts: Parts, *, log_requests: bool) -> list[Middleware]:
    key = read_secret_key(Path(parts.settings.data_directory)).hex()
    middleware: list[Middleware] = [request_log(parts.logger)] if log_requests else []
    return [
        *middleware,
        security_headers(POLICY),
        partial(CsrfMiddleware, secret=key, session_cookie=parts.cookie.name),
        live_redirects,
    ]


@asynccontextmanager
async def _lifespan(
    parts: Parts, ready_for: tuple[Feature, ...] | None, _application: Application
) -> AsyncIterator[Mapping[str, object] | None]:
    if ready_for is None:
        await ensure_first_community(parts.units, parts.settings.registration)
    else:
        await prepare(parts, ready_for)
    sweeping = asyncio.create_task(_sweep_hourly(parts), name="sweep")
    _log_repetitions(parts.logger)
    # The first rendering loads the libraries; no visitor shall wait for them, and neither shall the start.
    warming = asyncio.create_task(asyncio.to_thread(render_markdown, WARM_UP, trust=Trust.TEACHER), name="warm up")
    try:
        async with parts.live.running():
            yield None
    finally:
        sweeping.cancel()
        with suppress(asyncio.CancelledError):
            await sweeping
        await warming
        parts.identity.passwords.close()
        await parts.database.close()


def _log_repetitions(logger: Logger) -> None:
    """A unit of work that is repeated is told to our log; otherwise stamina would print it to stdout."""
    import stamina

    def repeated(details: stamina.instrumentation.RetryDetails) -> None:
        logger.log_message(
            "a unit of work is repeated", level=Level.DEBUG, attempt=details.retry_num, error=str(details.caused_by)
        )

    stamina.instrumentation.set_on_retry_hooks([repeated])


async def _sweep_hourly(parts: Parts) -> None:
    while True:
        await asyncio.sleep(SWEEP_SECONDS)
        try:
            await sweep(parts.units, parts.identity)
        except DataError as error:  # the next hour will do
            parts.logger.log_message("old sessions were not deleted", level=Level.WARNING, error=str(error))


def account_menu(parts: Parts) -> Loader:
    """Return what layouts load as `account_menu`: who is logged in, and the way out; or the way in."""

    async def load(request: Request) -> Markup:
        viewer = await parts.viewers.viewer(request)
        answer = parts.templates.render(request, "accounts/account_menu.html", viewer=viewer)
        return Markup(answer.body.decode())  # noqa: S704  # rendered with escaping on

    return load


async def _nothing(_request: Request) -> str:
    return ""
