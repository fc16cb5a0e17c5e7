"""What people type in the forum, and the sentences that answer it.

One job: form types and this feature's own error codes. Must not know: the database, requests, pages.
"""

from collections.abc import Mapping
from typing import Annotated, Final, Literal, TypeAlias

import msgspec
from msgspec import Meta

from campus.forum.model import MAX_DESCRIPTION, MAX_TEXT, MAX_TITLE
from campus.settings import Language
from veche.changes import N_, NN_, Message

MESSAGES: Final[Mapping[str, Message]] = {
    "too_fast": NN_(
        "You write very fast. Wait %(seconds)s second; your text stays here.",
        "You write very fast. Wait %(seconds)s seconds; your text stays here.",
        "seconds",
    ),
    "locked": Message(N_("A moderator has locked this thread meanwhile; nothing can be added. Your text stays here.")),
    "category_taken": Message(N_("A category of this name is there already.")),
    "category_in_use": Message(N_("Threads stand in this category. Move them first.")),
    "removed": Message(N_("This message was deleted meanwhile.")),
}

TitleText = Annotated[str, Meta(min_length=1, max_length=MAX_TITLE)]
MessageText = Annotated[str, Meta(min_length=1, max_length=MAX_TEXT)]
Switch: TypeAlias = Literal["yes", "no"]


class MessageForm(msgspec.Struct):
    """A message. preview: show it, do not send it."""

    text: MessageText
    preview: bool = False


class ThreadForm(msgspec.Struct):
    """A new thread and its first message."""

    title: TitleText
    text: MessageText
    preview: bool = False


class PlaceForm(msgspec.Struct):
    """The title of a thread and the category that it stands in."""

    title: TitleText
    category: Annotated[str, Meta(max_length=60)] = ""


class ModerationForm(msgspec.Struct):
    """What a moderator's button says; each has one of them."""

    locked: Switch | None = None
    pinned: Switch | None = None
    hidden: Switch | None = None


class ReadForm(msgspec.Struct):
    """The number of the last message that was on the screen."""

    last: Annotated[int, Meta(ge=1, le=2**62)]


class CategoryForm(msgspec.Struct):
    """A shelf of threads; language: blank is any."""

    title: TitleText
    description: Annotated[str, Meta(max_length=MAX_DESCRIPTION)] = ""
    language: Language | None = None
    position: Annotated[int, Meta(ge=0, le=100_000)] = 0
