"""One page of the site for one viewer.

One job: add to what a handler renders what every page needs: the viewer, and how long it may be kept.
Must not know: what the pages are about, what a layout looks like.
"""

from collections.abc import Mapping

from campus.accounts.viewer import Viewer
from veche.web import HTMLResponse
from veche.web.layouts import Page


class Screen:
    """A handler asks for it by type and ends with `return await screen.render("forum/thread.html", thread=thread)`."""

    def __init__(self, page: Page, viewer: Viewer) -> None:
        self._page = page
        self.viewer = viewer

    async def render(
        self,
        name: str,
        /,
        *,
        status_code: int = 200,
        headers: Mapping[str, str] | None = None,
        layout: str | None = None,
        **context: object,
    ) -> HTMLResponse:
        """Return the page inside its layout; its template finds `viewer` beside context."""
        headers = {"cache-control": "private, no-cache", **(headers or {})}  # back after logging out asks again
        context = {"viewer": self.viewer, **context}
        return await self._page.render(name, status_code=status_code, headers=headers, layout=layout, **context)


async def provide_screen(page: Page, viewer: Viewer) -> Screen:
    """Provide the Screen of a request."""
    return Screen(page, viewer)
