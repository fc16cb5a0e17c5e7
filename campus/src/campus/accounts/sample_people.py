"""The people of the sample content: accounts that nobody can log in to.

One job: make those that are not there yet. Must not know: what they teach or write.
"""

from datetime import UTC, datetime, timedelta
from typing import Final, get_args

from campus.accounts.model import Account
from campus.accounts.queries import find_account_by_name
from campus.model import DEFAULT_COMMUNITY_ID, Membership, Role, searched_name
from campus.parts import Parts
from campus.sample import SamplePerson, sample_content
from campus.settings import Language
from veche.data import Unit
from veche.identity import parse_account_name

HERE_SINCE: Final = timedelta(days=90)  # longer than any sample message is old


async def load_people(parts: Parts) -> None:
    """Make the accounts and memberships; without a password no login ever matches them."""
    joined_at = datetime.now(UTC) - HERE_SINCE
    async with parts.units.begin(deadline_seconds=20.0) as unit:
        for person in sample_content().people:
            if await find_account_by_name(unit, person.account_name) is None:
                await _add(unit, person, joined_at)
        await unit.commit()


async def _add(unit: Unit, person: SamplePerson, joined_at: datetime) -> None:
    name = parse_account_name(person.account_name)
    account = Account(
        name=name.shown,
        canonical_name=name.canonical,
        skeleton=name.skeleton,
        password_hash=None,
        created_at=joined_at,
    )
    await unit.insert(account)
    language = next((one for one in get_args(Language) if one == person.language), None)
    await unit.insert(
        Membership(
            community_id=DEFAULT_COMMUNITY_ID,
            account_id=account.id,
            account_name=name.shown,
            first_name=person.first_name,
            last_name=person.last_name,
            searched_name=searched_name(person.first_name, person.last_name, name.shown),
            role=Role(person.role.value),
            about=person.about,
            language=language,
            joined_at=joined_at,
        )
    )
