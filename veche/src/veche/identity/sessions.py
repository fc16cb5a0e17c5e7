"""Sessions: which browser is logged in as whom.

One job: start, find, list and end the rows that a session cookie opens.
Must not know: requests, cookies' lines, what an account may do.

The cookie holds 256 random bits and nothing else; the table holds their SHA-256. A session id is made at login and
never taken from the browser, so that nobody can be given one that somebody else knows (session fixation).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam, delete, or_, select, update

from veche.data import Reader, Statement, Unit
from veche.identity.models import MAX_ADDRESS, MAX_USER_AGENT, SessionModel
from veche.identity.secrets import digest_of, new_secret


@dataclass(frozen=True)
class SessionTimes:
    """How long a session lives without a request, how long at all, and how exact its `last_seen_at` is."""

    idle: timedelta = timedelta(days=30)
    absolute: timedelta = timedelta(days=180)
    exactness: timedelta = timedelta(minutes=10)


@dataclass(frozen=True)
class Browser:
    """What is shown about a session to its owner: so that they recognise their own."""

    user_agent: str
    address: str


def session_cookie_name(*, secure: bool) -> str:
    """Return the cookie's name; over https browsers refuse a `__Host-` one that another host or plain http sets."""
    return "__Host-session" if secure else "session"


class Sessions:
    """The sessions of one table; writing methods run inside the caller's unit of work."""

    def __init__(self, model: type[SessionModel], times: SessionTimes | None = None) -> None:
        self._model = model
        self.times = times or SessionTimes()
        alive = (model.expires_at > bindparam("now"), model.last_seen_at > bindparam("idle_since"))
        theirs = model.account_id == bindparam("account_id")
        self._find = Statement(select(model).where(model.digest == bindparam("digest"), *alive), model)
        self._list = Statement(
            select(model).where(theirs, *alive).order_by(model.last_seen_at.desc(), model.id).limit(100), model
        )
        self._touch = Statement(
            update(model)
            .where(model.id == bindparam("session_id"), model.last_seen_at <= bindparam("seen_before"))
            .values(last_seen_at=bindparam("now"))
        )
        self._end = Statement(delete(model).where(model.id == bindparam("session_id"), theirs))
        self._end_secret = Statement(delete(model).where(model.digest == bindparam("digest")))
        self._end_all = Statement(delete(model).where(theirs, model.id != bindparam("but_session_id")))
        self._sweep = Statement(
            delete(model).where(
                or_(model.expires_at <= bindparam("now"), model.last_seen_at <= bindparam("idle_since"))
            )
        )

    async def start(self, unit: Unit, account_id: int, browser: Browser, now: datetime, *, replaces: str = "") -> str:
        """Return the secret of a new session. replaces: the browser's present secret, whose session ends."""
        if replaces:
            await unit.run(self._end_secret, digest=digest_of(replaces))
        secret = new_secret()
        await unit.insert(
            self._model(
                account_id=account_id,
                digest=digest_of(secret),
                created_at=now,
                last_seen_at=now,
                expires_at=now + self.times.absolute,
                user_agent="".join(c for c in browser.user_agent if c.isprintable())[:MAX_USER_AGENT],
                address=browser.address[:MAX_ADDRESS],
            )
        )
        return secret

    async def find(self, reader: Reader, secret: str, now: datetime) -> SessionModel | None:
        """Return the living session that the secret opens; None when there is none, or it is over."""
        return await reader.first(self._find, digest=digest_of(secret), now=now, idle_since=now - self.times.idle)

    def is_stale(self, session: SessionModel, now: datetime) -> bool:
        """Return whether `last_seen_at` is so old that touch() is worth a write."""
        return session.last_seen_at <= now - self.times.exactness

    async def touch(self, unit: Unit, session: SessionModel, now: datetime) -> None:
        """Note that the session is in use; of several requests at once only the first one writes."""
        await unit.run(self._touch, session_id=session.id, now=now, seen_before=now - self.times.exactness)

    async def of_account(self, reader: Reader, account_id: int, now: datetime) -> list[SessionModel]:
        """Return the account's living sessions, the one seen last first; at most 100."""
        return await reader.all(self._list, account_id=account_id, now=now, idle_since=now - self.times.idle)

    async def end(self, unit: Unit, account_id: int, session_id: int) -> bool:
        """End one session of the account; False when the account has no such session."""
        return await unit.run(self._end, account_id=account_id, session_id=session_id) > 0

    async def end_secret(self, unit: Unit, secret: str) -> None:
        """End the session that the secret opens, if there is one."""
        await unit.run(self._end_secret, digest=digest_of(secret))

    async def end_all(self, unit: Unit, account_id: int, *, but: int = 0) -> int:
        """End the account's sessions but one (0: all of them); return how many."""
        return await unit.run(self._end_all, account_id=account_id, but_session_id=but)

    async def sweep(self, unit: Unit, now: datetime) -> int:
        """Delete the rows of sessions that are over; return how many."""
        return await unit.run(self._sweep, now=now, idle_since=now - self.times.idle)
