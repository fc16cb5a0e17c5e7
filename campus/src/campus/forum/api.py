"""Threads and messages for programs: /api/threads and /api/messages.

One job: the two resources. Must not know: how anything is done.
"""

from typing import Final

from campus.api import signed_in_to_write
from campus.forum.forum import Forum, Messages
from campus.forum.values import (
    ForumMessage,
    ForumThread,
    MessageChange,
    MessageFilter,
    NewMessage,
    NewThread,
    ThreadChange,
    ThreadFilter,
)
from veche.resources import Resource

THREADS_RESOURCE: Final = Resource(
    name="threads",
    operations=Forum,
    item=ForumThread,
    create=NewThread,
    change=ThreadChange,
    key=int,
    key_field="number",
    description="Conversations. A thread begins with its first message; moderators lock, pin, hide, move, delete.",
    filters=ThreadFilter,
    permit=signed_in_to_write,
)
MESSAGES_RESOURCE: Final = Resource(
    name="messages",
    operations=Messages,
    item=ForumMessage,
    create=NewMessage,
    change=MessageChange,
    key=int,
    key_field="id",
    description="The messages of a thread, in Markdown. A deleted message keeps its number and loses its text.",
    filters=MessageFilter,
    permit=signed_in_to_write,
)
