"""Who looks at a page, as far as live pages need to know.

One job: the two faces of a visitor: the audience they belong to, and the one person they are.
Must not know: sessions, cookies, tables; the site's own viewer type has these properties.
"""

from collections.abc import Sequence
from typing import Protocol

import msgspec


class Audience(msgspec.Struct, frozen=True):
    """All that the HTML of a shared part may depend on. Nothing personal can be in it, because nothing personal fits.

    tenant: the community's key; role: the site's word for what its holders see ("member", "moderator", …);
    language: the tag of the language that the part is written in.
    """

    tenant: int
    role: str
    language: str


class Viewer(Protocol):
    """One visitor. Two viewers with the same key and audience see the same personal parts."""

    @property
    def key(self) -> str:
        """Who this is, such as "account:17"; one word for everybody who is nobody, such as "anonymous"."""

    @property
    def audience(self) -> Audience:
        """To whom this visitor belongs."""

    @property
    def topics(self) -> Sequence[str]:
        """The topics whose change may take rights away or give them, such as "account:17"."""
