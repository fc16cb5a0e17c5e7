"""The pages on which one gets in and out: register, log in, log out, and the three kinds of link.

One job: a form or an address → one action → a page or another address.
Must not know: SQL, how passwords and sessions are kept.
"""

from typing import Final, TypeVar

import msgspec

from campus.accounts.actions import claim_administration, log_in, log_out, register, reset_password
from campus.accounts.administration import take_administration
from campus.accounts.entry import Attempt, Entry, same_site_address
from campus.accounts.errors import RegistrationClosed
from campus.accounts.forms import (
    LoginForm,
    NewPasswordForm,
    RegistrationForm,
    read_new_password,
    read_registration,
    refuse_forbidden_name,
)
from campus.accounts.queries import find_account, find_community
from campus.accounts.services import ADMINISTRATOR_LINK, INVITATION_LINK, PASSWORD_LINK, Identity
from campus.accounts.viewer import Member, Viewer
from campus.screen import Screen
from veche.data import Reader
from veche.identity import LinkSpent
from veche.web import RedirectResponse, Response, Route
from veche.web.forms import Form

T = TypeVar("T", bound=msgspec.Struct)

# An address that holds a secret must not be found; the site's Referrer-Policy already keeps it from other sites.
SECRET_ADDRESS: Final = {"x-robots-tag": "noindex"}
PEOPLE: Final = "/administration/people"
PROFILE: Final = "/profile"


async def registration_page(screen: Screen, viewer: Viewer, reader: Reader) -> Response:
    """The form where registration is open; otherwise why there is none."""
    if viewer.is_member:
        return RedirectResponse(PROFILE)
    community = await find_community(reader, viewer.community_id)
    form = Form.empty(RegistrationForm) if community.registration == "open" else None
    return await screen.render("accounts/register.html", form=form, registration=community.registration)


async def send_registration(screen: Screen, form: Form[RegistrationForm], entry: Entry) -> Response:
    """Register where that is open."""
    form, new = read_registration(form)
    result = Attempt(form)
    if new is not None:
        try:
            result = await entry.attempt(form, register(entry.units, entry.identity, entry.visit, new))
        except RegistrationClosed as closed:
            mode = "invitation" if closed.invitation_needed else "closed"
            return await screen.render("accounts/register.html", form=None, registration=mode, status_code=403)
    if result.secret:
        return entry.admit(result.secret, PROFILE)
    return await _again(screen, "accounts/register.html", result, registration="open")


async def invitation_page(screen: Screen, viewer: Viewer, reader: Reader, identity: Identity, secret: str) -> Response:
    """The registration form behind an invitation."""
    if viewer.is_member:
        return RedirectResponse(PROFILE)
    try:
        await identity.links.find(reader, INVITATION_LINK, secret, identity.now())
    except LinkSpent:
        return await _spent(screen)
    return await screen.render("accounts/invitation.html", form=Form.empty(RegistrationForm), headers=SECRET_ADDRESS)


async def send_invitation(screen: Screen, form: Form[RegistrationForm], secret: str, entry: Entry) -> Response:
    """Register with an invitation."""
    form, new = read_registration(form)
    result = Attempt(form)
    if new is not None:
        work = register(entry.units, entry.identity, entry.visit, new, invitation=secret)
        try:
            result = await entry.attempt(form, work)
        except (LinkSpent, RegistrationClosed):
            return await _spent(screen)
    if result.secret:
        return entry.admit(result.secret, PROFILE)
    return await _again(screen, "accounts/invitation.html", result)


async def administrator_page(
    screen: Screen, viewer: Viewer, reader: Reader, identity: Identity, secret: str
) -> Response:
    """Behind the administrator link: a new account, or for a member one button."""
    try:
        await identity.links.find(reader, ADMINISTRATOR_LINK, secret, identity.now())
    except LinkSpent:
        return await _spent(screen)
    form = None if viewer.is_member else Form.empty(RegistrationForm)
    return await screen.render("accounts/administrator.html", form=form, headers=SECRET_ADDRESS)


async def send_administrator(
    screen: Screen, viewer: Viewer, form: Form[RegistrationForm], secret: str, entry: Entry
) -> Response:
    """Become the administrator."""
    try:
        if isinstance(viewer, Member):
            await take_administration(entry.units, entry.identity, viewer.community_id, viewer.account_id, secret)
            return RedirectResponse(PEOPLE)
        form, new = read_registration(form)
        result = Attempt(form)
        if new is not None:
            work = claim_administration(entry.units, entry.identity, entry.visit, new, secret)
            result = await entry.attempt(form, work)
    except LinkSpent:
        return await _spent(screen)
    if result.secret:
        return entry.admit(result.secret, PEOPLE)
    return await _again(screen, "accounts/administrator.html", result)


async def password_page(screen: Screen, reader: Reader, identity: Identity, secret: str) -> Response:
    """The form behind a password link."""
    try:
        name = await _name_behind(reader, identity, secret)
    except LinkSpent:
        return await _spent(screen)
    form = Form.empty(NewPasswordForm)
    return await screen.render("accounts/new_password.html", form=form, account_name=name, headers=SECRET_ADDRESS)


async def send_new_password(screen: Screen, form: Form[NewPasswordForm], secret: str, entry: Entry) -> Response:
    """Set the password, and log in with it."""
    try:
        name = await _name_behind(entry.units.reader, entry.identity, secret)
        form, password = read_new_password(form, name)
        result = Attempt(form)
        if password is not None:
            work = reset_password(entry.units, entry.identity, entry.visit, secret, password)
            result = await entry.attempt(form, work)
    except LinkSpent:
        return await _spent(screen)
    if result.secret:
        return entry.admit(result.secret, PROFILE)
    return await _again(screen, "accounts/new_password.html", result, account_name=name)


async def login_page(screen: Screen, viewer: Viewer, next: str = "") -> Response:
    """The login form; who is logged in already goes on."""
    if viewer.is_member:
        return RedirectResponse(same_site_address(next))
    return await screen.render("accounts/login.html", form=Form.empty(LoginForm, {"next": next}))


async def send_login(screen: Screen, form: Form[LoginForm], entry: Entry) -> Response:
    """Log in, and go on to where one wanted to be."""
    form = refuse_forbidden_name(form)
    typed = form.value
    if typed is None:
        return await _again(screen, "accounts/login.html", Attempt(form))
    work = log_in(entry.units, entry.identity, entry.visit, typed.account_name, typed.password)
    result = await entry.attempt(form, work)
    if result.secret:
        return entry.admit(result.secret, same_site_address(typed.next))
    return await _again(screen, "accounts/login.html", result)


async def send_logout(entry: Entry) -> Response:
    """End the session."""
    if entry.visit.session_secret:
        await log_out(entry.units, entry.identity, entry.visit.session_secret)
    response = RedirectResponse("/")
    entry.cookie.take(response, entry.request)
    return response


async def _again(screen: Screen, template: str, result: Attempt[T], **context: str) -> Response:
    """Return the page with the form as it came back."""
    headers = {**SECRET_ADDRESS, **result.headers}
    return await screen.render(template, form=result.form, status_code=result.status_code, headers=headers, **context)


async def _spent(screen: Screen) -> Response:
    """Return the page that a link leads to when it opens nothing."""
    return await screen.render("accounts/link_spent.html", status_code=410, headers=SECRET_ADDRESS)


async def _name_behind(reader: Reader, identity: Identity, secret: str) -> str:
    """Return the name of the account that a password link is for. Raises LinkSpent."""
    link = await identity.links.find(reader, PASSWORD_LINK, secret, identity.now())
    account = await find_account(reader, link.account_id or 0)
    if account is None:
        raise LinkSpent
    return account.name


ROUTES: Final = (
    Route("/register", registration_page, methods=("GET",), name="register"),
    Route("/register", send_registration, methods=("POST",)),
    Route("/invitation/{secret}", invitation_page, methods=("GET",), name="invitation"),
    Route("/invitation/{secret}", send_invitation, methods=("POST",)),
    Route("/administrator/{secret}", administrator_page, methods=("GET",), name="administrator_link"),
    Route("/administrator/{secret}", send_administrator, methods=("POST",)),
    Route("/password/{secret}", password_page, methods=("GET",), name="password_link"),
    Route("/password/{secret}", send_new_password, methods=("POST",)),
    Route("/login", login_page, methods=("GET",), name="login"),
    Route("/login", send_login, methods=("POST",)),
    Route("/logout", send_logout, methods=("POST",), name="logout"),
)
