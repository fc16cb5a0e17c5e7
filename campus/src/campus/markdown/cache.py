"""A bounded memory of renderings: the least recently used goes first, and the bound is in octets.

One job: which renderings are kept. A bound on their number would not do: a lesson is a thousand times a short reply.
Must not know: how anything is rendered.
"""

from collections import OrderedDict
from threading import Lock

from campus.markdown.model import RenderedMarkdown


class RenderingCache:
    """Safe to share between threads: handlers may render in a worker thread."""

    def __init__(self, *, limit_octets: int) -> None:
        self._limit_octets = limit_octets
        self._octets = 0
        self._kept: OrderedDict[bytes, RenderedMarkdown] = OrderedDict()
        self._lock = Lock()

    def get(self, digest: bytes) -> RenderedMarkdown | None:
        with self._lock:
            rendered = self._kept.get(digest)
            if rendered is not None:
                self._kept.move_to_end(digest)
            return rendered

    def put(self, digest: bytes, rendered: RenderedMarkdown) -> None:
        """Keep it, unless it alone would push out a quarter of the rest."""
        size_octets = rendered.size_octets
        if size_octets > self._limit_octets // 4:
            return
        with self._lock:
            if digest in self._kept:
                return
            self._kept[digest] = rendered
            self._octets += size_octets
            while self._octets > self._limit_octets:
                _digest, dropped = self._kept.popitem(last=False)
                self._octets -= dropped.size_octets

    @property
    def octets(self) -> int:
        return self._octets
