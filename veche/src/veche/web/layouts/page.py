"""Pages inside layouts: one file makes another layout, its slot is `{{ children }}`.

One job: children first, then the layouts around them, each with what it loaded in the meantime.
Must not know: what a layout looks like, what its loaders ask.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping

import jinja2
from markupsafe import Markup

from veche.log import Logger
from veche.web.errors import HTTPException, WrongConfiguration
from veche.web.layouts.chain import Layout, chain_of, read_head
from veche.web.layouts.parts import Loader, Loaders, PartsOfPage
from veche.web.requests import Request
from veche.web.responses import HTMLResponse
from veche.web.routing import Route
from veche.web.templates import Templates, page_headers

ADDRESS = "/layout"


class Layouts:
    """The layouts of a site, one file each in the template folder that is called `layouts`.

    choose: the layout of a request, from a page's or the site's setting. loaders: what layouts may name in their first
    line. A site hands `layouts.page` to its application as the provider of Page, and adds `layouts.routes`.
    """

    def __init__(
        self, templates: Templates, *, choose: Callable[[Request], str], loaders: Mapping[str, Loader], logger: Logger
    ) -> None:
        self.templates = templates
        self.choose = choose
        self._loaders = Loaders(loaders, logger, address=ADDRESS)
        self._known: dict[str, Layout] = {}
        self.routes = (Route(ADDRESS + "/{name}", self._part, methods=("GET",), name="layout_part"),)

    async def page(self, request: Request) -> AsyncIterator["Page"]:
        """Yield the page that the handler will render; the loaders of its layout start now, beside the handler."""
        page = Page(self, self._loaders, request)
        page.start(self.choose(request))
        try:
            yield page
        finally:
            page.close()

    def chain(self, name: str) -> tuple[Layout, ...]:
        """Return the layout and those it stands in, innermost first."""
        return chain_of(name, self._find)

    def _find(self, name: str) -> Layout:
        if name not in self._known or self.templates.environment.auto_reload:
            self._known[name] = self._read(name)
        return self._known[name]

    def _read(self, name: str) -> Layout:
        loader = self.templates.environment.loader
        assert loader is not None, "Templates always has a loader"
        try:
            source, _file, _is_fresh = loader.get_source(self.templates.environment, f"layouts/{name}.html")
        except jinja2.TemplateNotFound as error:
            raise WrongConfiguration(
                f"there is no layout {name!r}; expected layouts/{name}.html; add that file"
            ) from error
        layout = read_head(name, source)
        for loaded in layout.loads:
            self._loaders.require(loaded, name)
        return layout

    async def _part(self, request: Request, name: str) -> HTMLResponse:
        """One part alone, for the placeholder that stands where it was late."""
        if name not in self._loaders:
            raise HTTPException(404, "No layout loads a part of this name.")
        return HTMLResponse(await self._loaders.load(name, request), headers={"cache-control": "no-store"})


class Page:
    """One page in the making; a handler asks for it by type and ends with `return await page.render(...)`."""

    def __init__(self, layouts: Layouts, loaders: Loaders, request: Request) -> None:
        self.request = request
        self._layouts = layouts
        self._layout = ""
        self._parts = PartsOfPage(loaders, request)

    def start(self, layout: str) -> None:
        """Choose the layout, and start what it loads."""
        self._layout = layout
        for one in self._layouts.chain(layout):
            for name in one.loads:
                self._parts.start(name)

    def close(self) -> None:
        """Give up what was started and never shown: the handler answered with a redirect or an error."""
        self._parts.collect()

    async def render(
        self,
        name: str,
        /,
        *,
        layout: str | None = None,
        status_code: int = 200,
        headers: Mapping[str, str] | None = None,
        **context: object,
    ) -> HTMLResponse:
        """Return the template's page inside the layout.

        The layouts see context, and what the template sets at its top level: `{% set title = _("Courses") %}`.
        """
        if layout is not None and layout != self._layout:
            self.start(layout)
        # One turn of the loop: a loader that only reads inline is done by then, and nothing else is waited for.
        await asyncio.sleep(0)
        templates = self._layouts.templates
        translator = templates.translator_for(self.request)
        with templates.bound(translator, self.request):
            module = templates.environment.get_template(name).make_module(context)
            said = {key: value for key, value in vars(module).items() if not key.startswith("_")}
            children = Markup(str(module))  # noqa: S704  # rendered with escaping on
        # Between the two nothing awaits: the parts are what they are when the children are ready.
        parts = self._parts.collect()
        with templates.bound(translator, self.request):
            for one in self._layouts.chain(self._layout):
                template = templates.environment.get_template(f"layouts/{one.name}.html")
                children = Markup(template.render({**context, **said, **parts, "children": children}))  # noqa: S704  # the same
        return HTMLResponse(str(children), status_code, page_headers(translator, headers))
