"""HTML with its version, rendered no more often than needed.

One job: from a Showing to Rendered, the same object for everybody who sees the same.
Must not know: who is connected, topics.
"""

import asyncio
from collections import OrderedDict
from hashlib import blake2s
from typing import Final

import msgspec

from veche.data import Reader
from veche.live.fragments import Showing
from veche.live.viewers import Audience

DIGEST_OCTETS: Final = 9


class Rendered:
    """The HTML of one Showing at one version, and the message that brings it to a browser, encoded once."""

    __slots__ = ("html", "message", "version")

    def __init__(self, address: str, version: str, html: str) -> None:
        self.version = version
        self.html = str(html)  # templates give Markup, which msgspec does not encode
        content = {"type": "html", "address": address, "version": version, "html": self.html}
        self.message = msgspec.json.encode(content).decode()

    @property
    def octets(self) -> int:
        """About what it takes in memory."""
        return len(self.html) + len(self.message)


def _digest(text: str) -> str:
    return blake2s(text.encode(), digest_size=DIGEST_OCTETS).hexdigest()


def durable_version(revision: int, audience: Audience) -> str:
    """Such as "12.5f3a0c": a member made moderator, or a page in another language, must not be told "same"."""
    return f"{revision}.{_digest(repr(audience))[:6]}"


def digest_version(html: str) -> str:
    """Such as "d5f3a…": it begins with a letter, so that no client takes it for a revision."""
    return "d" + _digest(html)


class Renderer:
    """Renders with one Reader; keeps what has a durable version, the longest unused is forgotten first."""

    def __init__(self, reader: Reader, *, limit_octets: int) -> None:
        self._reader = reader
        self._limit_octets = limit_octets
        self._kept: OrderedDict[tuple[str, Audience, str], Rendered] = OrderedDict()
        self._under_way: dict[tuple[tuple[str, Audience, str], str], asyncio.Task[Rendered | None]] = {}
        self.kept_octets = 0
        self.renders = 0

    async def renew(self, showing: Showing, before: Rendered | None = None) -> Rendered | None:
        """Return what is to be seen now: `before` itself when it still is that, None when there is nothing to see."""
        if showing.version is None:
            html = await self._render(showing)
            if html is None:
                return None
            version = digest_version(html)
            return before if before and before.version == version else Rendered(showing.address, version, html)
        # Before the rows: a change in between makes the content newer than its label; the next look mends the label.
        revision = await showing.version(self._reader)
        if revision is None:
            return None
        version = durable_version(revision, showing.key[1])
        if before and before.version == version:
            return before
        kept = self._kept.get(showing.key)
        if kept and kept.version == version:
            self._kept.move_to_end(showing.key)
            return kept
        return await self._render_once(showing, version)

    async def _render(self, showing: Showing) -> str | None:
        self.renders += 1
        return await showing.render(self._reader)

    async def _render_once(self, showing: Showing, version: str) -> Rendered | None:
        """Many may ask at the same moment; one of them renders, and who goes away takes nothing from the others."""
        place = (showing.key, version)
        task = self._under_way.get(place)
        if task is None:
            task = asyncio.get_running_loop().create_task(self._render_and_keep(showing, version))
            self._under_way[place] = task
            task.add_done_callback(lambda _task: self._under_way.pop(place, None))
        return await asyncio.shield(task)

    async def _render_and_keep(self, showing: Showing, version: str) -> Rendered | None:
        html = await self._render(showing)
        if html is None:
            return None
        rendered = Rendered(showing.address, version, html)
        before = self._kept.pop(showing.key, None)
        self.kept_octets += rendered.octets - (before.octets if before else 0)
        self._kept[showing.key] = rendered
        while self.kept_octets > self._limit_octets:
            self.kept_octets -= self._kept.popitem(last=False)[1].octets
        return rendered
