"""What the handlers of the forum share: the screen, the forum as its viewer sees it, and the live parts.

One job: hold them together, so that a handler asks for one thing. Must not know: SQL, templates.
"""

from dataclasses import dataclass

from campus.accounts.viewer import Viewer
from campus.forum.forum import Forum
from campus.forum.live import ForumParts
from campus.forum.model import Message
from campus.forum.permissions import Deed, require
from campus.forum.queries import find_thread
from campus.parts import SiteLive
from campus.screen import Screen
from campus.settings import CampusSettings
from veche.data import Reader, UnitsOfWork, find
from veche.web import Request


@dataclass(frozen=True)
class ForumScreen:
    """Provided to handlers by type."""

    screen: Screen
    forum: Forum
    live: SiteLive
    parts: ForumParts
    units: UnitsOfWork
    request: Request
    settings: CampusSettings

    @property
    def viewer(self) -> Viewer:
        return self.screen.viewer

    @property
    def community_id(self) -> int:
        return self.screen.viewer.community_id

    @property
    def reader(self) -> Reader:
        return self.units.reader

    def address(self, path: str) -> str:
        """Return the whole address of a path of this site, for <link rel=canonical>."""
        return (self.settings.public_url or self.request.url.origin) + path

    async def require(self, deed: Deed, number: int, message_id: int | None = None) -> None:
        """Refuse to show a form that could not be sent."""
        thread = await find_thread(self.reader, self.community_id, number)
        message = None
        if message_id is not None:
            message = await find(self.reader, Message, community_id=self.community_id, id=message_id)
        require(self.viewer, deed, thread, message)


async def provide_forum_screen(
    *,
    screen: Screen,
    forum: Forum,
    live: SiteLive,
    parts: ForumParts,
    units: UnitsOfWork,
    request: Request,
    settings: CampusSettings,
) -> ForumScreen:
    """Provide it for one request."""
    return ForumScreen(screen, forum, live, parts, units, request, settings)
