"""Passwords: which ones are good enough, and hashing them without hurting anyone else.

One job: password text in, argon2id hash out, or "it matches". Hashing is slow by design, so it runs in few threads
with a short queue: a flood of logins is answered "busy" and cannot take the processor from the rest of the site.
Must not know: accounts, the database, how often somebody tried (throttle.py).
"""

import asyncio
import os
import unicodedata
from base64 import b64encode
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock
from typing import Final, TypeVar

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from veche.identity.errors import HashingBusy, PasswordRefused

MIN_CHARACTERS: Final = 10
MAX_OCTETS: Final = 1024
MIN_DIFFERENT_CHARACTERS: Final = 4
RETRY_AFTER_SECONDS: Final = 2

# Walks along a keyboard or an alphabet, in both directions; a password that is a piece of one is the first guess.
WALKS: Final = tuple(
    walk * 3
    for forward in ("1234567890", "0123456789", "qwertyuiop", "qwertyuiopasdfghjklzxcvbnm", "йцукенгшщзхъ",
                    "1qaz2wsx3edc4rfv5tgb6yhn7ujm", "1q2w3e4r5t6y7u8i9o0p",
                    "abcdefghijklmnopqrstuvwxyz", "абвгдеёжзийклмнопрстуфхцчшщъыьэюя")
    for walk in (forward, forward[::-1])
)  # fmt: skip
FIRST_GUESSES: Final = frozenset({
    "password12", "password123", "password1234", "passw0rd123", "passwordpassword", "mypassword",
    "changemeplease", "changeme123", "letmeinplease", "iloveyou123", "administrator", "admin12345", "admin123456",
    "welcome123", "welcome1234", "qwerty12345", "qwerty123456", "пароль1234", "парольпароль", "мойпароль1",
    "ятебялюблю", "администратор", "привет1234", "йцукен12345",
})  # fmt: skip

T = TypeVar("T")


@dataclass(frozen=True)
class HashCost:
    """What one hash costs; the default is OWASP's smallest, some 30 ms and 19 MiB, times `concurrency` at most."""

    passes: int = 2
    memory_kibibytes: int = 19456
    lanes: int = 1


@dataclass(frozen=True)
class Verdict:
    """Whether the password matched, and the hash to store instead of the old one when the cost has been raised."""

    matches: bool
    new_hash: str | None = None


def parse_password(text: str, *, account_name: str = "") -> str:
    """Return the password as it is hashed: RFC 8265's OpaqueString, which is NFC with every space made U+0020.

    Raises PasswordRefused: too_short{min}, too_long{max}, same_as_name, or too_simple (a keyboard walk, a few
    characters repeated, one of the first guesses).
    """
    password = prepare_password(text)
    if len(password) < MIN_CHARACTERS:
        raise PasswordRefused("too_short", min=MIN_CHARACTERS)
    if len(password.encode()) > MAX_OCTETS:
        raise PasswordRefused("too_long", max=MAX_OCTETS)
    folded = password.casefold()
    if account_name and folded == unicodedata.normalize("NFC", account_name.strip()).casefold():
        raise PasswordRefused("same_as_name")
    if len(set(folded)) < MIN_DIFFERENT_CHARACTERS or folded in FIRST_GUESSES or any(folded in walk for walk in WALKS):
        raise PasswordRefused("too_simple")
    return password


def prepare_password(text: str) -> str:
    """Return the octets' text that is hashed and compared; the same person on another keyboard types the same."""
    spaced = "".join(" " if unicodedata.category(character) == "Zs" else character for character in text)
    return unicodedata.normalize("NFC", spaced.encode("utf-8", "replace").decode())


class Passwords:
    """Hashes and verifies in `concurrency` threads; more than `queue_limit` waiting are refused with HashingBusy."""

    def __init__(self, cost: HashCost | None = None, *, concurrency: int = 2, queue_limit: int = 32) -> None:
        cost = cost or HashCost()
        self._hasher = PasswordHasher(cost.passes, cost.memory_kibibytes, cost.lanes, type=Type.ID)
        self._concurrency = concurrency
        self._limit = concurrency + queue_limit
        self._pool: ThreadPoolExecutor | None = None  # made at first use: a server forks after the application is made
        self._lock = Lock()
        self._under_way = 0
        self._no_such_account = _hash_of_nothing(self._hasher)

    async def hash(self, password: str) -> str:
        """Return the argon2id hash of a password that parse_password returned. Raises HashingBusy."""
        return await self._run(lambda: self._hasher.hash(password))

    async def verify(self, stored: str | None, text: str) -> Verdict:
        """Return whether the text is the password behind the stored hash.

        stored: None when there is no such account or it has no password. The same work is done then, so that the time
        of the answer does not tell which names exist. Raises HashingBusy.
        """
        if len(text) > MAX_OCTETS:
            text = ""  # such a password cannot have been set; the work stays the same
        return await self._run(lambda: self._verify(stored, prepare_password(text)))

    def close(self) -> None:
        """End the threads; hashes under way are finished."""
        if self._pool is not None:
            self._pool.shutdown()

    def _verify(self, stored: str | None, password: str) -> Verdict:
        try:
            self._hasher.verify(stored if stored is not None else self._no_such_account, password)
        except (VerificationError, InvalidHashError):
            return Verdict(matches=False)
        if stored is None:
            return Verdict(matches=False)
        rehash = self._hasher.check_needs_rehash(stored)
        return Verdict(matches=True, new_hash=self._hasher.hash(password) if rehash else None)

    async def _run(self, work: Callable[[], T]) -> T:
        with self._lock:
            if self._under_way >= self._limit:
                raise HashingBusy(RETRY_AFTER_SECONDS)
            self._under_way += 1
            if self._pool is None:
                self._pool = ThreadPoolExecutor(self._concurrency, thread_name_prefix="argon2")
        future = self._pool.submit(work)
        future.add_done_callback(self._done)  # not a finally: a cancelled request's hash still holds its thread
        return await asyncio.wrap_future(future)

    def _done(self, _future: Future[T]) -> None:
        with self._lock:
            self._under_way -= 1


def _hash_of_nothing(hasher: PasswordHasher) -> str:
    """Return a well-formed hash that no password has: verifying against it costs what a real one costs."""

    def base64(octets: int) -> str:
        return b64encode(os.urandom(octets)).decode().rstrip("=")

    cost = f"m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
    return f"$argon2id$v=19${cost}${base64(hasher.salt_len)}${base64(hasher.hash_len)}"
