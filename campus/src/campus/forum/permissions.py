"""Who may do what in the forum: one table, asked by every use case and by every page that shows a button.

One job: viewer × deed × state of the thread and the message → a verdict.
Must not know: the database, requests.
"""

from enum import Enum
from typing import Final

from campus.accounts.viewer import Viewer
from campus.forum.errors import LoginNeeded, MessageRemoved, NotPermitted, ThreadLocked
from campus.forum.model import Message, Thread
from veche.data import NotFound


class Deed(Enum):
    """What one can do here."""

    READ = "read a thread"
    START = "start a thread"
    WRITE = "write a message"
    EDIT = "edit a message"
    REMOVE = "delete a message"
    RENAME = "rename a thread"
    MODERATE = "hide, lock, pin, move or delete"


class Verdict(Enum):
    """UNSEEN: as if it were not there. LOCKED and GONE: not in its present state."""

    YES = "yes"
    LOG_IN = "log in"
    NO = "no"
    LOCKED = "locked"
    GONE = "gone"
    UNSEEN = "unseen"


OF_A_MESSAGE: Final = frozenset({Deed.EDIT, Deed.REMOVE})
STOPPED_BY_A_LOCK: Final = frozenset({Deed.WRITE, Deed.EDIT, Deed.REMOVE, Deed.RENAME})


def verdict(viewer: Viewer, deed: Deed, thread: Thread | None = None, message: Message | None = None) -> Verdict:
    """Return whether the viewer may do it. A suspended member is a stranger (campus.accounts.viewer)."""
    if thread is not None and thread.hidden and not viewer.moderates:
        return Verdict.UNSEEN
    if deed is Deed.READ:
        return Verdict.YES
    if not viewer.is_member:
        return Verdict.LOG_IN
    if message is not None and message.removed_at is not None:
        return Verdict.GONE
    if not _is_theirs(viewer, deed, thread, message):
        return Verdict.NO
    if thread is not None and thread.locked and deed in STOPPED_BY_A_LOCK and not viewer.moderates:
        return Verdict.LOCKED
    return Verdict.YES


def _is_theirs(viewer: Viewer, deed: Deed, thread: Thread | None, message: Message | None) -> bool:
    match deed:
        case Deed.MODERATE:
            return viewer.moderates
        case Deed.EDIT:  # nobody's words are changed by somebody else
            return message is not None and message.author_id == viewer.account_id and not message.hidden
        case Deed.REMOVE:
            return message is not None and (message.author_id == viewer.account_id or viewer.moderates)
        case Deed.RENAME:
            return viewer.moderates or (thread is not None and thread.author_id == viewer.account_id)
        case _:
            return True


def require(viewer: Viewer, deed: Deed, thread: Thread | None = None, message: Message | None = None) -> None:
    """Return if the viewer may do it. Raises LoginNeeded, NotPermitted, ThreadLocked, MessageRemoved, NotFound."""
    match verdict(viewer, deed, thread, message):
        case Verdict.UNSEEN:
            raise NotFound("there is no such thread")
        case Verdict.LOG_IN:
            raise LoginNeeded("Log in first.")
        case Verdict.NO:
            raise NotPermitted(f"You may not {deed.value} here.")
        case Verdict.LOCKED:
            raise ThreadLocked("This thread is locked.")
        case Verdict.GONE:
            raise MessageRemoved("This message was deleted.")
        case Verdict.YES:
            return
