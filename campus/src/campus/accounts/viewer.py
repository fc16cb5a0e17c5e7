"""Who is asking: every handler's `Viewer`, and `Member` for those that need somebody who is logged in.

One job: session cookie or bearer token → account → what they are in this community; asked once for each request.
Must not know: pages, what the roles may do in other features.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from campus.accounts.queries import account_topic, find_membership
from campus.accounts.services import Identity
from campus.model import Membership, Role
from campus.settings import Language
from veche.data import DataError, UnitsOfWork
from veche.identity import PersonalTokenModel, SessionModel
from veche.live import Audience
from veche.log import Level, Sink
from veche.web import HTTPConnection, HTTPException

STATE_KEY: Final = "viewer"
LOOKING_KEY: Final = "viewer_looking"
BEARER: Final = "bearer"
LANGUAGE_COOKIE: Final = "language"


@dataclass(frozen=True)
class Viewer:
    """Whoever sent the request; account_id and role are None for a stranger, and for a suspended member."""

    community_id: int
    account_id: int | None = None
    role: Role | None = None
    account_name: str = ""
    shown_name: str = ""
    language: Language | None = None
    """What the member chose; None leaves it to the browser."""
    reads: str = "en"
    """The language in which this request is answered."""
    session_id: int = 0
    """The session that the cookie opened; 0 for a stranger and for a bearer token."""

    @property
    def is_member(self) -> bool:
        return self.account_id is not None

    @property
    def key(self) -> str:
        """Who this is, for live parts."""
        return "stranger" if self.account_id is None else f"account:{self.account_id}"

    @property
    def audience(self) -> Audience:
        """All that the HTML of a shared live part may depend on."""
        return Audience(self.community_id, "stranger" if self.role is None else self.role.value, self.reads)

    @property
    def topics(self) -> Sequence[str]:
        """The topic that tells live parts to ask again what this viewer may see."""
        return () if self.account_id is None else (account_topic(self.account_id),)

    @property
    def administers(self) -> bool:
        return self.role is Role.ADMINISTRATOR

    @property
    def teaches(self) -> bool:
        return self.role in (Role.TEACHER, Role.ADMINISTRATOR)

    @property
    def moderates(self) -> bool:
        return self.role in (Role.MODERATOR, Role.ADMINISTRATOR)


@dataclass(frozen=True)
class Member(Viewer):
    """A Viewer who is logged in; a handler that asks for one answers 401 to others (pages lead to the login)."""

    account_id: int = 0
    role: Role = Role.MEMBER


class Viewers:
    """Finds the viewer of a connection.

    language_of: the language in which a connection is answered, after what the member chose is known.
    """

    def __init__(
        self,
        units: UnitsOfWork,
        identity: Identity,
        logger: Sink,
        *,
        cookie_name: str,
        community_id: int,
        language_of: Callable[[HTTPConnection], str],
    ) -> None:
        self._units = units
        self._identity = identity
        self._logger = logger
        self._cookie_name = cookie_name
        self._community_id = community_id
        self._language_of = language_of

    async def viewer(self, connection: HTTPConnection) -> Viewer:
        """Return who is asking; the reader's chosen language is put where templates look for it.

        A bearer token counts before a cookie. Raises HTTPException(401) for a token that opens nothing: a program that
        is taken for a stranger would not learn why it finds so little.
        """
        known = connection.state.get(STATE_KEY)
        if isinstance(known, Viewer):
            return known
        # The handler and what its layout loads ask at the same moment; one look-up answers both. Shielded: a part
        # that is given up must not take the look-up away from the handler.
        looking: asyncio.Task[Viewer] | None = connection.state.get(LOOKING_KEY)
        if looking is None:
            looking = asyncio.create_task(self.viewer_now(connection), name="viewer")
            connection.state.viewer_looking = looking
        return await asyncio.shield(looking)

    async def viewer_now(self, connection: HTTPConnection) -> Viewer:
        """Return who is asking, looked up again: a socket lives longer than a session or a role."""
        viewer = await self._find(connection)
        if viewer.language is not None:
            connection.state.language = viewer.language
        viewer = replace(viewer, reads=self._language_of(connection))
        connection.state.viewer = viewer
        return viewer

    async def member(self, connection: HTTPConnection) -> Member:
        """Return who is asking, if they are logged in. Raises HTTPException(401)."""
        viewer = await self.viewer(connection)
        if not isinstance(viewer, Member):
            raise HTTPException(401, "Log in first.", headers={"www-authenticate": "Bearer"})
        return viewer

    async def _find(self, connection: HTTPConnection) -> Viewer:
        now = self._identity.now()
        scheme, _space, token = connection.headers.get("authorization", "").partition(" ")
        if scheme.lower() == BEARER:
            return await self._of_token(token.strip(), now)
        secret = connection.cookies.get(self._cookie_name, "")
        if secret:
            session = await self._identity.sessions.find(self._units.reader, secret, now)
            if session is not None:
                viewer = await self._of_account(session.account_id, session.id)
                if viewer.is_member and self._identity.sessions.is_stale(session, now):
                    await self._note_use(session, now)
                return viewer
        return Viewer(self._community_id)

    async def _of_token(self, secret: str, now: datetime) -> Viewer:
        token = await self._identity.tokens.find(self._units.reader, secret)
        viewer = Viewer(self._community_id) if token is None else await self._of_account(token.account_id, 0)
        if token is None or not viewer.is_member:
            raise HTTPException(
                401,
                "This token opens nothing; it may have been revoked.",
                headers={"www-authenticate": 'Bearer error="invalid_token"'},  # RFC 6750 §3.1
            )
        if self._identity.tokens.is_stale(token, now):
            await self._note_use(token, now)
        return viewer

    async def _of_account(self, account_id: int, session_id: int) -> Viewer:
        member = await find_membership(self._units.reader, self._community_id, account_id)
        if member is None or member.suspended_at is not None:
            return Viewer(self._community_id)
        return member_of(member, session_id)

    async def _note_use(self, row: SessionModel | PersonalTokenModel, now: datetime) -> None:
        """Write when the session or token was last used: at most once in its ten minutes.

        A database that cannot write now must not keep the page away, so the failure is logged here and goes no further.
        """
        try:
            async with self._units.begin() as unit:
                if isinstance(row, SessionModel):
                    await self._identity.sessions.touch(unit, row, now)
                else:
                    await self._identity.tokens.touch(unit, row, now)
                await unit.commit()
        except DataError as error:
            self._logger.log_message("last use was not noted", level=Level.WARNING, error=str(error))


def member_of(member: Membership, session_id: int) -> Member:
    """Return the viewer that this member is."""
    return Member(
        community_id=member.community_id,
        account_id=member.account_id,
        role=member.role,
        account_name=member.account_name,
        shown_name=member.shown_name,
        language=member.language,
        session_id=session_id,
    )


def require_role(viewer: Viewer, *roles: Role) -> None:
    """Let those with one of the roles pass, and administrators always.

    Raises HTTPException: 401 for strangers, 403 for members with other roles.
    """
    if not viewer.is_member:
        raise HTTPException(401, "Log in first.", headers={"www-authenticate": "Bearer"})
    if viewer.role not in roles and not viewer.administers:
        raise HTTPException(403, "Your role here does not allow this.")


def require_session(member: Member) -> None:
    """Keep programs from what only the member in person may do: a leaked token must not make itself more tokens.

    Raises HTTPException(403) for a bearer token.
    """
    if not member.session_id:
        raise HTTPException(403, "A personal token cannot do this; log in with a browser.")
