"""All resources of a site under /api, with the document that describes them.

One job: resources → routes.
Must not know: what the resources are about.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import jinja2
import msgspec

from veche.language import Translator
from veche.resources.handlers import Handlers
from veche.resources.openapi import AnyResource, openapi_document, pretty
from veche.resources.resource import ResourceError
from veche.web import HTMLResponse, HTTPConnection, Response, Route

DOCUMENT_PATH: Final = "/api/openapi.json"
TEMPLATES: Final = Path(__file__).parent / "templates"


class Api:
    """The REST face of a site. `routes` belong into its application, whose api_prefixes must include "/api/".

    translator_for: the language of the sentences in problem documents (Templates.translator_for).
    session_cookie: its name, for the document. stylesheet: the address of a style sheet for the page, "" for none.
    """

    def __init__(
        self,
        resources: Sequence[AnyResource],
        *,
        title: str,
        version: str,
        translator_for: Callable[[HTTPConnection], Translator],
        session_cookie: str,
        stylesheet: str = "",
    ) -> None:
        _refuse_equal_names(resources)
        self.document = openapi_document(
            resources, title=title, version=version, session_cookie=session_cookie, csrf_header="X-CSRF-Token"
        )
        self._encoded = msgspec.json.encode(self.document)
        self.page = _page(self.document, stylesheet)
        handlers = (Handlers(one, translator_for) for one in resources)
        self.routes: tuple[Route, ...] = (
            Route(DOCUMENT_PATH, self._openapi, name="api_document"),
            Route("/api", self._readable, name="api"),
            *(route for one in handlers for route in one.routes()),
        )

    async def _openapi(self) -> Response:
        return Response(self._encoded, media_type="application/json")

    async def _readable(self) -> HTMLResponse:
        return HTMLResponse(self.page)


def _page(document: dict[str, object], stylesheet: str) -> str:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
    )
    environment.filters["pretty"] = pretty
    page = environment.get_template("api.html")
    return page.render(document=document, stylesheet=stylesheet, document_path=DOCUMENT_PATH)


def _refuse_equal_names(resources: Sequence[AnyResource]) -> None:
    """Two structs of one name would be one schema of the document, and one of them would be described wrongly."""
    structs = {struct for one in resources for struct in (one.item, one.create, one.change)}
    names = [struct.__name__ for struct in structs]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ResourceError(f"two types of the API are called {', '.join(twice)}; give one another name")
