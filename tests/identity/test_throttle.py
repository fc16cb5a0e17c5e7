"""The login throttle: one count for all workers, a sliding window, and the time to come back."""

import asyncio
from datetime import datetime, timedelta

import pytest

from identity.tables import MINUTE, NOON, Attempts
from identity.workers import Workers
from veche.data import UnitsOfWork
from veche.identity import Attempt, Limit, Throttle, TooManyAttempts, network_of

LIMIT = Limit("login name", attempts=5, window=timedelta(minutes=10))
WIDE = Limit("login address", attempts=100, window=timedelta(minutes=10))
IVAN = Attempt(LIMIT, "ivan")


async def passes(units: UnitsOfWork, now: datetime, *attempts: Attempt) -> bool:
    """Return whether one more attempt is let through; it counts."""
    try:
        await Throttle(Attempts).take_at_once(units, attempts or (IVAN,), now)
    except TooManyAttempts:
        return False
    return True


def test_two_workers_share_one_count(workers: Workers) -> None:
    async def scenario() -> None:
        turns = [workers.first, workers.second] * 4
        assert [await passes(units, NOON) for units in turns] == [True] * 5 + [False] * 3

    workers.run(scenario)


def test_attempts_at_once_cannot_share_the_last_one(workers: Workers) -> None:
    async def scenario() -> None:
        tried = [passes(units, NOON) for units in [workers.first, workers.second] * 10]
        assert sum(await asyncio.gather(*tried)) == 5

    workers.run(scenario)


def test_the_window_slides_one_attempt_at_a_time_and_says_when(workers: Workers) -> None:
    async def scenario() -> None:
        for _ in range(5):
            assert await passes(workers.first, NOON)
        with pytest.raises(TooManyAttempts) as caught:
            await Throttle(Attempts).take_at_once(workers.second, [IVAN], NOON)
        wait = timedelta(seconds=caught.value.retry_after_seconds)
        assert wait == 2 * MINUTE  # the window of ten minutes over five attempts
        assert not await passes(workers.first, NOON + wait - timedelta(seconds=1))
        assert await passes(workers.first, NOON + wait)
        assert not await passes(workers.first, NOON + wait)
        assert [await passes(workers.first, NOON + 30 * MINUTE) for _ in range(6)] == [True] * 5 + [False]

    workers.run(scenario)


def test_a_refused_attempt_counts_against_no_other_limit(workers: Workers) -> None:
    async def scenario() -> None:
        address = Attempt(Limit("login address", attempts=6, window=timedelta(minutes=10)), "192.0.2.1")
        results = [await passes(workers.first, NOON, IVAN, address) for _ in range(9)]
        assert results == [True] * 5 + [False] * 4
        assert await passes(workers.first, NOON, Attempt(LIMIT, "masha"), address), "the sixth of the address"
        assert not await passes(workers.first, NOON, Attempt(LIMIT, "petya"), address)

    workers.run(scenario)


def test_a_good_login_frees_the_name_and_gives_the_address_one_attempt_back(workers: Workers) -> None:
    async def scenario() -> None:
        throttle = Throttle(Attempts)
        for _ in range(5):
            assert await passes(workers.first, NOON)
        async with workers.second.begin() as unit:
            await throttle.forget(unit, IVAN)
            await unit.commit()
        assert [await passes(workers.first, NOON) for _ in range(6)] == [True] * 5 + [False]
        async with workers.second.begin() as unit:
            await throttle.give_back(unit, IVAN)
            await unit.commit()
        assert [await passes(workers.first, NOON) for _ in range(2)] == [True, False]

    workers.run(scenario)


def test_limits_and_subjects_are_counted_apart(workers: Workers) -> None:
    async def scenario() -> None:
        while await passes(workers.first, NOON):
            pass
        assert await passes(workers.first, NOON, Attempt(LIMIT, "masha"))
        assert await passes(workers.first, NOON, Attempt(WIDE, "ivan"))

    workers.run(scenario)


def test_the_sweep_deletes_only_what_holds_nobody_back(workers: Workers) -> None:
    async def scenario() -> None:
        assert await passes(workers.first, NOON)
        assert await passes(workers.first, NOON + MINUTE, Attempt(LIMIT, "masha"))
        async with workers.first.begin() as unit:
            assert await Throttle(Attempts).sweep(unit, NOON + 2 * MINUTE) == 1
            await unit.commit()

    workers.run(scenario)


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:aaaa:bbbb:cccc:dddd", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("unix", "unix"),
        ("", ""),
    ],
)
def test_an_ipv6_network_counts_as_one_address(address: str, network: str) -> None:
    assert network_of(address) == network


def test_what_was_typed_does_not_stand_in_the_table() -> None:
    assert "hunter2" not in Attempt(LIMIT, "hunter2").key
    assert Attempt(LIMIT, "\ud800").key != Attempt(LIMIT, "a").key
