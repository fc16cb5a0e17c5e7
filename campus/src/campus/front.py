"""The front page, and what browsers and search engines ask a site for: favicon, robots.txt, sitemap.xml.

One job: the addresses that belong to the whole site. Must not know: what the features show there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from xml.sax.saxutils import escape

from campus.accounts.viewer import Viewer
from campus.feature import FrontSection, PublicAddresses
from campus.screen import Screen
from campus.settings import CampusSettings
from veche.data import Reader
from veche.web import FileResponse, PlainTextResponse, Request, Response, Route

STATIC: Final = Path(__file__).parent / "static"
AN_HOUR: Final = "public, max-age=3600"
NOT_FOR_ROBOTS: Final = (
    "/administration/",
    "/api/",
    "/layout/",
    "/live/",
    "/login",
    "/profile",
    "/register",
    "/threads/unread",
)


@dataclass(frozen=True)
class FrontPage:
    """What the features put on the front page, in the order in which the site lists them."""

    sections: Sequence[FrontSection]

    async def load(self, reader: Reader, viewer: Viewer) -> list[tuple[str, Mapping[str, object]]]:
        """Return the template and the context of each section that has something to show."""
        loaded = []
        for section in self.sections:
            context = await section.load(reader, viewer)
            if context is not None:
                loaded.append((section.template, context))
        return loaded


@dataclass(frozen=True)
class SiteMap:
    """The public pages of all features."""

    listings: Sequence[PublicAddresses]

    async def paths(self, reader: Reader, community_id: int) -> list[str]:
        """Return them, the front page first."""
        return ["/", *[path for listing in self.listings for path in await listing(reader, community_id)]]


def origin(request: Request, settings: CampusSettings) -> str:
    """Return how the site is called from outside, without a slash at the end."""
    return settings.public_url or request.url.origin


async def home(
    screen: Screen, front_page: FrontPage, reader: Reader, request: Request, settings: CampusSettings
) -> Response:
    """The front page."""
    return await screen.render(
        "site/home.html",
        sections=await front_page.load(reader, screen.viewer),
        canonical=origin(request, settings) + "/",
    )


async def robots(request: Request, settings: CampusSettings) -> Response:
    """What robots need not fetch, and where the site map is (RFC 9309)."""
    lines = ["User-agent: *", *(f"Disallow: {path}" for path in NOT_FOR_ROBOTS)]
    lines += ["", f"Sitemap: {origin(request, settings)}/sitemap.xml", ""]
    return PlainTextResponse("\n".join(lines), headers={"cache-control": AN_HOUR})


async def sitemap(
    request: Request, settings: CampusSettings, site_map: SiteMap, viewer: Viewer, reader: Reader
) -> Response:
    """Every public page (sitemaps.org)."""
    start = origin(request, settings)
    paths = await site_map.paths(reader, viewer.community_id)
    entries = "".join(f"<url><loc>{escape(start + path)}</loc></url>\n" for path in paths)
    xml = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n{entries}</urlset>\n'
    )
    return Response(xml.encode(), media_type="application/xml", headers={"cache-control": AN_HOUR})


async def favicon() -> Response:
    """The picture that browsers ask for before they have read a page."""
    return FileResponse(STATIC / "favicon.ico", headers={"cache-control": "public, max-age=86400"})


ROUTES: Final = (
    Route("/", home, methods=("GET",), name="home"),
    Route("/robots.txt", robots, methods=("GET",), name="robots"),
    Route("/sitemap.xml", sitemap, methods=("GET",), name="sitemap"),
    Route("/favicon.ico", favicon, methods=("GET",), name="favicon"),
)
