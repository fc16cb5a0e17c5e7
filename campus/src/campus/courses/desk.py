"""What the handlers of course pages share: who asks, and what a page is made with.

One job: put it together for one request. Must not know: any page.
"""

from dataclasses import dataclass

from campus.accounts.viewer import Viewer
from campus.courses.live import CourseLive
from campus.courses.threads import LessonThreads
from campus.parts import SiteLive
from campus.screen import Screen
from campus.settings import CampusSettings
from veche.data import Reader
from veche.web import Request


@dataclass(frozen=True)
class Desk:
    """One request for a page of courses."""

    request: Request
    screen: Screen
    reader: Reader
    live: SiteLive
    parts: CourseLive
    threads: LessonThreads
    settings: CampusSettings

    @property
    def viewer(self) -> Viewer:
        return self.screen.viewer

    def whole_address(self, path: str) -> str:
        """Return the one address of a page, for search engines and for those who share it."""
        return (self.settings.public_url or self.request.url.origin) + path


async def provide_desk(
    *,
    request: Request,
    screen: Screen,
    reader: Reader,
    live: SiteLive,
    parts: CourseLive,
    threads: LessonThreads,
    settings: CampusSettings,
) -> Desk:
    """Provide the Desk of a request."""
    return Desk(request, screen, reader, live, parts, threads, settings)
