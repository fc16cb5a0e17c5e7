"""One-time links: a secret in an address that lets whoever has it do one thing.

One job: make, look at and use them up. Must not know: addresses, what the purposes mean.

Looking is not using: mail scanners and previews fetch every link they see, so only the form behind it consumes.
"""

from datetime import datetime, timedelta

from sqlalchemy import bindparam, delete, or_, select, update

from veche.data import Reader, Statement, Unit
from veche.identity.errors import LinkSpent
from veche.identity.models import OneTimeLinkModel
from veche.identity.secrets import digest_of, new_secret


class OneTimeLinks:
    """The links of one table; writing methods run inside the caller's unit of work."""

    def __init__(self, model: type[OneTimeLinkModel]) -> None:
        self._model = model
        same_purpose = model.purpose == bindparam("purpose")
        named = (model.digest == bindparam("digest"), same_purpose)
        usable = (model.uses_left > 0, model.expires_at > bindparam("now"))
        same_tenant = model.tenant_id == bindparam("tenant_id")
        self._find = Statement(select(model).where(*named, *usable), model)
        self._consume = Statement(update(model).where(*named, *usable).values(uses_left=model.uses_left - 1))
        self._consumed = Statement(select(model).where(*named), model)
        self._list = Statement(
            select(model).where(same_purpose, same_tenant, *usable).order_by(model.created_at, model.id).limit(100),
            model,
        )
        self._void_purpose = Statement(delete(model).where(same_purpose, same_tenant))
        self._void_account = Statement(delete(model).where(same_purpose, model.account_id == bindparam("account_id")))
        self._void_one = Statement(delete(model).where(same_purpose, same_tenant, model.id == bindparam("link_id")))
        self._sweep = Statement(delete(model).where(or_(model.uses_left <= 0, model.expires_at <= bindparam("now"))))

    async def create(
        self,
        unit: Unit,
        purpose: str,
        lifetime: timedelta,
        now: datetime,
        *,
        account_id: int | None = None,
        tenant_id: int | None = None,
        uses: int = 1,
    ) -> str:
        """Return the secret of a new link; the table keeps its digest, so it cannot be shown again."""
        secret = new_secret()
        await unit.insert(
            self._model(
                digest=digest_of(secret),
                purpose=purpose,
                account_id=account_id,
                tenant_id=tenant_id,
                created_at=now,
                expires_at=now + lifetime,
                uses_left=uses,
            )
        )
        return secret

    async def find(self, reader: Reader, purpose: str, secret: str, now: datetime) -> OneTimeLinkModel:
        """Return the usable link without using it. Raises LinkSpent."""
        link = await reader.first(self._find, purpose=purpose, digest=digest_of(secret), now=now)
        if link is None:
            raise LinkSpent
        return link

    async def consume(self, unit: Unit, purpose: str, secret: str, now: datetime) -> OneTimeLinkModel:
        """Use the link once and return it. Raises LinkSpent.

        The condition stands in the UPDATE itself: of two who come at once, one gets it and the other LinkSpent.
        """
        digest = digest_of(secret)
        if not await unit.run(self._consume, purpose=purpose, digest=digest, now=now):
            raise LinkSpent
        link = await unit.first(self._consumed, purpose=purpose, digest=digest)
        if link is None:
            raise LinkSpent
        return link

    async def of_tenant(self, reader: Reader, purpose: str, tenant_id: int, now: datetime) -> list[OneTimeLinkModel]:
        """Return the tenant's usable links of this purpose, the oldest first; at most 100."""
        return await reader.all(self._list, purpose=purpose, tenant_id=tenant_id, now=now)

    async def void(self, unit: Unit, purpose: str, tenant_id: int, link_id: int) -> bool:
        """Delete one link; False when the tenant has no such link."""
        return await unit.run(self._void_one, purpose=purpose, tenant_id=tenant_id, link_id=link_id) > 0

    async def void_purpose(self, unit: Unit, purpose: str, tenant_id: int) -> None:
        """Delete all of the tenant's links of this purpose."""
        await unit.run(self._void_purpose, purpose=purpose, tenant_id=tenant_id)

    async def void_account(self, unit: Unit, purpose: str, account_id: int) -> None:
        """Delete all of the account's links of this purpose."""
        await unit.run(self._void_account, purpose=purpose, account_id=account_id)

    async def sweep(self, unit: Unit, now: datetime) -> int:
        """Delete the links that open nothing any more; return how many."""
        return await unit.run(self._sweep, now=now)
