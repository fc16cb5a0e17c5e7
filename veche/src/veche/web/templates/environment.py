"""Templates: Jinja2 with escaping always on and unknown names always an error.

One job: folder names → an environment → rendered pages and fragments.
Must not know: layouts, handlers, what the pages are about.
"""

import datetime
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

import jinja2
from markupsafe import Markup

from veche.changes import Message
from veche.http import best_language
from veche.language import Catalogues, Translator
from veche.web.requests import HTTPConnection
from veche.web.responses import HTMLResponse
from veche.web.templates import rendering as asked

FORMS_FOLDER: Final = Path(__file__).parent.parent / "forms" / "templates"  # {% import "veche/forms.html" as forms %}


def _utc_now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


class Templates:
    """All templates of a site; `forum/thread.html` lies in the folder that is called `forum` here.

    folders: prefix → folder; "veche" is taken, it holds forms.html.
    language_of: the tag a request's reader wants; the default reads state.language, then Accept-Language.
    url_for: the addresses in fragments that are rendered without a request.
    messages: the error codes that the site adds to veche.changes' own.
    names: further globals of every template. reload: look for changed files at each rendering, for debug.
    """

    def __init__(
        self,
        folders: Mapping[str, Path],
        catalogues: Catalogues,
        *,
        language_of: Callable[[HTTPConnection], str] | None = None,
        url_for: Callable[..., str] = asked.no_address,
        messages: Mapping[str, Message] | None = None,
        names: Mapping[str, object] | None = None,
        clock: Callable[[], datetime.datetime] = _utc_now,
        reload: bool = False,
    ) -> None:
        self.catalogues = catalogues
        self._language_of = language_of or self._preferred_language
        self._url_for = url_for
        self._clock = clock
        loader = jinja2.PrefixLoader(
            {prefix: jinja2.FileSystemLoader(folder) for prefix, folder in {**folders, "veche": FORMS_FOLDER}.items()}
        )
        self.environment = _environment(loader, messages or {}, reload=reload)
        self.environment.globals.update(names or {})

    def translator_for(self, connection: HTTPConnection) -> Translator:
        """Return the Translator of the language in which the request is answered."""
        return self.catalogues.translator(self._language_of(connection))

    def render(
        self,
        connection: HTTPConnection,
        name: str,
        /,
        *,
        status_code: int = 200,
        headers: Mapping[str, str] | None = None,
        **context: object,
    ) -> HTMLResponse:
        """Return the page as an answer, in the language of the request's reader; context are the template's names."""
        translator = self.translator_for(connection)
        with self.bound(translator, connection):
            content = self.environment.get_template(name).render(context)
        return HTMLResponse(content, status_code, page_headers(translator, headers))

    def render_text(self, name: str, /, *, language: str, **context: object) -> Markup:
        """Return a fragment for everyone who reads this language; there is no request, so no token and no nonce."""
        with self.bound(self.catalogues.translator(language), None):
            return Markup(self.environment.get_template(name).render(context))  # noqa: S704  # rendered with escaping on

    def bound(self, translator: Translator, connection: HTTPConnection | None) -> AbstractContextManager[None]:
        """Return the `with` block inside which templates of the environment may be rendered."""
        url_for = self._url_for if connection is None else connection.url_for
        return asked.rendering(asked.Rendering(translator, connection, url_for, self._clock()))

    def _preferred_language(self, connection: HTTPConnection) -> str:
        set_by_account: str | None = connection.state.get("language")
        accepted = best_language(connection.headers.get("accept-language", ""), self.catalogues.languages)
        return self.catalogues.choose(set_by_account, accepted)


def page_headers(translator: Translator, headers: Mapping[str, str] | None) -> dict[str, str]:
    """Return the fields of every page: its language, and that caches must keep one page per language."""
    return {"content-language": translator.language, "vary": "Accept-Language, Cookie", **(headers or {})}


def _environment(loader: jinja2.BaseLoader, messages: Mapping[str, Message], *, reload: bool) -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=loader,
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        auto_reload=reload,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    # {% trans %} then hands its variables to gettext, which escapes them.
    environment.newstyle_gettext = True  # type: ignore[attr-defined]  # an attribute that the i18n extension adds
    environment.globals.update(
        _=asked.say,
        gettext=asked.say,
        ngettext=asked.say_counted,
        language=asked.language,
        url_for=asked.url_for,
        csp_nonce=asked.csp_nonce,
        csrf_field=asked.csrf_field,
        error_sentence=asked.Sentences(messages).error_sentence,
    )
    for one in (asked.number, asked.percent, asked.date, asked.moment, asked.ago):
        environment.filters[one.__name__] = _never_folded(one)
    return environment


def _never_folded(function: Callable[..., object]) -> Callable[..., object]:
    """Return the function as a filter that Jinja does not run while it compiles: its language is not known then."""

    @jinja2.pass_context
    def of_this_rendering(_context: object, *arguments: object) -> object:
        return function(*arguments)

    return of_this_rendering
