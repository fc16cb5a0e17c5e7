"""The use cases of accounts, on both engines: races, links, throttle, suspension."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from argon2 import PasswordHasher

from campus.accounts import actions, administration
from campus.accounts.actions import NewAccount, Visit
from campus.accounts.errors import (
    AccountSuspended,
    LastAdministrator,
    NameTaken,
    NoSuchMember,
    RegistrationClosed,
    TooManyTokens,
    WrongCredentials,
)
from campus.accounts.queries import (
    administrator_exists,
    find_account_by_name,
    find_membership,
    list_people,
    newest_revisions,
)
from campus.accounts.services import (
    ADMINISTRATOR_LINK_LIFETIME,
    INVITATION_LINK,
    PASSWORD_LINK_LIFETIME,
    open_identity,
)
from campus.communities import ensure_first_community
from campus.model import DEFAULT_COMMUNITY_ID, METADATA, Membership, Role
from campus.settings import Registration
from fixtures.campus_site import CHEAP, PASSWORD, Clock
from veche.data import UnitsOfWork, create_tables, open_database
from veche.identity import (
    Browser,
    HashingBusy,
    LinkSpent,
    Passwords,
    TooManyAttempts,
    Verdict,
    parse_account_name,
)
from veche.publish import Change

HERE = DEFAULT_COMMUNITY_ID
FIREFOX = Browser("Firefox", "192.0.2.1")
VISIT = Visit(HERE, FIREFOX)


class Two:
    """Two workers on one database, with one clock, and what they published."""

    def __init__(self, url: str) -> None:
        self.clock = Clock()
        self.published: list[Change] = []
        self.databases = [open_database(url), open_database(url)]
        self.units, self.other_units = [UnitsOfWork(one, self.published.extend) for one in self.databases]
        self.identity, self.other_identity = [open_identity(Passwords(CHEAP), self.clock) for _ in range(2)]

    async def register(self, name: str, **link: str) -> int:
        """Register; return the account's id."""
        await actions.register(self.units, self.identity, VISIT, new(name), **link)
        account = await find_account_by_name(self.units.reader, name)
        assert account is not None
        return account.id

    async def member(self, account_id: int) -> Membership:
        member = await find_membership(self.units.reader, HERE, account_id)
        assert member is not None
        return member

    async def opens(self, secret: str) -> bool:
        """Return whether the session's secret opens anything."""
        return await self.identity.sessions.find(self.units.reader, secret, self.clock()) is not None


@asynccontextmanager
async def opened(url: str, registration: Registration = "open") -> AsyncIterator[Two]:
    two = Two(url)
    create_tables(two.databases[0], METADATA)
    await ensure_first_community(two.units, registration)
    try:
        yield two
    finally:
        two.identity.passwords.close()
        two.other_identity.passwords.close()
        for database in two.databases:
            await database.close()


def run(url: str, scenario: Callable[[Two], Awaitable[None]], registration: Registration = "open") -> None:
    async def whole() -> None:
        async with opened(url, registration) as two:
            await scenario(two)

    asyncio.run(whole())


def new(name: str, password: str = PASSWORD) -> NewAccount:
    return NewAccount(name=parse_account_name(name), password=password, first_name="Иван", last_name="Петров")


def secret_of(path: str) -> str:
    return path.rpartition("/")[2]


# --- registering


@pytest.mark.parametrize(("one", "other"), [("иван", "ИВАН"), ("сор", "cop"), ("ivan", "ivan")])
def test_of_two_who_register_one_name_at_once_one_is_refused(database_url: str, one: str, other: str) -> None:
    async def scenario(two: Two) -> None:
        results = await asyncio.gather(
            actions.register(two.units, two.identity, VISIT, new(one)),
            actions.register(two.other_units, two.other_identity, VISIT, new(other)),
            return_exceptions=True,
        )
        assert sorted(type(result).__name__ for result in results) == ["NameTaken", "str"]
        people, _more = await list_people(two.units.reader, HERE)
        assert len(people) == 1, "nothing half-written"
        with pytest.raises(NameTaken):
            await two.register(one)

    run(database_url, scenario)


def test_a_database_has_one_first_community_however_many_make_it(database_url: str) -> None:
    async def scenario(two: Two) -> None:
        again = [ensure_first_community(units, "closed") for units in (two.units, two.other_units)]
        await asyncio.gather(*again)
        await two.register("иван")

    run(database_url, scenario)


def test_registration_by_invitation_needs_one_and_uses_it_up(database_url: str) -> None:
    async def scenario(two: Two) -> None:
        with pytest.raises(RegistrationClosed) as caught:
            await two.register("иван")
        assert caught.value.invitation_needed
        link = secret_of(await administration.create_invitation(two.units, two.identity, HERE, uses=2))
        tried = [two.register(name, invitation=link) for name in ("иван", "мария", "пётр")]
        results = await asyncio.gather(*tried, return_exceptions=True)
        assert sum(isinstance(result, LinkSpent) for result in results) == 1, results
        assert len((await list_people(two.units.reader, HERE))[0]) == 2

    run(database_url, scenario, "invitation")


def test_a_name_that_is_taken_does_not_use_the_invitation_up(sqlite_url: str) -> None:
    async def scenario(two: Two) -> None:
        link = secret_of(await administration.create_invitation(two.units, two.identity, HERE, uses=2))
        await two.register("иван", invitation=link)
        with pytest.raises(NameTaken):
            await two.register("иван", invitation=link)
        await two.register("мария", invitation=link)

    run(sqlite_url, scenario, "invitation")


def test_a_closed_community_takes_nobody_not_even_with_an_invitation(sqlite_url: str) -> None:
    async def scenario(two: Two) -> None:
        link = secret_of(await administration.create_invitation(two.units, two.identity, HERE, uses=1))
        await administration.choose_registration(two.units, HERE, "closed")
        for given in ({}, {"invitation": link}):
            with pytest.raises(RegistrationClosed):
                await two.register("иван", **given)

    run(sqlite_url, scenario, "invitation")


def test_one_address_cannot_register_people_without_end(sqlite_url: str) -> None:
    async def scenario(two: Two) -> None:
        with pytest.raises(TooManyAttempts):
            for number in range(100):
                await two.register(f"robot{number}")
        assert len((await list_people(two.units.reader, HERE))[0]) >= 50

    run(sqlite_url, scenario)


# --- logging in


async def log_in(two: Two, name: str, password: str = PASSWORD, address: str = "192.0.2.1") -> str:
    visit = Visit(HERE, Browser("Firefox", address))
    return await actions.log_in(two.units, two.identity, visit, name, password)


def test_a_wrong_name_and_a_wrong_password_are_refused_alike_after_the_same_work(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    verified: list[str] = []
    verify = PasswordHasher.verify

    def counted(hasher: PasswordHasher, stored: str, password: str) -> bool:
        verified.append(stored.rsplit("$", 2)[0])
        return verify(hasher, stored, password)

    async def scenario(two: Two) -> None:
        await two.register("иван")
        monkeypatch.setattr(PasswordHasher, "verify", counted)
        for name in ("иван", "никто", "и", "иванivan"):
            with pytest.raises(WrongCredentials):
                await log_in(two, name, "wrong horse battery")
        assert len(verified) == 4
        assert len(set(verified)) == 1

    run(sqlite_url, scenario)


def test_a_session_id_that_the_browser_had_before_the_login_opens_nothing_after_it(database_url: str) -> None:
    async def scenario(two: Two) -> None:  # session fixation
        await two.register("иван")
        planted = await log_in(two, "иван")
        visit = Visit(HERE, FIREFOX, session_secret=planted)
        own = await actions.log_in(two.units, two.identity, visit, "ИВАН", PASSWORD)
        assert own != planted
        assert await two.opens(own)
        assert not await two.opens(planted)
        visit = Visit(HERE, FIREFOX, session_secret="chosen-by-the-attacker")
        assert await actions.log_in(two.units, two.identity, visit, "иван", PASSWORD) != "chosen-by-the-attacker"
        assert not await two.opens("chosen-by-the-attacker")

    run(database_url, scenario)


def test_two_workers_count_the_attempts_on_one_name_together(database_url: str) -> None:
    async def scenario(two: Two) -> None:
        await two.register("иван")
        for number in range(10):
            units, identity = [(two.units, two.identity), (two.other_units, two.other_identity)][number % 2]
            visit = Visit(HERE, Browser("", f"192.0.2.{number}"))
            with pytest.raises(WrongCredentials):
                await actions.log_in(units, identity, visit, "ИВАН" if number % 3 else "иван", "wrong horse battery")
        for password in ("wrong horse battery", PASSWORD):  # the right one does not help: it was not looked at
            with pytest.raises(TooManyAttempts) as caught:
                await log_in(two, "иван", password, "198.51.100.1")
        two.clock.advance(timedelta(seconds=caught.value.retry_after_seconds))
        assert await log_in(two, "иван", PASSWORD, "198.51.100.1")
        assert await log_in(two, "иван", PASSWORD, "198.51.100.1"), "a good login frees the name"

    run(database_url, scenario)


def test_many_names_from_one_address_are_counted_together(sqlite_url: str) -> None:
    async def scenario(two: Two) -> None:
        await two.register("иван")
        with pytest.raises(TooManyAttempts):
            for number in range(200):
                with pytest.raises(WrongCredentials):
                    await log_in(two, f"name{number}", "wrong horse battery")
        with pytest.raises(TooManyAttempts):
            await log_in(two, "иван")
        assert await log_in(two, "иван", address="198.51.100.1")

    run(sqlite_url, scenario)


def test_an_attempt_that_was_not_looked_at_does_not_count(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def busy(stored: str | None, text: str) -> Verdict:
        raise HashingBusy(2)

    async def scenario(two: Two) -> None:
        await two.register("иван")
        with monkeypatch.context() as patch:
            patch.setattr(two.identity.passwords, "verify", busy)
            for _ in range(100):
                with pytest.raises(HashingBusy):
                    await log_in(two, "иван")
        assert await log_in(two, "иван")

    run(sqlite_url, scenario)


def test_good_logins_do_not_wear_the_address_out(sqlite_url: str) -> None:
    async def scenario(two: Two) -> None:
        await two.register("иван")
        for _ in range(70):  # a class behind one address
            assert await log_in(two, "иван")

    run(sqlite_url, scenario)


# --- passwords and links


def test_a_new_password_needs_the_old_one_and_ends_every_session(database_url: str) -> None:
    async def scenario(two: Two) -> None:
        await two.register("иван")
        elsewhere = await log_in(two, "иван")
        link = await administration.create_password_link(two.units, two.identity, "иван")
        account = await find_account_by_name(two.units.reader, "иван")
        assert account is not None
        with pytest.raises(WrongCredentials):
            await actions.change_password(
                two.units, two.identity, VISIT, account, old="not it at all", new="новые слова"
            )
        own = await actions.change_password(two.units, two.identity, VISIT, account, old=PASSWORD, new="новые слова")
        assert await two.opens(own)
        assert not await two.opens(elsewhere)
        with pytest.raises(WrongCredentials):
            await log_in(two, "иван")
        assert await log_in(two, "иван", "новые слова")
        with pytest.raises(LinkSpent):  # whoever asked for it may be the one who is to be kept out
            await actions.reset_password(two.units, two.identity, VISIT, secret_of(link), "третьи слова")

    run(database_url, scenario)


def test_a_password_link_works_once_for_a_day_and_the_newest_counts(database_url: str) -> None:
    async def scenario(two: Two) -> None:
        await two.register("иван")
        session = await log_in(two, "иван")
        old = secret_of(await administration.create_password_link(two.units, two.identity, "Иван"))
        link = secret_of(await administration.create_password_link(two.units, two.identity, "иван"))
        with pytest.raises(LinkSpent):
            await actions.reset_password(two.units, two.identity, VISIT, old, "новые слова")
        both = await asyncio.gather(
            actions.reset_password(two.units, two.identity, VISIT, link, "новые слова"),
            actions.reset_password(two.other_units, two.other_identity, VISIT, link, "чужие слова"),
            return_exceptions=True,
        )
        assert sorted(type(one).__name__ for one in both) == ["LinkSpent", "str"]
        assert not await two.opens(session)
        late = secret_of(await administration.create_password_link(two.units, two.identity, "иван"))
        two.clock.advance(PASSWORD_LINK_LIFETIME)
        with pytest.raises(LinkSpent):
            await actions.reset_password(two.units, two.identity, VISIT, late, "новые слова")
        with pytest.raises(NoSuchMember):
            await administration.create_password_link(two.units, two.identity, "никто")

    run(database_url, scenario)


def test_the_administrator_link_makes_one_administrator(database_url: str) -> None:
    async def scenario(two: Two) -> None:
        assert not await administrator_exists(two.units.reader, HERE)
        path = await administration.create_administrator_link(two.units, two.identity)
        link = secret_of(path)
        both = await asyncio.gather(
            actions.claim_administration(two.units, two.identity, VISIT, new("первый"), link),
            actions.claim_administration(two.other_units, two.other_identity, VISIT, new("второй"), link),
            return_exceptions=True,
        )
        assert sorted(type(one).__name__ for one in both) == ["LinkSpent", "str"]
        people, _more = await list_people(two.units.reader, HERE)
        assert [one.role for one in people] == [Role.ADMINISTRATOR]
        assert await administrator_exists(two.units.reader, HERE)

    run(database_url, scenario, "closed")


def test_a_member_can_take_the_administration_by_the_link(sqlite_url: str) -> None:
    async def scenario(two: Two) -> None:
        ivan = await two.register("иван")
        old = await administration.create_administrator_link(two.units, two.identity)
        link = secret_of(await administration.create_administrator_link(two.units, two.identity))
        with pytest.raises(LinkSpent):
            await administration.take_administration(two.units, two.identity, HERE, ivan, secret_of(old))
        await administration.take_administration(two.units, two.identity, HERE, ivan, link)
        assert (await two.member(ivan)).role is Role.ADMINISTRATOR
        late = secret_of(await administration.create_administrator_link(two.units, two.identity))
        two.clock.advance(ADMINISTRATOR_LINK_LIFETIME)
        with pytest.raises(LinkSpent):
            await administration.take_administration(two.units, two.identity, HERE, ivan, late)

    run(sqlite_url, scenario)


# --- people


async def administrator(two: Two, name: str = "админ") -> int:
    account_id = await two.register(name)
    await administration.appoint(two.units, HERE, account_id, Role.ADMINISTRATOR)
    return account_id


def test_a_suspended_member_is_out_at_once_and_stays_out(database_url: str) -> None:
    async def scenario(two: Two) -> None:
        await administrator(two)
        ivan = await two.register("иван")
        session = await log_in(two, "иван")
        link = secret_of(await administration.create_password_link(two.units, two.identity, "иван"))
        two.published.clear()
        await administration.suspend(two.units, two.identity, HERE, ivan)
        assert two.published == [Change(f"account:{ivan}", (await two.member(ivan)).revision)]
        assert not await two.opens(session)
        with pytest.raises(AccountSuspended):
            await log_in(two, "иван")
        with pytest.raises(WrongCredentials):
            await log_in(two, "иван", "wrong horse battery")
        with pytest.raises(LinkSpent):
            await actions.reset_password(two.units, two.identity, VISIT, link, "новые слова")
        again = secret_of(await administration.create_password_link(two.units, two.identity, "иван"))
        with pytest.raises(AccountSuspended):
            await actions.reset_password(two.units, two.identity, VISIT, again, "новые слова")
        await administration.unsuspend(two.units, HERE, ivan)
        assert await log_in(two, "иван")

    run(database_url, scenario)


def test_a_worker_that_missed_the_message_reads_the_new_revision(database_url: str) -> None:
    async def scenario(two: Two) -> None:
        ivan = await two.register("иван")
        topics = frozenset({f"account:{ivan}", "thread:1", "account:1"})
        before = await newest_revisions(two.units.reader, HERE, topics)
        await administration.appoint(two.units, HERE, ivan, Role.MODERATOR)
        after = await newest_revisions(two.other_units.reader, HERE, topics)
        assert after == {f"account:{ivan}": before[f"account:{ivan}"] + 1}
        assert await newest_revisions(two.units.reader, HERE, frozenset({"thread:1"})) == {}

    run(database_url, scenario)


def test_the_last_administrator_stays(database_url: str) -> None:
    async def scenario(two: Two) -> None:
        first, second = await administrator(two), await administrator(two, "второй")
        both = await asyncio.gather(
            administration.suspend(two.units, two.identity, HERE, first),
            administration.appoint(two.other_units, HERE, second, Role.MEMBER),
            return_exceptions=True,
        )
        assert sorted(type(one).__name__ for one in both) == ["LastAdministrator", "NoneType"]
        assert await administrator_exists(two.units.reader, HERE)
        for account_id in (first, second):
            member = await two.member(account_id)
            if member.role is Role.ADMINISTRATOR and member.suspended_at is None:
                with pytest.raises(LastAdministrator):
                    await administration.suspend(two.units, two.identity, HERE, account_id)

    run(database_url, scenario)


def test_nobody_is_appointed_or_suspended_who_is_not_there(sqlite_url: str) -> None:
    async def scenario(two: Two) -> None:
        with pytest.raises(NoSuchMember):
            await administration.appoint(two.units, HERE, 12345, Role.TEACHER)
        with pytest.raises(NoSuchMember):
            await administration.suspend(two.units, two.identity, HERE, 12345)

    run(sqlite_url, scenario)


def test_people_are_listed_in_pages_and_found_by_the_beginning_of_any_name(database_url: str) -> None:
    async def add(two: Two, number: int, first: str, last: str, name: str) -> None:
        person = NewAccount(parse_account_name(name), PASSWORD, first, last)
        visit = Visit(HERE, Browser("", f"192.0.2.{number}"))
        await actions.register(two.units, two.identity, visit, person)

    async def scenario(two: Two) -> None:
        for number in range(60):
            await add(two, number, "Анна", "Каренина", f"anna{number}")
        await add(two, 70, "Борис", "Аннин", "boris")
        reader = two.units.reader
        first, more = await list_people(reader, HERE)
        assert (len(first), more) == (50, True)
        last = first[-1]
        second, more = await list_people(reader, HERE, after=(last.searched_name, last.account_id))
        assert (len(second), more) == (11, False)
        assert len({one.account_id for one in first + second}) == 61
        for query, found in (("АННИ", 1), ("борис а", 1), ("bor", 1), ("анна к", 50), ("%", 0), ("_", 0), ("рис", 0)):
            assert len((await list_people(reader, HERE, query=query))[0]) == found, query

    run(database_url, scenario)


# --- one's own


def test_tokens_are_limited(sqlite_url: str) -> None:
    async def scenario(two: Two) -> None:
        ivan = await two.register("иван")
        for number in range(actions.MAX_TOKENS):
            await actions.create_token(two.units, two.identity, ivan, f"program {number}")
        with pytest.raises(TooManyTokens):
            await actions.create_token(two.units, two.identity, ivan, "one more")

    run(sqlite_url, scenario)


def test_the_sweep_takes_what_is_over(database_url: str) -> None:
    async def scenario(two: Two) -> None:
        await two.register("иван")
        await administration.create_invitation(two.units, two.identity, HERE, uses=1)
        two.clock.advance(two.identity.sessions.times.absolute)
        assert await actions.sweep(two.units, two.identity) == 3  # a session, an invitation, the address's count
        assert await two.identity.links.of_tenant(two.units.reader, INVITATION_LINK, HERE, two.clock()) == []

    run(database_url, scenario)
