"""The people of the sample content, as members of a community.

One job: make those who are not there yet. Nobody can log in as one of them: they have no password.
Must not know: what they teach or write.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from campus.accounts.model import Account
from campus.accounts.queries import find_account_by_name
from campus.model import Membership, Role, searched_name
from campus.sample import SamplePerson
from campus.settings import Language
from veche.data import UnitsOfWork
from veche.identity import parse_account_name


async def ensure_sample_people(
    units: UnitsOfWork, community_id: int, people: Iterable[SamplePerson]
) -> Mapping[str, int]:
    """Return account name → account id for all of them; called again, it makes nobody twice."""
    ids: dict[str, int] = {}
    now = datetime.now(UTC)
    async with units.begin(deadline_seconds=10) as unit:
        for person in people:
            name = parse_account_name(person.account_name)
            found = await find_account_by_name(unit, name.shown)
            if found is not None:
                ids[person.account_name] = found.id
                continue
            account = Account(
                name=name.shown,
                canonical_name=name.canonical,
                skeleton=name.skeleton,
                password_hash=None,
                created_at=now,
            )
            language: Language = "ru" if person.language == "ru" else "en"
            await unit.insert(account)
            await unit.insert(
                Membership(
                    community_id=community_id,
                    account_id=account.id,
                    account_name=name.shown,
                    first_name=person.first_name,
                    last_name=person.last_name,
                    searched_name=searched_name(person.first_name, person.last_name, name.shown),
                    role=Role(person.role.value),
                    about=person.about,
                    language=language,
                    joined_at=now,
                )
            )
            ids[person.account_name] = account.id
        await unit.commit()
    return ids
