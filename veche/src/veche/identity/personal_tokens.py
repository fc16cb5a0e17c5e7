"""Personal tokens: secrets with which programs act for an account.

One job: make, find, list and revoke them. Must not know: requests, what an account may do.
"""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import bindparam, delete, or_, select, update

from veche.data import Reader, Statement, Unit
from veche.identity.models import PersonalTokenModel
from veche.identity.secrets import SECRET_CHARACTERS, digest_of, new_secret

PREFIX: Final = "veche_"  # scanners of published code find a leaked token by it
EXACTNESS: Final = timedelta(minutes=10)


class PersonalTokens:
    """The tokens of one table; writing methods run inside the caller's unit of work."""

    def __init__(self, model: type[PersonalTokenModel]) -> None:
        self._model = model
        theirs = model.account_id == bindparam("account_id")
        self._find = Statement(select(model).where(model.digest == bindparam("digest")), model)
        self._list = Statement(select(model).where(theirs).order_by(model.created_at, model.id).limit(100), model)
        self._revoke = Statement(delete(model).where(model.id == bindparam("token_id"), theirs))
        self._touch = Statement(
            update(model)
            .where(
                model.id == bindparam("token_id"),
                or_(model.last_used_at.is_(None), model.last_used_at <= bindparam("used_before")),
            )
            .values(last_used_at=bindparam("now"))
        )

    async def create(self, unit: Unit, account_id: int, name: str, now: datetime) -> str:
        """Return the secret of a new token; it cannot be shown again."""
        secret = PREFIX + new_secret()
        await unit.insert(self._model(account_id=account_id, digest=digest_of(secret), name=name, created_at=now))
        return secret

    async def find(self, reader: Reader, secret: str) -> PersonalTokenModel | None:
        """Return the token that the secret opens."""
        if not secret.startswith(PREFIX) or len(secret) != len(PREFIX) + SECRET_CHARACTERS:
            return None
        return await reader.first(self._find, digest=digest_of(secret))

    def is_stale(self, token: PersonalTokenModel, now: datetime) -> bool:
        """Return whether `last_used_at` is so old that touch() is worth a write."""
        return token.last_used_at is None or token.last_used_at <= now - EXACTNESS

    async def touch(self, unit: Unit, token: PersonalTokenModel, now: datetime) -> None:
        """Note that the token is in use; of several requests at once only the first one writes."""
        await unit.run(self._touch, token_id=token.id, now=now, used_before=now - EXACTNESS)

    async def of_account(self, reader: Reader, account_id: int) -> list[PersonalTokenModel]:
        """Return the account's tokens, the oldest first; at most 100."""
        return await reader.all(self._list, account_id=account_id)

    async def revoke(self, unit: Unit, account_id: int, token_id: int) -> bool:
        """Delete one token of the account; False when the account has no such token."""
        return await unit.run(self._revoke, account_id=account_id, token_id=token_id) > 0
