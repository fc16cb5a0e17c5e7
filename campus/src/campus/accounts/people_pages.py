"""The administrators' pages: people, and how one becomes one.

One job: show them and act on them, for administrators only.
Must not know: SQL, how rights are dropped.
"""

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Final

from campus.accounts.administration import (
    appoint,
    choose_registration,
    create_invitation,
    suspend,
    unsuspend,
    void_invitation,
)
from campus.accounts.errors import LastAdministrator, NoSuchMember
from campus.accounts.forms import InvitationForm, RegistrationModeForm, RoleForm
from campus.accounts.queries import find_community, list_people
from campus.accounts.services import INVITATION_LINK, Identity
from campus.accounts.viewer import Member, Viewer, require_role, require_session
from campus.model import Role
from campus.screen import Screen
from veche.data import UnitsOfWork
from veche.web import HTTPException, RedirectResponse, Request, Response, Route
from veche.web.forms import Form


@dataclass(frozen=True)
class Administration:
    """What the handlers below share: an administrator, and what they administer with. Provided to nobody else."""

    viewer: Viewer
    units: UnitsOfWork
    identity: Identity


async def provide_administration(viewer: Viewer, units: UnitsOfWork, identity: Identity) -> Administration:
    """Provide it to administrators in person; everybody else, and their programs, get 401 or 403."""
    require_role(viewer, Role.ADMINISTRATOR)
    if isinstance(viewer, Member):
        require_session(viewer)
    return Administration(viewer, units, identity)


async def people_page(
    screen: Screen, administration: Administration, q: str = "", after: str = "", after_id: int = 0
) -> Response:
    """The members in the order of their names, found by the beginning of a name."""
    place = (after, after_id) if after else None
    reader, community_id = administration.units.reader, administration.viewer.community_id
    people, more = await list_people(reader, community_id, query=q, after=place)
    return await screen.render("accounts/people.html", people=people, more=more, query=q, roles=list(Role))


async def send_suspension(screen: Screen, administration: Administration, account_id: int) -> Response:
    """Suspend a member."""
    community_id = administration.viewer.community_id
    work = suspend(administration.units, administration.identity, community_id, account_id)
    return await _done(screen, work)


async def send_return(screen: Screen, administration: Administration, account_id: int) -> Response:
    """Let a suspended member in again."""
    return await _done(screen, unsuspend(administration.units, administration.viewer.community_id, account_id))


async def send_role(screen: Screen, administration: Administration, account_id: int, form: Form[RoleForm]) -> Response:
    """Appoint a member to a role."""
    if form.value is None:
        raise HTTPException(422, "There is no such role.")
    community_id = administration.viewer.community_id
    return await _done(screen, appoint(administration.units, community_id, account_id, form.value.role))


async def _done(screen: Screen, work: Awaitable[None]) -> Response:
    """Return to the list, or to the page that says why nothing was done."""
    try:
        await work
    except LastAdministrator:
        return await screen.render("accounts/last_administrator.html", status_code=409)
    except NoSuchMember as error:
        raise HTTPException(404, "There is no such member.") from error
    return RedirectResponse("/administration/people")


async def registration_settings_page(request: Request, screen: Screen, administration: Administration) -> Response:
    """Who may register, and the invitations that are out."""
    return await _registration_settings(request, screen, administration)


async def send_registration_mode(administration: Administration, form: Form[RegistrationModeForm]) -> Response:
    """Choose who may register."""
    if form.value is None:
        raise HTTPException(422, "There is no such choice.")
    community_id = administration.viewer.community_id
    await choose_registration(administration.units, community_id, form.value.registration)
    return RedirectResponse("/administration/registration")


async def send_invitation_request(
    request: Request, screen: Screen, administration: Administration, form: Form[InvitationForm]
) -> Response:
    """Make an invitation and show its address, this once."""
    if form.value is None:
        return await _registration_settings(request, screen, administration, form=form, status_code=422)
    community_id = administration.viewer.community_id
    path = await create_invitation(administration.units, administration.identity, community_id, uses=form.value.uses)
    return await _registration_settings(request, screen, administration, new_path=path)


async def send_invitation_void(administration: Administration, link_id: int) -> Response:
    """Take an invitation back."""
    community_id = administration.viewer.community_id
    if not await void_invitation(administration.units, administration.identity, community_id, link_id):
        raise HTTPException(404, "There is no such invitation.")
    return RedirectResponse("/administration/registration")


async def _registration_settings(
    request: Request,
    screen: Screen,
    administration: Administration,
    *,
    form: Form[InvitationForm] | None = None,
    new_path: str = "",
    status_code: int = 200,
) -> Response:
    reader, identity = administration.units.reader, administration.identity
    community = await find_community(reader, administration.viewer.community_id)
    return await screen.render(
        "accounts/registration_settings.html",
        mode_form=Form.empty(RegistrationModeForm, {"registration": community.registration}),
        invitation_form=form or Form.empty(InvitationForm),
        invitations=await identity.links.of_tenant(reader, INVITATION_LINK, community.id, identity.now()),
        new_link=request.url.origin + new_path if new_path else "",
        status_code=status_code,
        headers={"cache-control": "no-store"} if new_path else None,
    )


ROUTES: Final = (
    Route("/administration/people", people_page, methods=("GET",), name="people"),
    Route("/administration/people/{account_id:int}/suspend", send_suspension, methods=("POST",), name="suspend"),
    Route("/administration/people/{account_id:int}/return", send_return, methods=("POST",), name="unsuspend"),
    Route("/administration/people/{account_id:int}/role", send_role, methods=("POST",), name="appoint"),
    Route("/administration/registration", registration_settings_page, methods=("GET",), name="registration_settings"),
    Route("/administration/registration", send_registration_mode, methods=("POST",)),
    Route("/administration/invitations", send_invitation_request, methods=("POST",), name="create_invitation"),
    Route(
        "/administration/invitations/{link_id:int}/void",
        send_invitation_void,
        methods=("POST",),
        name="void_invitation",
    ),
)
