"""What someone does with their own account: one use case, one function, one unit of work.

Must not know: requests, forms, languages.
A password is hashed before the unit of work begins: hashing takes longer than a unit may be held.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from campus.accounts.errors import (
    AccountSuspended,
    NameTaken,
    NoSuchMember,
    RegistrationClosed,
    TooManyTokens,
    WrongCredentials,
)
from campus.accounts.model import Account
from campus.accounts.queries import (
    find_account,
    find_account_by_name,
    find_community,
    find_membership,
    name_is_taken,
)
from campus.accounts.services import (
    ADMINISTRATOR_LINK,
    INVITATION_LINK,
    PASSWORD_LINK,
    REGISTRATIONS_OF_AN_ADDRESS,
    Identity,
    login_attempts,
)
from campus.model import Membership, Role, searched_name
from campus.settings import Language
from veche.data import ConstraintViolated, Unit, UnitsOfWork
from veche.identity import AccountName, Attempt, Browser, HashingBusy, LinkSpent, Verdict, network_of

MAX_TOKENS: Final = 50
NAME_CONSTRAINTS: Final = frozenset({"uq_account_canonical_name", "uq_account_skeleton"})


@dataclass(frozen=True)
class Visit:
    """Where a login comes from: the community, the browser, and the session that the browser has now ("" for none)."""

    community_id: int
    browser: Browser
    session_secret: str = ""


@dataclass(frozen=True)
class NewAccount:
    """What one needs to be a member; the name and the password have passed identity's rules."""

    name: AccountName
    password: str
    first_name: str
    last_name: str
    language: Language | None = None


async def register(
    units: UnitsOfWork, identity: Identity, visit: Visit, new: NewAccount, *, invitation: str = ""
) -> str:
    """Make the account, its membership and its first session; return the session's secret.

    Raises RegistrationClosed, LinkSpent, NameTaken, TooManyAttempts, HashingBusy; nothing is made then.
    """
    now = identity.now()
    community = await find_community(units.reader, visit.community_id)
    by_invitation = bool(invitation) and community.registration != "closed"
    if community.registration != "open" and not by_invitation:
        raise RegistrationClosed(invitation_needed=community.registration == "invitation")
    if by_invitation:
        await identity.links.find(units.reader, INVITATION_LINK, invitation, now)
    attempt = Attempt(REGISTRATIONS_OF_AN_ADDRESS, network_of(visit.browser.address))
    await identity.throttle.take_at_once(units, [attempt], now)
    return await _join(units, identity, visit, new, purpose=INVITATION_LINK, link=invitation if by_invitation else "")


async def claim_administration(units: UnitsOfWork, identity: Identity, visit: Visit, new: NewAccount, link: str) -> str:
    """Use up the administrator link: make an administrator's account; return its session's secret.

    Raises LinkSpent, NameTaken, HashingBusy; the link is not used up then.
    """
    await identity.links.find(units.reader, ADMINISTRATOR_LINK, link, identity.now())
    return await _join(units, identity, visit, new, purpose=ADMINISTRATOR_LINK, link=link)


async def log_in(units: UnitsOfWork, identity: Identity, visit: Visit, name: str, password: str) -> str:
    """Return the secret of a new session; the browser's present session ends.

    name: as typed. Each call counts as an attempt until the password proves right: many at once are counted, too.
    Raises WrongCredentials, AccountSuspended, TooManyAttempts, HashingBusy.
    """
    now = identity.now()
    account = await find_account_by_name(units.reader, name)
    canonical = account.canonical_name if account is not None else name.strip().casefold()
    of_name, of_address = attempts = login_attempts(canonical, visit.browser.address)
    await identity.throttle.take_at_once(units, attempts, now)
    known_hash = account.password_hash if account is not None else None
    verdict = await _verify(units, identity, attempts, known_hash, password)
    if account is None or not verdict.matches:
        raise WrongCredentials
    async with units.begin() as unit:
        fresh = await find_account(unit, account.id)
        if fresh is None or fresh.password_hash != known_hash:
            raise WrongCredentials  # changed while we were hashing
        member = await find_membership(unit, visit.community_id, account.id)
        if member is None or member.suspended_at is not None:
            raise AccountSuspended
        await identity.throttle.forget(unit, of_name)
        await identity.throttle.give_back(unit, of_address)
        if verdict.new_hash is not None:
            fresh.password_hash = verdict.new_hash
            await unit.update(fresh, "password_hash")
        secret = await _start_session(unit, identity, visit, account.id)
        await unit.commit()
    return secret


async def log_out(units: UnitsOfWork, identity: Identity, session_secret: str) -> None:
    """End the session that the secret opens, if there is one."""
    async with units.begin() as unit:
        await identity.sessions.end_secret(unit, session_secret)
        await unit.commit()


async def change_password(
    units: UnitsOfWork, identity: Identity, visit: Visit, account: Account, *, old: str, new: str
) -> str:
    """Set the password; every session of the account ends, and the secret of a new one is returned.

    Raises WrongCredentials when the old password is not right, TooManyAttempts, HashingBusy.
    """
    of_name, of_address = attempts = login_attempts(account.canonical_name, visit.browser.address)
    await identity.throttle.take_at_once(units, attempts, identity.now())
    verdict = await _verify(units, identity, attempts, account.password_hash, old)
    if not verdict.matches:
        raise WrongCredentials
    password_hash = await identity.passwords.hash(new)
    async with units.begin() as unit:
        fresh = await find_account(unit, account.id)
        if fresh is None or fresh.password_hash != account.password_hash:
            raise WrongCredentials  # changed while we were hashing
        await identity.throttle.forget(unit, of_name)
        await identity.throttle.give_back(unit, of_address)
        secret = await _set_password(unit, identity, visit, account.id, password_hash)
        await unit.commit()
    return secret


async def reset_password(units: UnitsOfWork, identity: Identity, visit: Visit, link: str, new: str) -> str:
    """Use up a password link: set the password, end every session, return the secret of a new one.

    Raises LinkSpent, HashingBusy, AccountSuspended.
    """
    await identity.links.find(units.reader, PASSWORD_LINK, link, identity.now())
    password_hash = await identity.passwords.hash(new)
    async with units.begin() as unit:
        used = await identity.links.consume(unit, PASSWORD_LINK, link, identity.now())
        if used.account_id is None:
            raise LinkSpent
        member = await find_membership(unit, visit.community_id, used.account_id)
        if member is None or member.suspended_at is not None:
            raise AccountSuspended
        secret = await _set_password(unit, identity, visit, used.account_id, password_hash)
        await unit.commit()
    return secret


async def edit_profile(
    units: UnitsOfWork, community_id: int, account_id: int, *, first_name: str, last_name: str, about: str
) -> None:
    """Change what other people see about the member. Raises NoSuchMember."""
    async with units.begin() as unit:
        member = await _get_member(unit, community_id, account_id)
        member.first_name, member.last_name, member.about = first_name, last_name, about
        member.searched_name = searched_name(first_name, last_name, member.account_name)
        await unit.update(member, "first_name", "last_name", "about", "searched_name")
        await unit.commit()


async def choose_language(units: UnitsOfWork, community_id: int, account_id: int, language: Language | None) -> None:
    """Set the language that the site speaks to the member; None leaves it to the browser. Raises NoSuchMember."""
    async with units.begin() as unit:
        member = await _get_member(unit, community_id, account_id)
        member.language = language
        await unit.update(member, "language")
        await unit.commit()


async def create_token(units: UnitsOfWork, identity: Identity, account_id: int, name: str) -> str:
    """Return the secret of a new personal token; it cannot be shown again. Raises TooManyTokens."""
    async with units.begin() as unit:
        if len(await identity.tokens.of_account(unit, account_id)) >= MAX_TOKENS:
            raise TooManyTokens(MAX_TOKENS)
        secret = await identity.tokens.create(unit, account_id, name, identity.now())
        await unit.commit()
    return secret


async def revoke_token(units: UnitsOfWork, identity: Identity, account_id: int, token_id: int) -> bool:
    """Delete the account's token; False when it has none such."""
    async with units.begin() as unit:
        revoked = await identity.tokens.revoke(unit, account_id, token_id)
        await unit.commit()
    return revoked


async def end_session(units: UnitsOfWork, identity: Identity, account_id: int, session_id: int) -> bool:
    """End one session of the account; False when it has none such."""
    async with units.begin() as unit:
        ended = await identity.sessions.end(unit, account_id, session_id)
        await unit.commit()
    return ended


async def end_other_sessions(units: UnitsOfWork, identity: Identity, account_id: int, session_id: int) -> int:
    """End every session of the account but this one; return how many."""
    async with units.begin() as unit:
        ended = await identity.sessions.end_all(unit, account_id, but=session_id)
        await unit.commit()
    return ended


async def sweep(units: UnitsOfWork, identity: Identity) -> int:
    """Delete the sessions, links and throttle rows that mean nothing any more; return how many."""
    now = identity.now()
    async with units.begin() as unit:
        swept = await identity.sessions.sweep(unit, now)
        swept += await identity.links.sweep(unit, now)
        swept += await identity.throttle.sweep(unit, now)
        await unit.commit()
    return swept


async def _verify(
    units: UnitsOfWork, identity: Identity, attempts: Sequence[Attempt], stored: str | None, password: str
) -> Verdict:
    """Return whether the password is right; when nothing was checked for want of a thread, nothing is counted."""
    try:
        return await identity.passwords.verify(stored, password)
    except HashingBusy:
        async with units.begin() as unit:
            for attempt in attempts:
                await identity.throttle.give_back(unit, attempt)
            await unit.commit()
        raise


async def _join(
    units: UnitsOfWork, identity: Identity, visit: Visit, new: NewAccount, *, purpose: str, link: str
) -> str:
    """Use up the link ("" for none), make the account, its membership and session; return the session's secret."""
    if await name_is_taken(units.reader, new.name):
        raise NameTaken  # before the expensive part
    password_hash = await identity.passwords.hash(new.password)
    role = Role.ADMINISTRATOR if purpose == ADMINISTRATOR_LINK else Role.MEMBER
    with _refuse_taken_names():
        async with units.begin() as unit:
            if link:
                await identity.links.consume(unit, purpose, link, identity.now())
            account = await _add_member(unit, identity, visit, new, password_hash=password_hash, role=role)
            secret = await _start_session(unit, identity, visit, account.id)
            await unit.commit()
    return secret


async def _add_member(
    unit: Unit, identity: Identity, visit: Visit, new: NewAccount, *, password_hash: str, role: Role
) -> Account:
    now = identity.now()
    account = Account(
        name=new.name.shown,
        canonical_name=new.name.canonical,
        skeleton=new.name.skeleton,
        password_hash=password_hash,
        created_at=now,
    )
    await unit.insert(account)
    await unit.insert(
        Membership(
            community_id=visit.community_id,
            account_id=account.id,
            account_name=new.name.shown,
            first_name=new.first_name,
            last_name=new.last_name,
            searched_name=searched_name(new.first_name, new.last_name, new.name.shown),
            role=role,
            language=new.language,
            joined_at=now,
        )
    )
    return account


async def _start_session(unit: Unit, identity: Identity, visit: Visit, account_id: int) -> str:
    return await identity.sessions.start(unit, account_id, visit.browser, identity.now(), replaces=visit.session_secret)


async def _set_password(unit: Unit, identity: Identity, visit: Visit, account_id: int, password_hash: str) -> str:
    account = await find_account(unit, account_id)
    if account is None:
        raise NoSuchMember
    account.password_hash = password_hash
    await unit.update(account, "password_hash")
    await identity.links.void_account(unit, PASSWORD_LINK, account_id)
    await identity.sessions.end_all(unit, account_id)  # whoever knew the old password is out
    return await _start_session(unit, identity, visit, account_id)


async def _get_member(unit: Unit, community_id: int, account_id: int) -> Membership:
    member = await find_membership(unit, community_id, account_id)
    if member is None:
        raise NoSuchMember
    return member


@contextmanager
def _refuse_taken_names() -> Iterator[None]:
    """Two who register one name at once both see it free; the second one's INSERT meets the UNIQUE."""
    try:
        yield
    except ConstraintViolated as error:
        if error.name in NAME_CONSTRAINTS:
            raise NameTaken from error
        raise
