"""Passwords: what is refused, that hashing is bounded, and that an unknown name costs the same."""

import asyncio
from collections.abc import Iterator
from threading import Event

import pytest
from argon2 import PasswordHasher

from veche.identity.errors import HashingBusy, PasswordRefused
from veche.identity.passwords import MAX_OCTETS, HashCost, Passwords, Verdict, parse_password

CHEAP = HashCost(passes=1, memory_kibibytes=64)


@pytest.fixture
def passwords() -> Iterator[Passwords]:
    pool = Passwords(CHEAP, concurrency=1, queue_limit=1)
    yield pool
    pool.close()


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "too_short"),
        ("девять999", "too_short"),
        ("x" * (MAX_OCTETS + 1), "too_long"),
        ("ы" * (MAX_OCTETS // 2 + 1), "too_long"),
        ("Ivan.Petrov", "same_as_name"),
        ("aaaaaaaaaaaa", "too_simple"),
        ("1234567890", "too_simple"),
        ("0987654321", "too_simple"),
        ("QWERTYUIOP", "too_simple"),
        ("йцукенгшщз", "too_simple"),
        ("Password123", "too_simple"),
    ],
)
def test_a_password_that_is_a_first_guess_is_refused_with_its_reason(text: str, code: str) -> None:
    with pytest.raises(PasswordRefused) as caught:
        parse_password(text, account_name="ivan.petrov")
    assert caught.value.code == code


@pytest.mark.parametrize("text", ["correct horse", "десять раз отмерь", "дом 12 кв 7", "😀😁😂🤣😃😄😅😆😉😊"])
def test_any_characters_make_a_password(text: str) -> None:
    assert parse_password(text, account_name="ivan") == text


def test_the_same_text_typed_on_another_keyboard_matches(passwords: Passwords) -> None:  # RFC 8265 §4.2
    async def scenario() -> None:
        stored = await passwords.hash(parse_password("и\u0306од и\u00a0мёд 7"))
        assert await passwords.verify(stored, "йод и мёд 7") == Verdict(matches=True)
        assert await passwords.verify(stored, "йод и мёд 8") == Verdict(matches=False)

    asyncio.run(scenario())


def test_a_hash_of_a_lower_cost_is_made_anew_at_login(passwords: Passwords) -> None:
    async def scenario() -> None:
        old = await passwords.hash("correct horse")
        stronger = Passwords(HashCost(passes=2, memory_kibibytes=64))
        verdict = await stronger.verify(old, "correct horse")
        assert verdict.matches
        assert verdict.new_hash is not None
        assert "t=2" in verdict.new_hash
        assert await stronger.verify(verdict.new_hash, "correct horse") == Verdict(matches=True)
        stronger.close()

    asyncio.run(scenario())


def test_an_unknown_name_costs_one_verification_like_a_known_one(
    passwords: Passwords, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    verify = PasswordHasher.verify

    def counted(hasher: PasswordHasher, stored: str, password: str) -> bool:
        calls.append(stored.rsplit("$", 2)[0])
        return verify(hasher, stored, password)

    async def scenario() -> None:
        stored = await passwords.hash("correct horse")
        monkeypatch.setattr(PasswordHasher, "verify", counted)
        for known in (stored, None):
            assert not (await passwords.verify(known, "wrong horse")).matches
        assert not (await passwords.verify(None, "x" * (MAX_OCTETS + 1))).matches

    asyncio.run(scenario())
    assert len(calls) == 3
    assert len(set(calls)) == 1, "the cost parameters must be the same"


def test_a_hash_that_cannot_be_read_matches_nothing(passwords: Passwords) -> None:
    assert asyncio.run(passwords.verify("!", "correct horse")) == Verdict(matches=False)


def test_more_than_the_queue_holds_is_refused_as_busy_and_the_rest_is_served(
    passwords: Passwords, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = Event()
    monkeypatch.setattr(passwords, "_verify", lambda stored, password: release.wait() and Verdict(matches=True))

    async def scenario() -> None:
        waiting = [asyncio.create_task(passwords.verify(None, "one")) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(HashingBusy) as caught:
            await passwords.verify(None, "three")
        assert caught.value.retry_after_seconds >= 1
        waiting[0].cancel()  # its thread is still busy: the place must not be free yet
        with pytest.raises(HashingBusy):
            await passwords.verify(None, "three")
        release.set()
        assert await waiting[1] == Verdict(matches=True)
        assert await passwords.verify(None, "four") == Verdict(matches=True)

    asyncio.run(scenario())
