"""The forum as others list it: on the front page, on a member's page, in the site map.

One job: which threads are shown outside the forum. Must not know: the pages around them.
"""

from collections.abc import Mapping
from typing import Final

from campus.accounts.viewer import Viewer
from campus.feature import FrontSection, ProfileSection
from campus.forum.queries import list_categories, list_threads, list_threads_of
from campus.forum.values import ForumThread
from veche.data import Reader

SHOWN: Final = 5
OWN_SHOWN: Final = 10
MOST_LISTED: Final = 10_000
"""Threads in the site map; a file may hold 50,000 addresses (sitemaps.org)."""


async def load_front(reader: Reader, viewer: Viewer) -> Mapping[str, object] | None:
    """Return the threads that were written to last, in the viewer's language where there are any; None without one."""
    categories = await list_categories(reader, viewer.community_id)
    threads: list[ForumThread] = []
    # Category by category, because that is how the index lies: the cost does not grow with the forum.
    for language in ((None, viewer.reads), ("en", "ru")):
        for category in categories:
            if category.language in language and category.thread_count:
                threads += await list_threads(reader, viewer.community_id, limit=SHOWN, category_id=category.id)
        if threads:
            break
    threads.sort(key=lambda thread: thread.last_message_at, reverse=True)
    return {"threads": threads[:SHOWN]} if threads else None


async def public_addresses(reader: Reader, community_id: int) -> list[str]:
    """Return the paths of the categories and of the threads that everybody may read."""
    categories = await list_categories(reader, community_id)
    threads = await list_threads(reader, community_id, limit=MOST_LISTED)
    return ["/forum", *(f"/forum/{one.slug}" for one in categories), *(f"/threads/{one.number}" for one in threads)]


FRONT: Final = FrontSection("forum/_front.html", load_front)


async def load_own_threads(reader: Reader, viewer: Viewer, account_id: int) -> Mapping[str, object] | None:
    """Return the threads that the member began last; None without one."""
    threads = await list_threads_of(reader, viewer.community_id, account_id, OWN_SHOWN)
    return {"threads": threads} if threads else None


OWN_THREADS: Final = ProfileSection("forum/_own_threads.html", load_own_threads)
