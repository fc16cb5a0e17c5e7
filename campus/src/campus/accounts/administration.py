"""What administrators do with people, and the links that let people in.

One use case, one function, one unit of work. Must not know: requests, who may call it (pages guard that).
"""

from typing import Final

from campus.accounts.errors import LastAdministrator, NoSuchMember
from campus.accounts.queries import ADMINISTRATORS, account_topic, find_account_by_name, find_community, find_membership
from campus.accounts.services import (
    ADMINISTRATOR_LINK,
    ADMINISTRATOR_LINK_LIFETIME,
    INVITATION_LIFETIME,
    INVITATION_LINK,
    PASSWORD_LINK,
    PASSWORD_LINK_LIFETIME,
    Identity,
)
from campus.model import DEFAULT_COMMUNITY_ID, Membership, Role
from campus.settings import Registration
from veche.data import Unit, UnitsOfWork, next_revision

MAX_INVITATION_USES: Final = 500


async def suspend(units: UnitsOfWork, identity: Identity, community_id: int, account_id: int) -> None:
    """Suspend the member: sessions end, live pages lose their rights. Raises NoSuchMember, LastAdministrator."""
    async with units.begin() as unit:
        member = await _get_member(unit, community_id, account_id)
        await _keep_an_administrator(unit, member)
        if member.suspended_at is None:
            member.suspended_at = identity.now()
            await unit.update(member, "suspended_at")
        await identity.sessions.end_all(unit, account_id)
        await identity.links.void_account(unit, PASSWORD_LINK, account_id)
        await _announce(unit, member)
        await unit.commit()


async def unsuspend(units: UnitsOfWork, community_id: int, account_id: int) -> None:
    """Let the member in again; they log in anew. Raises NoSuchMember."""
    async with units.begin() as unit:
        member = await _get_member(unit, community_id, account_id)
        member.suspended_at = None
        await unit.update(member, "suspended_at")
        await _announce(unit, member)
        await unit.commit()


async def appoint(units: UnitsOfWork, community_id: int, account_id: int, role: Role) -> None:
    """Give the member this role instead of the present one. Raises NoSuchMember, LastAdministrator."""
    async with units.begin() as unit:
        member = await _get_member(unit, community_id, account_id)
        if role is not Role.ADMINISTRATOR:
            await _keep_an_administrator(unit, member)
        member.role = role
        await unit.update(member, "role")
        await _announce(unit, member)
        await unit.commit()


async def choose_registration(units: UnitsOfWork, community_id: int, registration: Registration) -> None:
    """Set who may register."""
    async with units.begin() as unit:
        community = await find_community(unit, community_id)
        community.registration = registration
        await unit.update(community)
        await unit.commit()


async def create_invitation(units: UnitsOfWork, identity: Identity, community_id: int, *, uses: int) -> str:
    """Return the path of a link with which `uses` people can register; it cannot be shown again."""
    async with units.begin() as unit:
        secret = await identity.links.create(
            unit, INVITATION_LINK, INVITATION_LIFETIME, identity.now(), tenant_id=community_id, uses=uses
        )
        await unit.commit()
    return f"/invitation/{secret}"


async def void_invitation(units: UnitsOfWork, identity: Identity, community_id: int, link_id: int) -> bool:
    """Delete the invitation; False when the community has none such."""
    async with units.begin() as unit:
        voided = await identity.links.void(unit, INVITATION_LINK, community_id, link_id)
        await unit.commit()
    return voided


async def create_administrator_link(
    units: UnitsOfWork, identity: Identity, community_id: int = DEFAULT_COMMUNITY_ID
) -> str:
    """Return the path of a link, valid once, that makes whoever opens it an administrator; earlier ones end."""
    async with units.begin() as unit:
        await identity.links.void_purpose(unit, ADMINISTRATOR_LINK, community_id)
        secret = await identity.links.create(
            unit, ADMINISTRATOR_LINK, ADMINISTRATOR_LINK_LIFETIME, identity.now(), tenant_id=community_id
        )
        await unit.commit()
    return f"/administrator/{secret}"


async def create_password_link(
    units: UnitsOfWork, identity: Identity, name: str, community_id: int = DEFAULT_COMMUNITY_ID
) -> str:
    """Return the path of a link, valid once, with which the account of this name gets a new password; earlier ones end.

    Raises NoSuchMember.
    """
    async with units.begin() as unit:
        account = await find_account_by_name(unit, name)
        if account is None:
            raise NoSuchMember(f"there is no account {name!r}; expected an account name as it was registered")
        await identity.links.void_account(unit, PASSWORD_LINK, account.id)
        secret = await identity.links.create(
            unit, PASSWORD_LINK, PASSWORD_LINK_LIFETIME, identity.now(), account_id=account.id, tenant_id=community_id
        )
        await unit.commit()
    return f"/password/{secret}"


async def take_administration(
    units: UnitsOfWork, identity: Identity, community_id: int, account_id: int, link: str
) -> None:
    """Use up the administrator link for an account that exists. Raises LinkSpent, NoSuchMember."""
    async with units.begin() as unit:
        await identity.links.consume(unit, ADMINISTRATOR_LINK, link, identity.now())
        member = await _get_member(unit, community_id, account_id)
        member.role = Role.ADMINISTRATOR
        await unit.update(member, "role")
        await _announce(unit, member)
        await unit.commit()


async def _get_member(unit: Unit, community_id: int, account_id: int) -> Membership:
    member = await find_membership(unit, community_id, account_id)
    if member is None:
        raise NoSuchMember(f"community {community_id} has no member {account_id}")
    return member


async def _keep_an_administrator(unit: Unit, member: Membership) -> None:
    """Refuse when the member is the last one. The rows are locked: two administrators cannot remove each other."""
    administrators = await unit.all(ADMINISTRATORS, community_id=member.community_id)
    if [one.account_id for one in administrators] == [member.account_id]:
        raise LastAdministrator(f"member {member.account_id} is the last administrator; appoint another one first")


async def _announce(unit: Unit, member: Membership) -> None:
    """Tell live pages that what this member may see has changed."""
    key = {"community_id": member.community_id, "account_id": member.account_id}
    revision = await next_revision(unit, Membership, **key)
    unit.publish_after_commit(account_topic(member.account_id), revision)
