"""The first community: every site has it from its first start on.

One job: make it once, also when two workers start at once. Must not know: features.
"""

from datetime import UTC, datetime
from typing import Final

from campus.model import DEFAULT_COMMUNITY_ID, Community
from campus.settings import Registration
from veche.data import ConstraintViolated, UnitsOfWork, find

NAME: Final = "Campus"


async def ensure_first_community(units: UnitsOfWork, registration: Registration) -> None:
    """Make the default community unless it is there; registration is what it starts with."""
    if await find(units.reader, Community, id=DEFAULT_COMMUNITY_ID) is not None:
        return
    now = datetime.now(UTC)
    community = Community(id=DEFAULT_COMMUNITY_ID, name=NAME, registration=registration, created_at=now)
    try:
        async with units.begin(deadline_seconds=10) as unit:  # a start may share the machine with many others
            await unit.insert(community)
            await unit.commit()
    except ConstraintViolated:
        pass  # another worker was first
