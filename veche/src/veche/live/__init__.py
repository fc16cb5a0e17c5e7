"""Live pages: parts of a page that stay true while somebody looks at them; README.md has the protocol."""

from veche.live.fragments import Fragment, LiveError, PersonalFragment, SharedFragment, UnknownAddress
from veche.live.limits import LiveLimits
from veche.live.live import Live, place
from veche.live.redirects import live_redirects
from veche.live.viewers import Audience, Viewer

__all__ = [
    "Audience",
    "Fragment",
    "Live",
    "LiveError",
    "LiveLimits",
    "PersonalFragment",
    "SharedFragment",
    "UnknownAddress",
    "Viewer",
    "live_redirects",
    "place",
]
