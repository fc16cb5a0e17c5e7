"""What the forum refuses: 401, 403 and 409 of its pages and of the API. What is not there is veche.data.NotFound."""

from veche.resources import Conflict, NotAllowed


class ForumError(Exception):
    """The base of every error of this feature."""


class LoginNeeded(ForumError):
    """Only members may do this; nobody is logged in."""


class NotPermitted(ForumError, NotAllowed):
    """The member's role does not allow this, or it is somebody else's message."""


class ThreadLocked(ForumError, Conflict):
    """A moderator has locked the thread: it is kept as it is."""


class MessageRemoved(ForumError, Conflict):
    """The message was deleted; there is nothing left to change."""


class CategoryInUse(ForumError, Conflict):
    """Threads stand in the category, hidden ones perhaps; they must be moved or deleted first."""
