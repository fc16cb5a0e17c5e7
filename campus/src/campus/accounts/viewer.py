"""Who is asking: every handler's `Viewer`, and `Member` for those that need somebody who is logged in.

One job: session cookie or bearer token → account → what they are in this community; asked once for each request.
Must not know: pages, what the roles may do in other features.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from campus.accounts.queries import find_membership
from campus.accounts.services import Identity
from campus.model import Membership, Role
from campus.settings import Language
from veche.data import DataError, UnitsOfWork
from veche.identity import PersonalTokenModel, SessionModel
from veche.log import Level, Sink
from veche.web import HTTPConnection, HTTPException

STATE_KEY: Final = "viewer"
BEARER: Final = "bearer "
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
    session_id: int = 0
    """The session that the cookie opened; 0 for a stranger and for a bearer token."""

    @property
    def is_member(self) -> bool:
        return self.account_id is not None

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
    """Finds the viewer of a connection; cookie_name is the session cookie's."""

    def __init__(
        self, units: UnitsOfWork, identity: Identity, logger: Sink, *, cookie_name: str, community_id: int
    ) -> None:
        self._units = units
        self._identity = identity
        self._logger = logger
        self._community_id = community_id
        self.cookie_name = cookie_name

    async def viewer(self, connection: HTTPConnection) -> Viewer:
        """Return who is asking; the reader's chosen language is put where templates look for it.

        A bearer token counts before a cookie. Raises HTTPException(401) for a token that opens nothing: a program that
        is taken for a stranger would not learn why it finds so little.
        """
        known = connection.state.get(STATE_KEY)
        if isinstance(known, Viewer):
            return known
        viewer = await self._find(connection)
        connection.state.viewer = viewer
        if viewer.language is not None:
            connection.state.language = viewer.language
        return viewer

    async def member(self, connection: HTTPConnection) -> Member:
        """Return who is asking, if they are logged in. Raises HTTPException(401)."""
        viewer = await self.viewer(connection)
        if not isinstance(viewer, Member):
            raise HTTPException(401, "Log in first.", headers={"www-authenticate": "Bearer"})
        return viewer

    async def _find(self, connection: HTTPConnection) -> Viewer:
        now = self._identity.now()
        authorization = connection.headers.get("authorization", "")
        if authorization[: len(BEARER)].lower() == BEARER:
            return await self._of_token(authorization[len(BEARER) :].strip(), now)
        secret = connection.cookies.get(self.cookie_name, "")
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
