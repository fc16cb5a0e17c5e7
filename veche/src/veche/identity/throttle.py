"""How often somebody may try, counted in the database so that every worker sees the same number.

One job: let an attempt through, or say when to try again.
Must not know: what is attempted; a caller names its own keys.

A sliding window kept as one number (GCRA, ITU-T I.371): each attempt moves the moment at which the whole limit is free
again by window / attempts; an attempt that would move it further than one window ahead is refused. The row is changed
by one UPDATE with the condition inside, so two workers cannot both take the last attempt.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address
from typing import Final

from sqlalchemy import BigInteger, bindparam, case, delete, select, update

from veche.data import ConstraintViolated, Statement, TransactionConflict, Unit, UnitsOfWork
from veche.identity.errors import TooManyAttempts
from veche.identity.models import ThrottleModel

IPV6_PREFIX_BITS: Final = 64  # one household or one attacker has this many addresses for nothing


@dataclass(frozen=True)
class Limit:
    """At most `attempts` at once, and as many again spread over every further `window`."""

    name: str
    attempts: int
    window: timedelta

    @property
    def step(self) -> int:
        """Milliseconds that one attempt uses up."""
        return round(self.window.total_seconds() * 1000 / self.attempts)

    @property
    def reach(self) -> int:
        """Milliseconds that `free_at` may lie ahead for one more attempt to be let through."""
        return self.step * (self.attempts - 1)


@dataclass(frozen=True)
class Attempt:
    """What is counted: a limit, and whose it is, such as a canonical account name."""

    limit: Limit
    subject: str

    @property
    def key(self) -> str:
        """The row's key; hashed, because what people type as a name is now and then their password."""
        return hashlib.sha256(f"{self.limit.name}\0{self.subject}".encode("utf-8", "replace")).hexdigest()


def network_of(address: str) -> str:
    """Return the address as it is counted: IPv4 whole, of IPv6 the network of 64 bits; anything else as it is."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return f"{IPv6Address(int(parsed) >> IPV6_PREFIX_BITS << IPV6_PREFIX_BITS)}/{IPV6_PREFIX_BITS}"
    return str(parsed)


class Throttle:
    """The throttle over one table; every method runs inside the caller's unit of work."""

    def __init__(self, model: type[ThrottleModel]) -> None:
        self._model = model
        now = bindparam("now", type_=BigInteger)
        step, reach = bindparam("step", type_=BigInteger), bindparam("reach", type_=BigInteger)
        free_at = case((model.free_at > now, model.free_at), else_=now)
        mine = update(model).where(model.key == bindparam("key"))
        self._take = Statement(mine.where(model.free_at <= now + reach).values(free_at=free_at + step))
        self._give_back = Statement(mine.values(free_at=model.free_at - step))
        self._forget = Statement(delete(model).where(model.key == bindparam("key")))
        self._sweep = Statement(delete(model).where(model.free_at <= now))
        self._find = Statement(select(model).where(model.key == bindparam("key")), model)

    async def take(self, unit: Unit, attempts: Sequence[Attempt], now: datetime) -> None:
        """Count one attempt against each limit. Raises TooManyAttempts; leave the unit without commit then."""
        moment = round(now.timestamp() * 1000)
        # In the order of the keys: two units that lock the same rows in different orders would wait for each other.
        for attempt in sorted(attempts, key=lambda one: one.key):
            limit = attempt.limit
            while not await unit.run(self._take, key=attempt.key, now=moment, step=limit.step, reach=limit.reach):
                row = await unit.first(self._find, key=attempt.key)
                if row is None:
                    await unit.insert(self._model(key=attempt.key, free_at=moment + limit.step))
                    break
                if row.free_at > moment + limit.reach:
                    raise TooManyAttempts(max(1, -(-(row.free_at - limit.reach - moment) // 1000)))
                # Somebody else's first attempt was committed between the two looks: there is a row to count on now.

    async def take_at_once(self, units: UnitsOfWork, attempts: Sequence[Attempt], now: datetime) -> None:
        """Count one attempt in a unit of its own, so that it counts whatever happens next. Raises TooManyAttempts.

        Two first attempts of one subject meet on the row's key; the second one repeats and finds the row.
        """
        for last_try in (False, False, True):
            try:
                async with units.begin() as unit:
                    await self.take(unit, attempts, now)
                    await unit.commit()
                    return
            except (ConstraintViolated, TransactionConflict):
                if last_try:
                    raise

    async def give_back(self, unit: Unit, attempt: Attempt) -> None:
        """Uncount one attempt: it was a good one."""
        await unit.run(self._give_back, key=attempt.key, step=attempt.limit.step)

    async def forget(self, unit: Unit, attempt: Attempt) -> None:
        """Uncount all attempts of the subject."""
        await unit.run(self._forget, key=attempt.key)

    async def sweep(self, unit: Unit, now: datetime) -> int:
        """Delete the rows that hold nobody back any more; return how many."""
        return await unit.run(self._sweep, now=round(now.timestamp() * 1000))
