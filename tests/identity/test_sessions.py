"""Sessions, personal tokens and one-time links: opaque, hashed, expiring, revocable, used once."""

import asyncio
from datetime import datetime

import pytest
import sqlalchemy as sa

from identity.tables import DAY, METADATA, MINUTE, NOON, Account, Link, Session, Token, account
from identity.workers import Workers
from veche.data import Statement, UnitsOfWork
from veche.identity import Browser, LinkSpent, OneTimeLinks, PersonalTokens, Sessions, session_cookie_name
from veche.identity.secrets import digest_of, new_secret

FIREFOX = Browser("Mozilla/5.0 (X11) Firefox/140", "192.0.2.1")
SESSIONS = Sessions(Session)
TOKENS = PersonalTokens(Token)
LINKS = OneTimeLinks(Link)


async def add_account(units: UnitsOfWork, name: str = "ivan") -> Account:
    new = account(name)
    async with units.begin() as unit:
        await unit.insert(new)
        await unit.commit()
    return new


async def start(units: UnitsOfWork, owner: Account, now: datetime = NOON, replaces: str = "") -> str:
    async with units.begin() as unit:
        secret = await SESSIONS.start(unit, owner.id, FIREFOX, now, replaces=replaces)
        await unit.commit()
    return secret


def test_a_secret_is_256_random_bits_and_only_its_digest_stands_in_the_table(workers: Workers) -> None:
    async def scenario() -> None:
        secret = await start(workers.first, await add_account(workers.first))
        assert len(secret) == len(new_secret()) == 43
        rows = await workers.first.reader.all(Statement(sa.select(Session.__table__)))
        assert digest_of(secret) in rows[0]
        assert secret not in str(rows)

    workers.run(scenario)


def test_another_worker_finds_the_session_and_what_its_owner_recognises_it_by(workers: Workers) -> None:
    async def scenario() -> None:
        ivan = await add_account(workers.first)
        secret = await start(workers.first, ivan)
        session = await SESSIONS.find(workers.second.reader, secret, NOON)
        assert session is not None
        assert (session.account_id, session.user_agent, session.address) == (ivan.id, *vars(FIREFOX).values())
        assert await SESSIONS.find(workers.second.reader, new_secret(), NOON) is None
        assert await SESSIONS.find(workers.second.reader, session.digest, NOON) is None, "the digest is no key"

    workers.run(scenario)


def test_a_session_ends_when_idle_and_when_old(workers: Workers) -> None:
    async def scenario() -> None:
        secret = await start(workers.first, await add_account(workers.first))
        times = SESSIONS.times
        reader = workers.first.reader
        assert await SESSIONS.find(reader, secret, NOON + times.idle - MINUTE)
        assert await SESSIONS.find(reader, secret, NOON + times.idle) is None
        now = NOON
        while now < NOON + times.absolute:  # used every day, it still ends one day
            session = await SESSIONS.find(reader, secret, now)
            assert session is not None
            async with workers.first.begin() as unit:
                await SESSIONS.touch(unit, session, now)
                await unit.commit()
            now += times.idle - DAY
        assert await SESSIONS.find(reader, secret, NOON + times.absolute) is None

    workers.run(scenario)


def test_the_last_use_is_noted_coarsely_and_by_one_request_only(workers: Workers) -> None:
    async def scenario() -> None:
        secret = await start(workers.first, await add_account(workers.first))
        session = await SESSIONS.find(workers.first.reader, secret, NOON)
        assert session is not None
        assert not SESSIONS.is_stale(session, NOON + 9 * MINUTE)
        assert SESSIONS.is_stale(session, NOON + 10 * MINUTE)
        for later in (10, 11):  # the second request still holds the old row
            async with workers.first.begin() as unit:
                await SESSIONS.touch(unit, session, NOON + later * MINUTE)
                await unit.commit()
        fresh = await SESSIONS.find(workers.first.reader, secret, NOON)
        assert fresh is not None
        assert fresh.last_seen_at == NOON + 10 * MINUTE

    workers.run(scenario)


def test_a_new_login_ends_the_browsers_old_session(workers: Workers) -> None:
    async def scenario() -> None:
        ivan = await add_account(workers.first)
        old = await start(workers.first, ivan)
        new = await start(workers.first, ivan, replaces=old)
        assert new != old
        assert await SESSIONS.find(workers.first.reader, old, NOON) is None
        assert await SESSIONS.find(workers.first.reader, new, NOON)

    workers.run(scenario)


def test_sessions_are_listed_and_ended_by_their_owner_only(workers: Workers) -> None:
    async def scenario() -> None:
        ivan, masha = await add_account(workers.first), await add_account(workers.first, "masha")
        secrets = [await start(workers.first, ivan, NOON + n * MINUTE) for n in range(3)]
        await start(workers.first, masha)
        now = NOON + 5 * MINUTE
        mine = await SESSIONS.of_account(workers.first.reader, ivan.id, now)
        assert [one.digest for one in mine] == [digest_of(secret) for secret in reversed(secrets)]
        async with workers.first.begin() as unit:
            assert not await SESSIONS.end(unit, masha.id, mine[0].id)
            assert await SESSIONS.end(unit, ivan.id, mine[0].id)
            assert await SESSIONS.end_all(unit, ivan.id, but=mine[1].id) == 1
            await unit.commit()
        assert [one.id for one in await SESSIONS.of_account(workers.first.reader, ivan.id, now)] == [mine[1].id]
        assert len(await SESSIONS.of_account(workers.first.reader, masha.id, now)) == 1

    workers.run(scenario)


def test_what_a_browser_says_of_itself_is_cut_and_cleaned(workers: Workers) -> None:
    async def scenario() -> None:
        ivan = await add_account(workers.first)
        async with workers.first.begin() as unit:
            secret = await SESSIONS.start(unit, ivan.id, Browser("x\x00\n" + "я" * 999, "a" * 99), NOON)
            await unit.commit()
        session = await SESSIONS.find(workers.first.reader, secret, NOON)
        assert session is not None
        assert session.user_agent == "x" + "я" * 199
        assert len(session.address) == 60

    workers.run(scenario)


def test_over_https_the_cookie_name_binds_it_to_the_host() -> None:  # RFC 6265bis §4.1.3.2
    assert session_cookie_name(secure=True) == "__Host-session"
    assert session_cookie_name(secure=False) == "session"


def test_a_token_opens_until_it_is_revoked_by_its_owner(workers: Workers) -> None:
    async def scenario() -> None:
        ivan, masha = await add_account(workers.first), await add_account(workers.first, "masha")
        async with workers.first.begin() as unit:
            secret = await TOKENS.create(unit, ivan.id, "backup", NOON)
            await unit.commit()
        token = await TOKENS.find(workers.second.reader, secret)
        assert token is not None
        assert secret not in str(token)
        assert TOKENS.is_stale(token, NOON)
        async with workers.first.begin() as unit:
            await TOKENS.touch(unit, token, NOON)
            assert not await TOKENS.revoke(unit, masha.id, token.id)
            await unit.commit()
        token = await TOKENS.find(workers.second.reader, secret)
        assert token is not None
        assert token.last_used_at == NOON
        assert not TOKENS.is_stale(token, NOON + MINUTE)
        async with workers.first.begin() as unit:
            assert await TOKENS.revoke(unit, ivan.id, token.id)
            await unit.commit()
        assert await TOKENS.find(workers.second.reader, secret) is None
        assert await TOKENS.find(workers.second.reader, "veche_short") is None
        assert await TOKENS.of_account(workers.second.reader, ivan.id) == []

    workers.run(scenario)


def test_a_link_used_twice_at_once_opens_once(workers: Workers) -> None:
    async def use(units: UnitsOfWork, secret: str) -> bool:
        async with units.begin() as unit:
            try:
                await LINKS.consume(unit, "invitation", secret, NOON)
            except LinkSpent:
                return False
            await unit.commit()
            return True

    async def scenario() -> None:
        async with workers.first.begin() as unit:
            once = await LINKS.create(unit, "invitation", DAY, NOON)
            thrice = await LINKS.create(unit, "invitation", DAY, NOON, uses=3)
            await unit.commit()
        both = [workers.first, workers.second] * 4
        assert sum(await asyncio.gather(*(use(units, once) for units in both))) == 1
        assert sum(await asyncio.gather(*(use(units, thrice) for units in both))) == 3

    workers.run(scenario)


def test_looking_at_a_link_does_not_use_it(workers: Workers) -> None:
    async def scenario() -> None:
        async with workers.first.begin() as unit:
            secret = await LINKS.create(unit, "password", DAY, NOON, account_id=None, tenant_id=1)
            await unit.commit()
        for _ in range(3):
            link = await LINKS.find(workers.second.reader, "password", secret, NOON)
        assert link.uses_left == 1
        assert secret not in str(link)

    workers.run(scenario)


def test_a_link_that_is_late_or_for_something_else_opens_nothing(workers: Workers) -> None:
    async def scenario() -> None:
        async with workers.first.begin() as unit:
            secret = await LINKS.create(unit, "password", DAY, NOON)
            await unit.commit()
        reader = workers.first.reader
        for purpose, given, now in (
            ("password", secret, NOON + DAY),
            ("administrator", secret, NOON),
            ("password", new_secret(), NOON),
            ("password", "", NOON),
        ):
            with pytest.raises(LinkSpent):
                await LINKS.find(reader, purpose, given, now)
            with pytest.raises(LinkSpent):
                async with workers.first.begin() as unit:
                    await LINKS.consume(unit, purpose, given, now)
        assert await LINKS.find(reader, "password", secret, NOON + DAY - MINUTE)

    workers.run(scenario)


def test_a_unit_that_fails_leaves_the_link_usable(workers: Workers) -> None:
    async def scenario() -> None:
        async with workers.first.begin() as unit:
            secret = await LINKS.create(unit, "invitation", DAY, NOON)
            await unit.commit()
        async with workers.first.begin() as unit:
            await LINKS.consume(unit, "invitation", secret, NOON)
        assert await LINKS.find(workers.first.reader, "invitation", secret, NOON)

    workers.run(scenario)


def test_links_are_listed_and_voided_by_tenant_and_account(workers: Workers) -> None:
    async def scenario() -> None:
        ivan = await add_account(workers.first)
        async with workers.first.begin() as unit:
            await LINKS.create(unit, "invitation", DAY, NOON, tenant_id=1)
            await LINKS.create(unit, "invitation", DAY, NOON + MINUTE, tenant_id=1)
            await LINKS.create(unit, "invitation", DAY, NOON, tenant_id=2)
            password = await LINKS.create(unit, "password", DAY, NOON, account_id=ivan.id)
            await unit.commit()
        first, second = await LINKS.of_tenant(workers.first.reader, "invitation", 1, NOON)
        async with workers.first.begin() as unit:
            assert not await LINKS.void(unit, "invitation", 2, first.id)
            assert await LINKS.void(unit, "invitation", 1, first.id)
            await LINKS.void_account(unit, "password", ivan.id)
            await unit.commit()
        assert await LINKS.of_tenant(workers.first.reader, "invitation", 1, NOON) == [second]
        with pytest.raises(LinkSpent):
            await LINKS.find(workers.first.reader, "password", password, NOON)
        async with workers.first.begin() as unit:
            await LINKS.void_purpose(unit, "invitation", 1)
            await unit.commit()
        assert await LINKS.of_tenant(workers.first.reader, "invitation", 1, NOON) == []
        assert len(await LINKS.of_tenant(workers.first.reader, "invitation", 2, NOON)) == 1

    workers.run(scenario)


def test_the_sweep_deletes_what_opens_nothing_any_more(workers: Workers) -> None:
    async def scenario() -> None:
        ivan = await add_account(workers.first)
        await start(workers.first, ivan)
        kept = await start(workers.first, ivan, NOON + DAY)
        async with workers.first.begin() as unit:
            await LINKS.create(unit, "invitation", DAY, NOON)
            await unit.commit()
        async with workers.first.begin() as unit:
            assert await SESSIONS.sweep(unit, NOON + SESSIONS.times.idle) == 1
            assert await LINKS.sweep(unit, NOON + DAY) == 1
            await unit.commit()
        assert await SESSIONS.find(workers.first.reader, kept, NOON + DAY)

    workers.run(scenario)


def test_deleting_an_account_deletes_what_opens_it(workers: Workers) -> None:
    async def scenario() -> None:
        ivan = await add_account(workers.first)
        await start(workers.first, ivan)
        async with workers.first.begin() as unit:
            await TOKENS.create(unit, ivan.id, "backup", NOON)
            await LINKS.create(unit, "password", DAY, NOON, account_id=ivan.id)
            await unit.delete(ivan)
            await unit.commit()
        for name in ("session", "token", "link"):
            count = Statement(sa.select(sa.func.count()).select_from(METADATA.tables[name]))
            assert await workers.first.reader.value(count) == 0

    workers.run(scenario)
