"""The site's own error pages, and what a database that cannot answer looks like to a visitor.

One job: an error → a page in the site's layout. A client that wants JSON never comes here: it gets a problem document.
Must not know: who raised what.
"""

from collections.abc import Mapping
from contextlib import asynccontextmanager
from typing import Final
from urllib.parse import quote

from campus.accounts.viewer import Viewer, Viewers
from campus.screen import Screen
from veche.data import DatabaseUnavailable, DataError, StatementTimedOut, TransactionConflict, UnitExpired
from veche.web import ExceptionHandler, HTTPException, RedirectResponse, Request, Response
from veche.web.csrf import CsrfRefused
from veche.web.layouts import Layouts

STATUSES: Final = (400, 401, 403, 404, 405, 409, 410, 413, 415, 422, 429, 500, 503)


class ErrorPages:
    """Draws the page of every status."""

    def __init__(self, layouts: Layouts, viewers: Viewers, community_id: int) -> None:
        self._layouts = layouts
        self._viewers = viewers
        self._community_id = community_id

    def handlers(self) -> Mapping[int | type[Exception], ExceptionHandler]:
        """Return what the application is handed."""
        return {
            **dict.fromkeys(STATUSES, self.page),
            401: self.login,
            DatabaseUnavailable: _unavailable,
            StatementTimedOut: _unavailable,
            TransactionConflict: _unavailable,
            UnitExpired: _unavailable,
        }

    async def page(self, request: Request, error: HTTPException) -> Response:
        """Return the page of the error's status; it must work when the database does not."""
        try:
            viewer = await self._viewers.viewer(request)
        except (DataError, HTTPException):
            viewer = Viewer(self._community_id)
        async with asynccontextmanager(self._layouts.page)(request) as page:
            return await Screen(page, viewer).render(
                "site/error.html",
                status_code=error.status_code,
                code=error.status_code,
                detail=error.detail,
                is_forgery=isinstance(error, CsrfRefused),
                error_id=error.members.get("error_id", ""),
                headers={"cache-control": "no-store"},
            )

    async def login(self, request: Request, error: HTTPException) -> Response:
        """Lead a reader to the login and back; a form that was sent cannot be sent again by a redirect."""
        if request.method != "GET":
            return await self.page(request, error)
        query = request.scope.get("query_string", b"").decode("latin-1")
        here = request.path + (f"?{query}" if query else "")
        return RedirectResponse(f"{request.url_for('login')}?next={quote(here, safe='')}")


def _unavailable(_request: Request, error: Exception) -> Response:
    seconds = DatabaseUnavailable.retry_after_seconds
    raise HTTPException(503, "The database does not answer.", headers={"retry-after": str(seconds)}) from error
