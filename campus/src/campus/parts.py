"""The parts of the site that live as long as it: made once, handed to whoever needs them.

One job: what there is. Must not know: how they are put together (site.py), what features do with them.
"""

from dataclasses import dataclass

from campus.accounts.cookie import SessionCookie
from campus.accounts.services import Identity
from campus.accounts.viewer import Viewers
from campus.settings import CampusSettings
from veche.data import Database, UnitsOfWork
from veche.log import Logger
from veche.publish import Bus
from veche.web.templates import Templates


@dataclass(frozen=True)
class Parts:
    """Everything that is made before a request comes."""

    settings: CampusSettings
    logger: Logger
    database: Database
    bus: Bus
    units: UnitsOfWork
    identity: Identity
    cookie: SessionCookie
    viewers: Viewers
    templates: Templates
