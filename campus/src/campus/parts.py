"""The parts of the site that live as long as it: made once, handed to whoever needs them.

One job: what there is. Must not know: how they are put together (site.py), what features do with them.
"""

from dataclasses import dataclass
from typing import TypeAlias

from campus.accounts.cookie import SessionCookie
from campus.accounts.services import Identity
from campus.accounts.viewer import Viewer, Viewers
from campus.settings import CampusSettings
from veche.data import Database, UnitsOfWork
from veche.live import Live
from veche.log import Logger
from veche.web.templates import Templates

SiteLive: TypeAlias = Live[Viewer]
"""A handler that puts live parts into its page asks for it by this type."""


@dataclass(frozen=True)
class Parts:
    """Everything that is made before a request comes."""

    settings: CampusSettings
    logger: Logger
    database: Database
    units: UnitsOfWork
    identity: Identity
    cookie: SessionCookie
    viewers: Viewers
    templates: Templates
    live: SiteLive
