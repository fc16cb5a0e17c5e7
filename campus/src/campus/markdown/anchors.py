"""The anchor of a heading, made from its words.

One job: words to anchor, as GitHub and mdBook do it, so that links into imported lessons still arrive.
Must not know: tokens, HTML, who links.
"""

import re
from typing import Final

EXPLICIT: Final = re.compile(r"\s*\{#(?P<anchor>[\w.:-]+)[^}]*\}\s*$")  # "## Title {#anchor}": pandoc, mdBook
UNWANTED: Final = re.compile(r"[^\w\- ]")
SPACE: Final = re.compile(r"\s")


def anchor_of(text: str) -> str:
    """Return "getting-help" for "Getting Help!"; letters of any script stay."""
    return SPACE.sub("-", UNWANTED.sub("", SPACE.sub(" ", text.strip())).lower())


class AnchorNames:
    """Gives each heading of one text its own anchor: a second "intro" becomes "intro-1"."""

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self._next: dict[str, int] = {}  # without it, ten thousand equal headings would cost their square

    def take(self, text: str) -> str:
        wanted = anchor = anchor_of(text) or "section"
        while anchor in self._taken:
            number = self._next.get(wanted, 1)
            self._next[wanted] = number + 1
            anchor = f"{wanted}-{number}"
        return self.take_exactly(anchor)

    def take_exactly(self, anchor: str) -> str:
        self._taken.add(anchor)
        return anchor
