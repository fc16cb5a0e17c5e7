"""What is read about accounts and members.

One job: statements, and the functions that run them on a Reader (a unit of work is one, too).
Must not know: who asks, pages.
"""

from typing import Final

from sqlalchemy import bindparam, func, or_, select

from campus.accounts.model import Account
from campus.model import Community, Membership, Role
from veche.data import Reader, Statement, find, page_after
from veche.identity import AccountName, NameRefused, parse_account_name

PEOPLE_ON_A_PAGE: Final = 50
TOPIC: Final = "account:"

ACCOUNT_BY_NAME: Final = Statement(select(Account).where(Account.canonical_name == bindparam("canonical")), Account)
ACCOUNT_LIKE: Final = Statement(
    select(Account).where(
        or_(Account.canonical_name == bindparam("canonical"), Account.skeleton == bindparam("skeleton"))
    ),
    Account,
)
ADMINISTRATORS: Final = Statement(
    select(Membership)
    .where(
        Membership.community_id == bindparam("community_id"),
        Membership.role == Role.ADMINISTRATOR,
        Membership.suspended_at.is_(None),
    )
    .order_by(Membership.account_id)
    .with_for_update(),
    Membership,
)
ADMINISTRATOR_COUNT: Final = Statement(
    select(func.count()).where(
        Membership.community_id == bindparam("community_id"),
        Membership.role == Role.ADMINISTRATOR,
        Membership.suspended_at.is_(None),
    )
)
_PEOPLE = page_after(
    select(Membership).where(Membership.community_id == bindparam("community_id")),
    Membership.searched_name,
    Membership.account_id,
)
REVISIONS: Final = Statement(
    select(Membership.account_id, Membership.revision).where(
        Membership.community_id == bindparam("community_id"), Membership.account_id.in_(bindparam("account_ids"))
    )
)
PEOPLE: Final = Statement(_PEOPLE, Membership)
PEOPLE_FOUND: Final = Statement(
    _PEOPLE.where(
        or_(
            Membership.searched_name.like(bindparam("start"), escape="\\"),
            Membership.searched_name.like(bindparam("within"), escape="\\"),
        )
    ),
    Membership,
)


async def find_community(reader: Reader, community_id: int) -> Community:
    """Return the community. Raises LookupError: every site has its first one from its start on."""
    community = await find(reader, Community, id=community_id)
    if community is None:
        raise LookupError(f"there is no community {community_id}; the first is made when the site starts")
    return community


async def find_account(reader: Reader, account_id: int) -> Account | None:
    """Return the account with this id."""
    return await find(reader, Account, id=account_id)


async def find_account_by_name(reader: Reader, text: str) -> Account | None:
    """Return the account of this name in any case and width; None also when the text cannot be a name."""
    try:
        name = parse_account_name(text)
    except NameRefused:
        return None
    return await reader.first(ACCOUNT_BY_NAME, canonical=name.canonical)


async def name_is_taken(reader: Reader, name: AccountName) -> bool:
    """Return whether an account has this name, or one that looks like it."""
    return await reader.first(ACCOUNT_LIKE, canonical=name.canonical, skeleton=name.skeleton) is not None


async def find_membership(reader: Reader, community_id: int, account_id: int) -> Membership | None:
    """Return what the account is in the community."""
    return await find(reader, Membership, community_id=community_id, account_id=account_id)


async def find_member_by_name(reader: Reader, community_id: int, account_name: str) -> Membership | None:
    """Return the member with this account name."""
    account = await find_account_by_name(reader, account_name)
    return None if account is None else await find_membership(reader, community_id, account.id)


async def administrator_exists(reader: Reader, community_id: int) -> bool:
    """Return whether anybody can administer the community."""
    return bool(await reader.value(ADMINISTRATOR_COUNT, community_id=community_id))


async def list_people(
    reader: Reader, community_id: int, *, query: str = "", after: tuple[str, int] | None = None
) -> tuple[list[Membership], bool]:
    """Return one page of members in the order of their names, and whether more follow.

    query: the beginning of a first name, last name or account name. after: searched_name and account_id of the last
    member of the page before.
    """
    after_name, after_id = after or (None, None)
    place = {"community_id": community_id, "after_0": after_name, "after_1": after_id, "limit": PEOPLE_ON_A_PAGE + 1}
    words = " ".join(query.casefold().split())
    if words:
        escaped = words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        people = await reader.all(PEOPLE_FOUND, start=f"{escaped}%", within=f"% {escaped}%", **place)
    else:
        people = await reader.all(PEOPLE, **place)
    return people[:PEOPLE_ON_A_PAGE], len(people) > PEOPLE_ON_A_PAGE


def account_topic(account_id: int) -> str:
    """Return the topic on which a change of the account's rights is published."""
    return f"{TOPIC}{account_id}"


async def newest_revisions(reader: Reader, community_id: int, topics: frozenset[str]) -> dict[str, int]:
    """Return the versions of those topics that are accounts'."""
    account_ids = [int(topic.removeprefix(TOPIC)) for topic in topics if topic.startswith(TOPIC)]
    if not account_ids:
        return {}
    rows = await reader.all(REVISIONS, community_id=community_id, account_ids=account_ids)
    return {account_topic(account_id): revision for account_id, revision in rows}
